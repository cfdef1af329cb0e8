"""BackupAndRestore: a training that ended at some moment goes on to the same bits. `nox -s killed`: of every kind."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.callbacks import BackupAndRestore, Callback, TerminateOnNaN
from minikeras.callbacks.backup import packed, unpacked
from tests.callbacks.killed_training import KINDS, STEPS, Killed, differences, train

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes to kill are forked")
LONG = bool(os.environ.get("MINIKERAS_LONG"))
MOMENTS = [(0, "batch ends", 2), (1, "epoch begins", 0), (1, "batch ends", STEPS - 1), (2, "validation", 0)]


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def stop():
    raise Killed


def seeded(seed):
    np.random.seed(seed)
    K.clear_session()


def killed_and_continued(kind, folder, moments=MOMENTS, **arguments):
    """What a training comes to that ends at each of the moments; every beginning has another seed."""
    for seed, moment in enumerate(moments):
        seeded(seed)
        with pytest.raises(Killed):
            train(kind, folder, moment, stop, **arguments)
    seeded(len(moments))
    return train(kind, folder, **arguments)


def killed(backend, folder, *arguments):
    """{kind: (number of kills, what differs)}"""
    root = pathlib.Path(__file__).parents[2]
    # What XLA compiled for one process is there for those after it.
    cache = {"JAX_COMPILATION_CACHE_DIR": str(folder / "cache"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
             "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}  # fmt: skip
    command = [sys.executable, "-m", "tests.callbacks.killed_training", backend, str(folder), *arguments]
    done = subprocess.run(command, cwd=root, env={**os.environ, **cache}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@needs_fork
def test_a_training_that_is_killed_at_every_moment_ends_in_the_same_bits(backend, tmp_path):
    kinds = KINDS if LONG else ["generator"]
    found = killed(backend, tmp_path, *kinds)
    print(found)
    assert {kind: differ for kind, (kills, differ) in found.items()} == {kind: [] for kind in kinds}
    assert all(kills >= 3 * (STEPS + 3) for kills, _ in found.values())


@needs_fork
@pytest.mark.skipif(not LONG, reason="minutes: nox -s killed")
def test_a_training_that_is_killed_at_random_moments_ends_in_the_same_bits(backend, tmp_path):
    found = killed(backend, tmp_path, "random", "arrays", "generator")
    print(found)
    assert all(kills and not differ for kills, differ in found.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_goes_on_where_it_was(kind, tmp_path):
    seeded(0)
    expected = train(kind, tmp_path / "whole")
    assert not differences(killed_and_continued(kind, tmp_path / "parts"), expected)


@pytest.mark.parametrize("save_freq", [3, "epoch"])
def test_what_came_after_the_last_save_is_trained_again(save_freq, tmp_path):
    seeded(0)
    expected = train("arrays", tmp_path / "whole")
    assert not differences(killed_and_continued("arrays", tmp_path / "parts", save_freq=save_freq), expected)


def test_a_damaged_file_gives_way_to_the_one_before(tmp_path):
    seeded(0)
    expected = train("arrays", tmp_path / "whole")
    seeded(0)
    with pytest.raises(Killed):
        train("arrays", tmp_path / "parts", (1, "batch ends", 3), stop)
    file = tmp_path / "parts" / "backup"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert not differences(train("arrays", tmp_path / "parts"), expected)


def test_files_of_other_models_and_of_no_use_are_refused(tmp_path):
    with pytest.raises(Killed):
        train("arrays", tmp_path, (0, "batch ends", 3), stop)
    with pytest.raises(ValueError, match="backup of another model"):
        train("stateful", tmp_path)
    for name in ("backup", "backup.previous"):
        (tmp_path / name).write_bytes(b"no backup")
    with pytest.raises(ValueError, match=r"no file can be read.*damaged, or no file of this version"):
        train("arrays", tmp_path)


def test_files_that_stay_show_a_training_that_is_over(tmp_path):
    expected = train("arrays", tmp_path, delete_checkpoint=False)
    passed = []
    assert not differences(train("arrays", tmp_path, passed=passed, delete_checkpoint=False), expected)
    assert not passed


def test_other_callbacks_start_anew_and_the_others_go_on(tmp_path, capsys):
    seeded(0)
    expected = train("arrays", tmp_path / "whole")
    seeded(0)
    with pytest.raises(Killed):
        train("arrays", tmp_path / "parts", (1, "batch ends", 1), stop)
    with pytest.warns(RuntimeWarning, match=r"no state of the callbacks \['TerminateOnNaN'\]"):
        assert not differences(train("arrays", tmp_path / "parts", verbose=1, more=[TerminateOnNaN()]), expected)


def test_another_environment_goes_on_with_a_warning(tmp_path):
    with pytest.raises(Killed):
        train("arrays", tmp_path, (0, "batch ends", 3), stop)
    file = tmp_path / "backup"
    state = unpacked(file.read_bytes())
    state["environment"]["backend"] = "other"
    file.write_bytes(b"".join(packed(state)))
    with pytest.warns(RuntimeWarning, match=f"'backend': .'other', '{K.backend()}'"):
        train("arrays", tmp_path)


def test_numbers_of_threads_are_recorded_and_pinned(tmp_path):
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def numbers():
        return {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}

    def look_and_stop():
        seen.append(numbers())
        raise Killed

    before, seen = numbers(), []
    with threadpoolctl.threadpool_limits(1), pytest.raises(Killed):
        train("arrays", tmp_path, (0, "batch ends", 3), stop)
    assert set(unpacked((tmp_path / "backup").read_bytes())["threads"].values()) == {1}
    with threadpoolctl.threadpool_limits(2), pytest.raises(Killed):
        train("arrays", tmp_path, (1, "batch ends", 3), look_and_stop)
    assert seen == [{1}]
    assert numbers() == before


def test_plain_attributes_of_a_callback_are_its_state():
    callback = Callback()
    callback.count, callback.best, callback.open, callback.table = 3, np.float32(0.1), print, {1: (2, [np.ones(2)])}
    state = callback.get_state()
    assert "model" not in state
    other = Callback()
    other.set_state({name: state[name] for name in ("count", "best", "table")})
    assert (other.count, other.best, other.table[1][0]) == (3, np.float32(0.1), 2)


def test_plain_data_come_back_with_their_types():
    value = {"a": [1, 2.5, None, True, "ü"], (1, 2): np.float32(0.1), "n": float("inf"), 3: {},
             "arrays": [np.arange(6.0).reshape(2, 3), np.zeros((0, 2), "int8"), np.array("text"),
                        np.arange(9000.0).reshape(90, 100).T]}  # fmt: skip
    found = unpacked(b"".join(packed(value)))
    assert repr(found) == repr(value)
    assert found["arrays"][0].flags.writeable
    np.testing.assert_array_equal(found["arrays"][3], value["arrays"][3])
    with pytest.raises(TypeError, match="object is no plain data"):
        packed([object()])
    data = b"".join(packed(value))
    for at in range(0, len(data), 97):
        with pytest.raises(ValueError, match="damaged"):
            unpacked(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        with pytest.raises(ValueError, match="damaged"):
            unpacked(data[:at])


def test_a_folder_is_a_place_for_the_file_and_other_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="save_freq"):
        BackupAndRestore("x", save_freq=0)
    assert BackupAndRestore(tmp_path).filepath == str(tmp_path / "training.backup")
