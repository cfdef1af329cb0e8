"""Sequences and the workers that make batches ahead; files from the net."""
import hashlib
import itertools
import multiprocessing
import pathlib
import socket
import tarfile
import threading
import time
import zipfile

import numpy as np
import pytest

from minikeras.utils import GeneratorEnqueuer, OrderedEnqueuer, Sequence, get_file
from minikeras.utils.data_utils import validate_file


class Batches(Sequence):
    def __init__(self, n=5, fault_at=None, seconds=0.0):
        self.n, self.fault_at, self.seconds, self.epoch = n, fault_at, seconds, 0

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        time.sleep(self.seconds * (self.n - index))
        if index == self.fault_at:
            raise IndexError(f"no batch {index}")
        return self.epoch * 100 + index

    def on_epoch_end(self):
        self.epoch += 1


def take(enqueuer, n):
    batches = enqueuer.get()
    taken = list(itertools.islice(batches, n))
    enqueuer.stop()
    return taken


# Forking a process that has threads is deprecated from Python 3.12 on, and what users of workers ask for.
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning", "ignore:os.fork:RuntimeWarning")


def test_a_sequence_is_iterated_for_one_epoch():
    assert list(Batches(3)) == [0, 1, 2]


@pytest.fixture(params=["threads", *multiprocessing.get_all_start_methods()])
def processes(request):
    """Whether workers are processes, which are started in this way, and all gone at the end."""
    before = multiprocessing.get_start_method()
    if request.param != "threads":
        multiprocessing.set_start_method(request.param, force=True)
    yield request.param != "threads"
    multiprocessing.set_start_method(before, force=True)
    assert multiprocessing.active_children() == []


@forks
def test_batches_come_in_order_epoch_after_epoch(processes):
    enqueuer = OrderedEnqueuer(Batches(5, seconds=0.001), use_multiprocessing=processes)
    enqueuer.start(workers=3, max_queue_size=4)
    assert take(enqueuer, 12) == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104, 200, 201]


def test_shuffling_gives_each_batch_once_an_epoch():
    enqueuer = OrderedEnqueuer(Batches(20), shuffle=True)
    enqueuer.start(workers=2)
    batches = take(enqueuer, 40)
    assert sorted(batches[:20]) == list(range(20))
    assert batches[:20] != list(range(20))
    assert [b - 100 for b in batches[20:]] != batches[:20]


def test_on_epoch_end_is_called_before_the_last_batch_is_given():
    sequence = Batches(3)
    enqueuer = OrderedEnqueuer(sequence)
    enqueuer.start()
    batches = enqueuer.get()
    epochs = [(next(batches), sequence.epoch) for _ in range(3)]
    enqueuer.join_end_of_epoch()
    enqueuer.stop()
    assert epochs == [(0, 0), (1, 0), (2, 1)]


@forks
def test_an_error_in_a_worker_is_raised_in_the_consumer_and_stops_the_workers(processes):
    enqueuer = OrderedEnqueuer(Batches(5, fault_at=2), use_multiprocessing=processes)
    enqueuer.start(workers=2)
    batches = enqueuer.get()
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(IndexError, match="no batch 2"):
        next(batches)
    assert not enqueuer.is_running()


def test_no_more_batches_are_made_ahead_than_asked_for():
    made = []

    class Counted(Batches):
        def __getitem__(self, index):
            made.append(index)
            return index

    enqueuer = OrderedEnqueuer(Counted(100))
    enqueuer.start(workers=2, max_queue_size=3)
    batches = enqueuer.get()
    next(batches)
    time.sleep(0.05)
    assert len(made) == 4
    enqueuer.stop()


def test_stopping_leaves_no_threads():
    before = threading.active_count()
    enqueuer = OrderedEnqueuer(Batches(50))
    enqueuer.start(workers=4)
    take(enqueuer, 3)
    deadline = time.time() + 5
    while threading.active_count() > before and time.time() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_generator_keeps_its_order_with_several_threads_and_ends():
    enqueuer = GeneratorEnqueuer(iter(range(50)))
    enqueuer.start(workers=4)
    assert take(enqueuer, 100) == list(range(50))


@forks
def test_worker_processes_each_go_through_a_generator():
    enqueuer = GeneratorEnqueuer(itertools.count(), use_multiprocessing=True)
    enqueuer.start(workers=1, max_queue_size=3)
    assert take(enqueuer, 5) == [0, 1, 2, 3, 4]


# ---- get_file

@pytest.fixture
def source(tmp_path):
    file = tmp_path / "source" / "data.txt"
    file.parent.mkdir()
    file.write_text("numbers")
    return file


def fetch(name, source, folder, **kwargs):
    return pathlib.Path(get_file(name, source.as_uri(), cache_dir=str(folder), **kwargs))


def test_a_file_is_fetched_once_and_checked_by_its_hash(tmp_path, source):
    sha = hashlib.sha256(b"numbers").hexdigest()
    path = fetch("data.txt", source, tmp_path, file_hash=sha)
    assert path == tmp_path / "datasets" / "data.txt"
    assert validate_file(path, sha)
    assert validate_file(path, hashlib.md5(b"numbers").hexdigest())
    source.unlink()
    assert fetch("data.txt", source, tmp_path, file_hash=sha).read_text() == "numbers"


def test_a_file_with_another_hash_is_fetched_anew(tmp_path, source):
    fetch("data.txt", source, tmp_path)
    source.write_text("others")
    md5 = hashlib.md5(b"others").hexdigest()
    assert fetch("data.txt", source, tmp_path, md5_hash=md5).read_text() == "others"


def test_what_comes_with_a_wrong_hash_is_not_kept(tmp_path, source):
    with pytest.raises(ValueError, match="does not have the hash"):
        fetch("data.txt", source, tmp_path, file_hash="0" * 64)
    assert list((tmp_path / "datasets").iterdir()) == []


def test_a_failed_download_says_where_from_and_leaves_nothing(tmp_path, source):
    source.unlink()
    with pytest.raises(OSError, match=r"data\.txt could not be fetched"):
        fetch("data.txt", source, tmp_path)
    assert list((tmp_path / "datasets").iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            with server.accept()[0] as client:
                client.recv(1000)
                client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 40)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(OSError, match="broke off after 40 of 100 bytes"):
            get_file("data.txt", f"http://127.0.0.1:{server.getsockname()[1]}/data.txt", cache_dir=str(tmp_path))
        thread.join()
    assert list((tmp_path / "datasets").iterdir()) == []


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, source):
    with pytest.raises(ValueError, match="leads out of the folder"):
        fetch("../../data.txt", source, tmp_path)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_are_unpacked(tmp_path, source, kind):
    archive = tmp_path / f"archive.{kind}"
    if kind == "tar":
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(source, "inside/data.txt")
    else:
        with zipfile.ZipFile(archive, "w") as file:
            file.write(source, "inside/data.txt")
    path = fetch("archive", archive, tmp_path, extract=True)
    assert (path.parent / "inside" / "data.txt").read_text() == "numbers"


def test_untar_returns_the_folder(tmp_path, source):
    archive = tmp_path / "set.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source, "set/data.txt")
    assert (fetch("set", archive, tmp_path, untar=True) / "data.txt").read_text() == "numbers"


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_that_lead_out_of_the_folder_are_refused(tmp_path, source, kind, name):
    archive = tmp_path / "bad"
    if kind == "tar":
        with tarfile.open(archive, "w") as tar:
            info = tar.gettarinfo(source)
            info.name = name
            with source.open("rb") as file:
                tar.addfile(info, file)
    else:
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(name, "x")
    with pytest.raises(ValueError, match="leads out of"):
        fetch("archive", archive, tmp_path, extract=True)
    assert not (tmp_path / "outside.txt").exists()


def test_a_batch_may_hold_arrays():
    class Arrays(Batches):
        def __getitem__(self, index):
            return np.full((2, 3), index), np.zeros(2)

    enqueuer = OrderedEnqueuer(Arrays(2))
    enqueuer.start()
    x, y = take(enqueuer, 1)[0]
    assert x.shape == (2, 3)
    assert y.shape == (2,)
