"""Files from strangers: no link leaves the file, no size is believed, no code is run."""
import json

import numpy as np
import pytest

from minikeras.layers import Dense
from minikeras.models import Sequential, load_model

h5py = pytest.importorskip("h5py")


@pytest.fixture
def saved(tmp_path):
    model = Sequential([Dense(3, input_shape=(4,), name="d")])
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.h5")
    return tmp_path / "m.h5"


def with_kernel(path, make):
    """Replace the kernel in the file by what `make` puts there."""
    with h5py.File(path, "r+") as file:
        group = file["model_weights/d/d"]
        del group["kernel:0"]
        make(group)


def other_file(path):
    other = path.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["secret"] = np.ones((4, 3), "float32")
    return other


def test_external_links_are_refused(saved):
    other = other_file(saved)
    with_kernel(saved, lambda g: g.__setitem__("kernel:0", h5py.ExternalLink(str(other), "/secret")))
    with pytest.raises(ValueError, match="is a link"):
        load_model(saved)


def test_links_on_the_way_are_refused(saved):
    with h5py.File(saved, "r+") as file:
        file["elsewhere"] = h5py.ExternalLink(str(other_file(saved)), "/")
        del file["model_weights/d/d"]
        file["model_weights/d/d"] = h5py.SoftLink("/elsewhere")
    with pytest.raises(ValueError, match="is a link"):
        load_model(saved)


def test_virtual_data_sets_are_refused(saved):
    layout = h5py.VirtualLayout((4, 3), "float32")
    layout[:] = h5py.VirtualSource(str(other_file(saved)), "secret", (4, 3))
    with_kernel(saved, lambda g: g.create_virtual_dataset("kernel:0", layout))
    with pytest.raises(ValueError, match="takes its data from another file"):
        load_model(saved)


def test_data_kept_in_other_files_are_refused(saved):
    raw = saved.with_name("raw.bin")
    raw.write_bytes(np.ones((4, 3), "float32").tobytes())
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", (4, 3), "float32", external=[(str(raw), 0, 48)]))
    with pytest.raises(ValueError, match="takes its data from another file"):
        load_model(saved)


def test_sizes_that_the_file_does_not_have_are_refused_before_any_memory_is_taken(saved):
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", (1 << 40, 3), "float32", chunks=(1 << 10, 3)))
    with pytest.raises(ValueError, match=r"claims 13,194,139,533,312 bytes"):
        load_model(saved)


def test_objects_instead_of_numbers_are_refused(saved):
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", data=["a", "b"]))
    with pytest.raises(ValueError, match="numbers were expected"):
        load_model(saved)


def test_weights_of_another_shape_than_the_config_says_are_refused(saved):
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", data=np.ones((3, 4), "float32")))
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(3, 4\)"):
        load_model(saved)


def test_a_config_cannot_ask_for_memory_that_the_weights_do_not_fill(saved):
    with h5py.File(saved, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][0]["config"]["units"] = 1 << 40
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ValueError, match="1099511627776"):
        load_model(saved)


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "__import__", "subprocess.Popen"])
def test_names_are_looked_up_among_known_classes_only(saved, name):
    with h5py.File(saved, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][0]["class_name"] = name
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ValueError, match="Unknown layer"):
        load_model(saved)


def test_files_without_a_model_say_so(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w"):
        pass
    with pytest.raises(ValueError, match="No model found"):
        load_model(path)
    with pytest.raises(ValueError, match="no layer_names"):
        Sequential([Dense(1, input_shape=(1,))]).load_weights(path)
    path.write_text("no HDF5")
    with pytest.raises(OSError, match=r"x\.h5|signature"):
        load_model(path)


def test_deeply_nested_json_is_an_error_not_a_crash(saved):
    with h5py.File(saved, "r+") as file:
        file.attrs["model_config"] = "[" * 200_000
    with pytest.raises(ValueError, match="model_config is no JSON text"):
        load_model(saved)
