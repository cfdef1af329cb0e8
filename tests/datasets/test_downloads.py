"""The loaders of the downloaded sets, on small files of the same formats that a server on this machine sends."""

import functools
import gzip
import hashlib
import http.server
import io
import pickle
import tarfile
import threading

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.datasets import _files, boston_housing, cifar10, cifar100, fashion_mnist, imdb, mnist, reuters
from minikeras.utils import get_file

RANDOM = np.random.RandomState(3)



class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(folder, URL of its files)"""
    folder = tmp_path_factory.mktemp("served")
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{httpd.server_port}/"
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def serve(monkeypatch, tmp_path, server):
    """serve(module): the folder out of which its files come, each with the hash of what lies there."""
    folder, url = server

    def small(name, origin, file_hash, **kwargs):
        assert len(file_hash) in (32, 64)                # MD5 or SHA-256, in hex digits
        digest = hashlib.sha256((folder / origin.removeprefix(url)).read_bytes()).hexdigest()
        return get_file(name, origin, file_hash=digest, **kwargs)

    def instead(module, true_hashes=False):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        monkeypatch.setattr(module, "ORIGIN", url)
        if not true_hashes:
            monkeypatch.setattr(module, "get_file", small)
        return folder

    return instead


@pytest.mark.parametrize(("module", "name"), [
    (mnist, "mnist.npz"), (boston_housing, "boston_housing.npz"), (imdb, "imdb.npz"), (reuters, "reuters.npz"),
    (cifar10, "cifar-10-python.tar.gz"), (cifar100, "cifar-100-python.tar.gz"),
    (fashion_mnist, "train-images-idx3-ubyte.gz"),
], ids=lambda value: getattr(value, "__name__", ""))  # fmt: skip
def test_what_is_not_the_true_set_is_refused_and_not_kept(module, name, serve, tmp_path):
    (serve(module, true_hashes=True) / name).write_bytes(b"something else")
    with pytest.raises(ValueError, match="does not have the hash"):
        module.load_data()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_set_is_fetched_once_and_shows_how_far_it_is(serve, monkeypatch, capsys):
    path = serve(boston_housing) / "boston_housing.npz"
    np.savez(path, x=np.zeros((4, 13)), y=np.zeros(4))
    first, size = boston_housing.load_data(), path.stat().st_size
    printed = capsys.readouterr().out
    assert "Downloading data from http://127.0.0.1" in printed and f"{size}/{size} [====" in printed
    monkeypatch.setattr("urllib.request.urlopen", None)
    assert np.array_equal(boston_housing.load_data()[0][0], first[0][0])


def texts(*lengths):
    array = np.empty(len(lengths), dtype=object)
    array[:] = [list(range(1, n + 1)) for n in lengths]
    return array


def test_mnist_gives_its_four_arrays(serve):
    arrays = {name: RANDOM.randint(0, 255, (3, 28, 28)).astype("uint8") for name in ("x_train", "x_test")}
    arrays |= {name: np.arange(3, dtype="uint8") for name in ("y_train", "y_test")}
    np.savez(serve(mnist) / "mnist.npz", **arrays)
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert np.array_equal(x_train, arrays["x_train"])
    assert np.array_equal(x_test, arrays["x_test"])
    assert y_train.tolist() == y_test.tolist() == [0, 1, 2]


def test_fashion_mnist_reads_idx_files(serve):
    folder = serve(fashion_mnist)
    images = RANDOM.randint(0, 255, (2, 28, 28)).astype("uint8")
    for name in fashion_mnist._DIGESTS:
        data = images if "images" in name else np.array([7, 9], "uint8")
        header = bytes([0, 0, 8, data.ndim]) + np.array(data.shape, ">i4").tobytes()
        (folder / name).write_bytes(gzip.compress(header + data.tobytes()))
    (x_train, y_train), (x_test, _) = fashion_mnist.load_data()
    assert np.array_equal(x_train, images)
    assert np.array_equal(x_test, images)
    assert y_train.tolist() == [7, 9]


def add_cifar(archive, name, labels):
    data = np.arange(len(labels) * 3072).reshape(len(labels), 3072).astype("uint8")
    content = {"data": data, "labels": labels, "fine_labels": labels, "coarse_labels": [label // 5 for label in labels]}
    pickled = pickle.dumps(content, protocol=2)
    info = tarfile.TarInfo(name)
    info.size = len(pickled)
    archive.addfile(info, io.BytesIO(pickled))
    return data.reshape(-1, 3, 32, 32)


def test_cifar10_joins_its_batches_and_follows_the_image_data_format(serve):
    with tarfile.open(serve(cifar10) / "cifar-10-python.tar.gz", "w:gz") as archive:
        add = lambda name, labels: add_cifar(archive, f"cifar-10-batches-py/{name}", labels)
        batches = [add(f"data_batch_{i}", [i, 9 - i]) for i in range(1, 6)]
        test = add("test_batch", [3])
    K.set_image_data_format("channels_first")
    (x_train, y_train), (x_test, _) = cifar10.load_data()
    assert np.array_equal(x_train, np.concatenate(batches))
    assert y_train.shape == (10, 1)
    K.set_image_data_format("channels_last")
    assert np.array_equal(cifar10.load_data()[1][0], test.transpose(0, 2, 3, 1))
    assert x_test.shape == (1, 3, 32, 32)


def test_cifar100_has_fine_and_coarse_labels(serve):
    with tarfile.open(serve(cifar100) / "cifar-100-python.tar.gz", "w:gz") as archive:
        for part in ("train", "test"):
            add_cifar(archive, f"cifar-100-python/{part}", [99, 12])
    assert cifar100.load_data()[0][1].tolist() == [[99], [12]]
    assert cifar100.load_data("coarse")[1][1].tolist() == [[19], [2]]
    with pytest.raises(ValueError, match="label_mode must be"):
        cifar100.load_data("medium")


def test_boston_housing_shuffles_and_splits(serve):
    np.savez(serve(boston_housing) / "boston_housing.npz", x=np.arange(20.0).reshape(10, 2), y=np.arange(10.0))
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data()
    assert len(x_train) == 8
    assert sorted([*y_train, *y_test]) == list(range(10))
    assert np.array_equal(x_test[:, 0], 2 * y_test)
    with pytest.raises(ValueError, match="test_split"):
        boston_housing.load_data(test_split=1)


@pytest.fixture
def reviews(serve):
    folder = serve(imdb)
    arrays = {"x_train": texts(2, 6, 3), "y_train": np.array([1, 0, 1]), "x_test": texts(4), "y_test": np.array([0])}
    np.savez(folder / "imdb.npz", **arrays)
    (folder / "imdb_word_index.json").write_text('{"the": 1}')


@pytest.mark.usefixtures("reviews")
def test_imdb_marks_the_start_and_shifts_the_ranks():
    (x_train, y_train), (x_test, _) = imdb.load_data()
    assert x_test[0] == [1, 4, 5, 6, 7]
    assert sorted(map(len, x_train)) == [3, 4, 7]
    assert {len(x): y for x, y in zip(x_train, y_train, strict=True)} == {3: 1, 7: 0, 4: 1}


@pytest.mark.usefixtures("reviews")
def test_imdb_replaces_or_drops_rare_and_frequent_words():
    assert imdb.load_data(num_words=6, skip_top=5)[1][0][0] == [2, 2, 5, 2, 2]
    assert imdb.load_data(num_words=6, oov_char=None)[1][0][0] == [1, 4, 5]
    assert imdb.load_data(start_char=None, index_from=0)[1][0][0] == [1, 2, 3, 4]


@pytest.mark.usefixtures("reviews")
def test_imdb_keeps_reviews_shorter_than_maxlen_on_their_own_side():
    (x_train, _), (x_test, y_test) = imdb.load_data(maxlen=5)
    assert sorted(map(len, x_train)) == [3, 4]
    assert len(x_test) == len(y_test) == 0
    with pytest.raises(ValueError, match="maxlen=2"):
        imdb.load_data(maxlen=2)


@pytest.mark.usefixtures("reviews")
def test_imdb_takes_the_old_name_of_num_words_and_nothing_else():
    with pytest.warns(DeprecationWarning, match="num_words"):
        assert imdb.load_data(nb_words=6)[1][0][0] == [1, 4, 5, 2, 2]
    with pytest.raises(TypeError, match="'words'"):
        imdb.load_data(words=3)


@pytest.mark.usefixtures("reviews")
def test_imdb_word_index():
    assert imdb.get_word_index() == {"the": 1}


def test_reuters_splits_after_the_shuffle(serve):
    np.savez(serve(reuters) / "reuters.npz", x=texts(1, 2, 3, 4, 5), y=np.arange(5))
    (x_train, y_train), (x_test, y_test) = reuters.load_data(test_split=0.4, start_char=None)
    assert [len(x) - 1 for x in x_train] == y_train.tolist()
    assert [len(x) - 1 for x in x_test] == y_test.tolist()
    assert len(x_test) == 2


class Attack:
    def __reduce__(self):
        return print, ("code from a file has run",)


def test_a_data_file_cannot_run_code(tmp_path, capsys):
    array = np.empty(1, dtype=object)
    array[0] = Attack()
    np.savez(tmp_path / "bad.npz", x=array)
    with pytest.raises(pickle.UnpicklingError, match="print"):
        _files.load_npz(tmp_path / "bad.npz")
    assert capsys.readouterr().out == ""
