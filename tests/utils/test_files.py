"""Files are replaced whole or not at all, whatever breaks; what is damaged is named."""
import builtins
import errno
import io
import os
import subprocess
import sys

import numpy as np
import pytest

from minikeras.engine.saving import load_weights, save_weights
from minikeras.layers import Dense
from minikeras.models import Sequential, load_model
from minikeras.utils import DamagedFileError, files
from minikeras.utils.files import atomic_file, checksum


def test_a_file_is_replaced_at_the_end_or_not_at_all(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    target.chmod(0o640)

    def break_off():
        with atomic_file(target) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert target.read_text() == "old"
    with atomic_file(target) as file:
        file.write(b"new")
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["x"]


def test_a_new_file_has_the_permissions_that_are_usual(tmp_path):
    (tmp_path / "usual").write_text("")
    with atomic_file(tmp_path / "x"):
        pass
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


def test_what_is_no_file_is_not_replaced(tmp_path):
    with pytest.raises(OSError, match="is no file"), atomic_file(tmp_path):
        pass
    with pytest.raises(OSError, match="is no file"), atomic_file("/dev/null"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="processes are asked for by POSIX's kill")
def test_what_killed_processes_left_is_removed_and_what_others_write_is_not(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    name = f"x.{files.platform.node()[:50]}"
    for pid in (process.pid, os.getppid()):
        (tmp_path / f"{name}.{pid}.00.tmp").write_text("half")
    with atomic_file(tmp_path / "x"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["x", f"{name}.{os.getppid()}.00.tmp"]


def test_the_disk_has_the_data_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: calls.append(name) or real(*args))
    with atomic_file(tmp_path / "x") as file:
        file.write(b"1")
        assert calls == []
    assert calls == ["fsync", "replace", "fsync"]


# ---- each call to the system failing once

class Disk:
    """The calls to the system of a save, of which the n-th fails in a way: with an error, or by writing a part only."""

    def __init__(self, monkeypatch, n, way):
        self.n, self.way, self.count, disk = n, way, 0, self

        class Raw(io.FileIO):
            def write(self, data):
                if disk.fails() and disk.way == "short":
                    return super().write(memoryview(data).cast("B")[:max(1, memoryview(data).nbytes // 3)])
                return super().write(data)

        def opened(path, mode="r", *args, **kwargs):
            return io.BufferedRandom(Raw(path, "x+")) if mode == "xb+" else real_open(path, mode, *args, **kwargs)

        real_open = builtins.open
        monkeypatch.setattr(files, "open", opened, raising=False)
        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, lambda *a, real=getattr(os, name): (disk.fails(), real(*a))[1])

    def fails(self):
        self.count += 1
        if self.count == self.n and self.way != "short":
            raise OSError(self.way, os.strerror(self.way))
        return self.count == self.n


def model_of(value):
    model = Sequential([Dense(30, input_shape=(40,), name="a"), Dense(3, name="b")])
    model.set_weights([np.full(w.shape, value, "float32") for w in model.get_weights()])
    return model


@pytest.mark.parametrize("name", ["m.h5", "m.safetensors"])
@pytest.mark.parametrize("way", [errno.EIO, errno.ENOSPC, "short"])
def test_each_write_sync_and_replace_may_fail_and_a_whole_file_is_there(tmp_path, monkeypatch, name, way):
    pytest.importorskip("h5py")
    old, new, read, path = model_of(1), model_of(2), model_of(0), tmp_path / name
    n = failed = 0
    while True:
        save_weights(old, path)
        n += 1
        with monkeypatch.context() as patch:
            disk = Disk(patch, n, way)
            try:
                save_weights(new, path)
            except OSError:
                failed += 1
        load_weights(read, path)
        values = {float(v) for w in read.get_weights() for v in np.unique(w)}
        assert len(values) == 1
        assert values <= ({1.0, 2.0} if disk.count >= n and way != "short" else {2.0})
        assert os.listdir(tmp_path) == [name]
        if disk.count < n:
            break
    assert n > 4
    assert failed == (0 if way == "short" else n - 1)


@pytest.mark.parametrize("name", ["m.h5", "m.safetensors"])
def test_a_changed_number_is_found_by_its_checksum(tmp_path, name):
    pytest.importorskip("h5py")
    path = tmp_path / name
    save_weights(model_of(1), path)
    content = bytearray(path.read_bytes())
    at = content.index(np.full(20, 1, "float32").tobytes())
    content[at + 6] ^= 1
    path.write_bytes(content)
    read = model_of(0)
    for options in ({}, {"trusted": True}, {"by_name": True, "skip_mismatch": True}):
        with pytest.raises(DamagedFileError, match=r"m\.\w+: .*a/.*is damaged: its checksum"):
            load_weights(read, path, **options)
    assert not any(w.any() for w in read.get_weights())


def test_a_checksum_depends_on_dtype_shape_and_values_alone():
    x = np.arange(6, dtype="float32").reshape(2, 3)
    assert checksum(x) == checksum(x.astype(">f4")) == checksum(np.asfortranarray(x))
    assert len({checksum(v) for v in (x, x.astype("int32"), x.reshape(3, 2), x[:1], x.astype("float64"))}) == 5
    assert checksum(np.float32(1)) == checksum(np.ones((), "float32"))


def test_files_cut_short_say_so(tmp_path):
    pytest.importorskip("h5py")
    path = tmp_path / "m.h5"
    model_of(1).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DamagedFileError, match=r"m\.h5.*bytes"):
        load_model(path)
