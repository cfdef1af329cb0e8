"""BackupAndRestore: a training that ended at some batch goes on to the same bits. `nox -s killed` tries all of them."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.callbacks import BackupAndRestore, Callback
from tests.callbacks.killed_training import EPOCHS, KINDS, STEPS, Killed, train

pytestmark = pytest.mark.filterwarnings("ignore:.*EarlyStopping.*")


def stop():
    raise Killed


def seeded(seed):
    np.random.seed(seed)
    K.clear_session()


def same(got, expected):
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def killed_and_continued(kind, folder, at, **arguments):
    """What a training comes to that ends at each of the batches `at`; every beginning has other seeds."""
    for seed, batch in enumerate(at):
        seeded(seed + 1 if seed else 0)
        with pytest.raises(Killed):
            train(kind, folder, batch, stop, **arguments)
    seeded(len(at) + 1)
    return train(kind, folder, **arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_goes_on_to_the_same_bits_from_within_an_epoch_and_from_its_end(backend, kind, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    seeded(0)
    expected = train(kind, whole)
    same(killed_and_continued(kind, parts, [2, STEPS - 1, STEPS, 2 * STEPS + 3]), expected)
    assert not list(parts.glob("backup*"))


@pytest.mark.parametrize("save_freq", [3, "epoch"])
def test_what_came_after_the_last_save_is_trained_again(save_freq, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    seeded(0)
    expected = train("arrays", whole, save_freq=save_freq)
    same(killed_and_continued("arrays", parts, [4, 7, 16], save_freq=save_freq), expected)


def test_every_batch(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    seeded(0)
    expected = train("arrays", whole)
    for at in range(1, EPOCHS * STEPS):
        folder = tmp_path / str(at)
        folder.mkdir()
        same(killed_and_continued("arrays", folder, [at]), expected)


def test_a_process_that_is_killed(tmp_path):
    def process(folder, *at):
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.callbacks.killed_training", "arrays", str(folder), *map(str, at)]
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        return subprocess.run(command, cwd=root, env={**os.environ, "MINIKERAS_BACKEND": "numpy"}).returncode

    # No seeds are set: what the killed process drew is in the file.
    assert process(tmp_path / "a", 7) == -signal.SIGKILL
    backup = (tmp_path / "a" / "backup.npz").read_bytes()
    results = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "backup.npz").write_bytes(backup)
        if name == "b":
            (tmp_path / "b" / "best.h5").write_bytes((tmp_path / "a" / "best.h5").read_bytes())
            assert process(tmp_path / "b", 13) == -signal.SIGKILL
        assert process(tmp_path / name) == 0
        with np.load(tmp_path / name / "result.npz") as file:
            results.append([file[key] for key in file.files])
    same(*results)


def test_a_damaged_file_gives_way_to_the_one_before(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    seeded(0)
    expected = train("arrays", whole)
    seeded(0)
    with pytest.raises(Killed):
        train("arrays", parts, 8, stop)
    file = parts / "backup.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    same(train("arrays", parts), expected)


def test_files_of_other_models_and_of_no_use_are_refused(tmp_path):
    with pytest.raises(Killed):
        train("arrays", tmp_path, 3, stop)
    with pytest.raises(ValueError, match="backup of another model"):
        train("stateful", tmp_path)
    (tmp_path / "backup.npz").write_bytes(b"no zip")
    (tmp_path / "backup.npz.previous").unlink()
    with pytest.raises(ValueError, match="no file can be read"):
        train("arrays", tmp_path)


def test_files_that_stay_show_a_training_that_is_over(tmp_path):
    expected = train("arrays", tmp_path, delete_checkpoint=False)
    same(train("arrays", tmp_path, 0, stop, delete_checkpoint=False)[:-2], expected[:-2])


def test_another_backend_goes_on_with_a_warning(tmp_path):
    with pytest.raises(Killed):
        train("arrays", tmp_path, 12, stop)
    state = BackupAndRestore(tmp_path / "backup.npz")._load()
    state["environment"]["backend"] = "other"
    callback = BackupAndRestore(tmp_path / "backup.npz")
    callback._load = lambda: state
    with pytest.warns(RuntimeWarning, match="'backend': .'other', 'numpy'.*last bits may differ"):
        train_with(callback)


def train_with(callback):
    from tests.callbacks import killed_training

    original = killed_training.BackupAndRestore
    killed_training.BackupAndRestore = lambda *args, **kwargs: callback
    try:
        return train("arrays", os.path.dirname(callback.filepath))
    finally:
        killed_training.BackupAndRestore = original


def test_threads_are_recorded_and_pinned(tmp_path):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1), pytest.raises(Killed):
        train("arrays", tmp_path, 3, stop)
    state = BackupAndRestore(tmp_path / "backup.npz")._load()
    assert state["threads"]
    assert all(number == 1 for _, _, number in state["threads"])


def test_plain_attributes_of_a_callback_are_its_state():
    callback = Callback()
    callback.count, callback.best, callback.open, callback.table = 3, np.float32(0.1), print, {1: (2, [np.ones(2)])}
    state = callback.get_state()
    assert "model" not in state
    other = Callback()
    other.set_state({name: state[name] for name in ("count", "best", "table")})
    assert (other.count, other.best, other.table[1][0]) == (3, np.float32(0.1), 2)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="save_freq"):
        BackupAndRestore("x", save_freq=0)
