"""Files from strangers: no link leaves the file, no size is believed, no code is run.

One test at least for each kind of hole that Keras has had: YAML tags, Lambda bytecode, module names in configs, configs
that switch the safe mode off, links out of the file, sizes that fill the memory, pickles inside npz.
"""
import base64
import json
import marshal
import zipfile
import zlib

import numpy as np
import pytest

from minikeras import datasets
from minikeras.engine.saving_safetensors import read_safetensors
from minikeras.layers import Dense
from minikeras.models import Sequential, load_model, model_from_json, model_from_yaml
from minikeras.utils import DamagedFileError

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


def changed_config(path, change):
    """Let `change` change the config in the file."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)


# ---- sizes

@pytest.mark.parametrize("options", [
    {"chunks": (1 << 10, 3)}, {"chunks": (1 << 10, 3), "compression": "gzip"}, {"fillvalue": 7.0}, {}])
def test_sizes_that_the_file_does_not_have_are_refused_before_any_memory_is_taken(saved, options):
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", (1 << 40, 3), "float32", **options))
    with pytest.raises(DamagedFileError, match=r"m\.h5: .*kernel:0 .*claims 13,194,139,533,312 bytes"):
        load_model(saved)


def test_what_unpacks_to_far_more_than_the_file_is_refused_unless_the_file_is_trusted(saved):
    zeros = np.zeros((1 << 20, 18), "float32")
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", data=zeros, chunks=(1 << 18, 18), compression="gzip"))
    with pytest.raises(DamagedFileError, match="claims 75,497,472 bytes"):
        load_model(saved)
    with pytest.raises(ValueError, match=r"\(1048576, 18\)"):                  # it is read, and does not fit the layer
        load_model(saved, trusted=True)


def test_a_part_larger_than_its_chunk_is_refused(saved):
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", (4, 3), "float32", chunks=(2, 3), compression="gzip"))
    with h5py.File(saved, "r+") as file:
        data = file["model_weights/d/d/kernel:0"]
        data[...] = 1
        data.id.write_direct_chunk((0, 0), zlib.compress(bytes(1 << 25)))
    with pytest.raises(DamagedFileError, match="kernel:0 cannot be read"):
        load_model(saved)


def test_one_array_under_many_names_cannot_fill_the_memory(tmp_path):
    path = tmp_path / "w.h5"
    names = [f"w{i}" for i in range(60)]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"d"]
        group = file.create_group("d")
        group.attrs["weight_names"] = [name.encode() for name in names]
        group["w0"] = np.zeros(1 << 20)
        for name in names[1:]:
            group[name] = group["w0"]
    with pytest.raises(DamagedFileError, match="claims"):
        Sequential([Dense(1, input_shape=(1,), name="d")]).load_weights(path)


def test_groups_in_themselves_end(saved):
    with h5py.File(saved, "r+") as file:
        group = file["model_weights/d"]
        group["again"] = group
        group.attrs["weight_names"] = [b"again/" * 2000 + b"d/kernel:0", b"d/bias:0"]
    load_model(saved)


def test_headers_that_go_on_in_themselves_end(saved):
    content = bytearray(saved.read_bytes())
    root = int.from_bytes(content[64:72], "little")
    content[root + 2:root + 4] = (65535).to_bytes(2, "little")                 # so many messages
    message = b"\x10\0\x10\0\0\0\0\0" + root.to_bytes(8, "little") + len(content).to_bytes(8, "little")
    content[root + 16:root + 16 + len(message)] = message                      # goes on with the whole file
    saved.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"m\.h5"):
        load_model(saved)


@pytest.mark.parametrize("header", [
    {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}},
    {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "b": {"dtype": "F32", "shape": [1],
                                                                        "data_offsets": [0, 4]}},
    {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}},
    {"a": {"dtype": "PICKLE", "shape": [1], "data_offsets": [0, 4]}}, {"a": 1}, [], {},
    {"__metadata__": {"layers": "[" * 100_000}}])
def test_headers_of_safetensors_that_the_file_does_not_bear_out_are_refused(tmp_path, header):
    path, text = tmp_path / "x.safetensors", json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(DamagedFileError, match=r"x\.safetensors cannot be read"), open(path, "rb") as file:
        read_safetensors(file, path.name)
    path.write_bytes((1 << 62).to_bytes(8, "little") + text)
    with pytest.raises(DamagedFileError, match="4,611,686,018,427,387,904"), open(path, "rb") as file:
        read_safetensors(file, path.name)


def test_filters_that_are_plugins_of_hdf5_are_refused(saved):
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", data=np.ones((4, 3), "float32"), compression="lzf"))
    with pytest.raises(DamagedFileError, match=r"filters that are not known here: \{32000\}.*trusted=True"):
        load_model(saved)
    load_model(saved, trusted=True)


def test_compressed_and_newer_files_are_read(saved):
    data = np.arange(12, dtype="float32").reshape(4, 3)
    options = {"chunks": (3, 2), "compression": "gzip", "shuffle": True, "fletcher32": True}
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", data=data, **options))
    np.testing.assert_array_equal(load_model(saved).get_weights()[0], data)
    model = load_model(saved)
    with h5py.File(saved, "w", libver="latest", track_order=True) as file:
        model.save(file)
    np.testing.assert_array_equal(load_model(saved).get_weights()[0], data)


# ---- what is no number, and what does not fit

def test_objects_instead_of_numbers_are_refused(saved):
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", data=["a", "b"]))
    with pytest.raises(ValueError, match="numbers were expected"):
        load_model(saved)


def test_weights_of_another_shape_than_the_config_says_are_refused(saved):
    with_kernel(saved, lambda g: g.create_dataset("kernel:0", data=np.ones((3, 4), "float32")))
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(3, 4\)"):
        load_model(saved)


def test_a_config_cannot_ask_for_memory_that_the_weights_do_not_fill(saved):
    changed_config(saved, lambda config: config["config"]["layers"][0]["config"].update(units=1 << 40))
    with pytest.raises(ValueError, match="1099511627776"):
        load_model(saved)


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "__import__", "subprocess.Popen"])
def test_names_are_looked_up_among_known_classes_only(saved, name):
    changed_config(saved, lambda config: config["config"]["layers"][0].update(class_name=name))
    with pytest.raises(ValueError, match="Unknown layer"):
        load_model(saved)


@pytest.mark.parametrize("module", ["os", "made_up_module", "minikeras.utils.downloads"])
def test_modules_that_a_config_names_are_neither_imported_nor_looked_into(saved, module, monkeypatch):
    imported = []
    monkeypatch.setattr("importlib.import_module", lambda name, *args: imported.append(name))
    changed_config(saved, lambda config: config["config"]["layers"][0].update(
        module=module, registered_name=f"{module}>get_file", class_name="get_file"))
    with pytest.raises(ValueError, match="Unknown layer"):
        load_model(saved)
    assert module not in imported


def bytecode(ran):
    """A Lambda layer's config with a function that would leave a file `ran`."""
    code = compile(f"open({str(ran)!r}, 'w')", "x", "eval")
    return {"name": "l", "function_type": "lambda", "output_shape_type": "raw", "arguments": {},
            "function": [base64.b64encode(marshal.dumps(code)).decode(), None, None]}


@pytest.mark.parametrize("extra", [{}, {"safe_mode": False}, {"trusted": True, "enable_unsafe_deserialization": True}])
def test_bytecode_is_not_run_and_no_config_can_switch_that_on(saved, tmp_path, extra):
    layer = {"class_name": "Lambda", "config": {**bytecode(tmp_path / "ran"), **extra}, **extra}
    changed_config(saved, lambda config: (config["config"]["layers"].append(layer), config.update(extra),
                                          config["config"].update(extra)))
    for trusted in (False, True):
        with pytest.raises(ValueError, match="l"):
            load_model(saved, trusted=trusted)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['true']", "!!python/name:os.system",
                                 "!!python/module:os", "!!python/object/new:os.system [x]"])
def test_tags_of_yaml_make_no_objects(tag):
    pytest.importorskip("yaml")
    text = Sequential([Dense(3, input_shape=(4,))]).to_yaml()
    with pytest.raises(DamagedFileError, match="YAML text cannot be read"):
        model_from_yaml(text.replace("units: 3", f"units: {tag}"))


def test_yaml_that_refers_to_itself_does_not_grow():
    pytest.importorskip("yaml")
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))]
    with pytest.raises(DamagedFileError, match="refers to its own parts"):
        model_from_yaml("\n".join(lines))
    merged = ["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 60))]
    with pytest.raises(DamagedFileError, match="YAML text cannot be read"):
        model_from_yaml("\n".join(merged))
    with pytest.raises(DamagedFileError, match="refers to its own parts"):
        model_from_yaml("&a [*a]")


@pytest.mark.parametrize("text", ["[]", "1", "{", '{"class_name": 1, "config": []}', "null", '"x"'])
def test_texts_that_are_no_config_say_so(text):
    with pytest.raises(ValueError, match=r"The JSON text cannot be read|Unknown layer: 1"):
        model_from_json(text)


def test_tuples_in_the_yaml_of_keras_are_read():
    pytest.importorskip("yaml")
    text = Sequential([Dense(3, input_shape=(4,))]).to_yaml()
    with_tuple = text.replace("batch_input_shape:", "batch_input_shape: !!python/tuple", 1)
    assert with_tuple != text
    assert model_from_yaml(with_tuple).input_shape == (None, 4)


def test_a_config_cannot_keep_us_unrolling():
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "SimpleRNN", "config": {"units": 1, "unroll": True, "batch_input_shape": [None, 1 << 40, 1]}}]}}
    with pytest.raises(ValueError, match=r"1099511627776 are too many.*unroll=False"):
        model_from_json(json.dumps(config))


def test_pickles_in_npz_are_refused(tmp_path, monkeypatch):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    array = np.empty(1, object)
    array[0] = Evil()
    np.savez(tmp_path / "x.npz", x_train=array, y_train=array, x_test=array, y_test=array, x=array, y=array)
    assert zipfile.is_zipfile(tmp_path / "x.npz")
    for module in (datasets.mnist, datasets.boston_housing):
        monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(tmp_path / "x.npz"))
        with pytest.raises(ValueError, match="allow_pickle"):
            module.load_data()
    assert not (tmp_path / "ran").exists()


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
    with pytest.raises(ValueError, match="model_config cannot be read"):
        load_model(saved)
