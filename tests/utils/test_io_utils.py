"""HDF5 files: a dict with arrays, and arrays as training data."""
import io

import numpy as np
import pytest

from minikeras.utils import H5Dict, HDF5Matrix
from minikeras.utils.io_utils import (
    ask_to_proceed_with_overwrite,
    load_from_binary_h5py,
    save_to_binary_h5py,
)

h5py = pytest.importorskip("h5py")


@pytest.fixture(params=["path", "group", "dict"])
def store(request, tmp_path):
    """A function that opens the same H5Dict in a mode."""
    if request.param == "path":
        yield lambda mode: H5Dict(str(tmp_path / "x.h5"), mode)
    elif request.param == "dict":
        data = {}
        yield lambda mode: H5Dict(data, mode)
    else:
        with h5py.File(tmp_path / "x.h5", "w") as file:
            group = file.create_group("g")
            yield lambda mode: H5Dict(group, mode)


def test_what_is_set_comes_back(store):
    array = np.random.random((2, 3))
    with store("w") as h5:
        h5["array"] = array
        h5["text"] = "abc"
        h5["list"] = ["a", "bc"]
        h5["group"]["inside/deep"] = array
        h5.update({"n": 3}, [("m", 4)])
    with store("r") as h5:
        np.testing.assert_array_equal(h5["array"], array)
        assert h5["text"] in ("abc", b"abc")
        assert [getattr(v, "decode", lambda v=v: v)() for v in h5["list"]] == ["a", "bc"]
        np.testing.assert_array_equal(h5["group"]["inside/deep"], array)
        assert (h5["n"], h5["m"]) == (3, 4)
        assert "array" in h5
        assert "missing" not in h5
        assert h5.get("missing", 7) == 7
        assert "array" in list(h5.iter())
        assert len(h5) == len(list(h5))


def test_reading_mode_neither_sets_nor_makes_groups(store):
    with store("w") as h5:
        h5["a"] = 1
    with store("r") as h5:
        with pytest.raises(KeyError, match="'b'"):
            h5["b"]
        with pytest.raises(ValueError, match="read-only"):
            h5["b"] = 1


def test_a_name_is_set_once(store):
    with store("w") as h5:
        h5["a"] = 1
        with pytest.raises(KeyError, match="already"):
            h5["a"] = 2


def test_other_things_are_refused_by_type():
    assert not H5Dict.is_supported_type(io.BytesIO())
    assert H5Dict.is_supported_type("path")
    with pytest.raises(TypeError, match="BytesIO"):
        H5Dict(io.BytesIO())


def test_a_file_goes_through_a_binary_stream():
    stream = io.BytesIO()
    save_to_binary_h5py(lambda file: file.create_dataset("x", data=np.arange(3)), stream)
    stream.seek(0)
    np.testing.assert_array_equal(load_from_binary_h5py(lambda file: file["x"][()], stream), np.arange(3))


def test_the_question_is_asked_until_it_is_answered(monkeypatch):
    answers = iter(["maybe", "Y"])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    assert ask_to_proceed_with_overwrite("x.h5")
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert not ask_to_proceed_with_overwrite("x.h5")


# ---- HDF5Matrix

@pytest.fixture
def numbers(tmp_path):
    path = str(tmp_path / f"numbers-{np.random.randint(1 << 30)}.h5")
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(40.0).reshape(20, 2)
    yield path
    HDF5Matrix.refs.pop(path).close()


def test_a_matrix_is_the_rows_from_start_to_end(numbers):
    matrix = HDF5Matrix(numbers, "x", start=5, end=15)
    assert (len(matrix), matrix.shape, matrix.ndim, matrix.size, matrix.dtype) == (10, (10, 2), 2, 20, np.float64)
    np.testing.assert_array_equal(matrix[0], [10, 11])
    np.testing.assert_array_equal(matrix[-1], [28, 29])
    np.testing.assert_array_equal(matrix[2:4], [[14, 15], [16, 17]])
    np.testing.assert_array_equal(matrix[8:][:, 0], [26, 28])
    np.testing.assert_array_equal(matrix[::3][:, 0], [10, 16, 22, 28])


def test_a_matrix_takes_indices_in_any_order_and_repeated(numbers):
    matrix = HDF5Matrix(numbers, "x", start=5)
    np.testing.assert_array_equal(matrix[[3, 1, 1]][:, 0], [16, 12, 12])
    np.testing.assert_array_equal(matrix[np.array([0, -1])][:, 0], [10, 38])
    with pytest.raises(IndexError, match="out of range for 15 rows"):
        matrix[[15]]
    with pytest.raises(IndexError, match="slice 14:16 is out of range"):
        matrix[14:16]
    with pytest.raises(IndexError, match="out of range"):
        HDF5Matrix(numbers, "x", end=10)[10]


def test_a_normalizer_is_applied_to_what_is_read(numbers):
    matrix = HDF5Matrix(numbers, "x", normalizer=lambda x: (x + 1).astype("float32"))
    assert matrix.dtype == "float32"
    assert matrix.shape == (20, 2)
    np.testing.assert_array_equal(matrix[0:1], [[1, 2]])
