"""Models and weights in files: what is saved comes back, on every backend; and files of Keras 2.3.1 load."""
import io
import json
import os
import pathlib
import pickle
import sys

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import optimizers
from minikeras.engine import saving
from minikeras.layers import LSTM, BatchNormalization, Bidirectional, Concatenate, Dense, Input, Lambda, TimeDistributed
from minikeras.models import Model, Sequential, load_model, save_model

h5py = pytest.importorskip("h5py")
DATA = pathlib.Path(__file__).parent.parent / "data" / "keras_2_3_1"


def small_model(trained=True, optimizer="adam"):
    model = Sequential([Dense(3, activation="relu", input_shape=(4,), name="first"), BatchNormalization(name="bn"),
                        Dense(2, activation="softmax", name="last")], name="small")
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    if trained:
        for _ in range(2):
            model.train_on_batch(*batch())
    return model


def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 4)).astype("float32"), np.eye(2, dtype="float32")[rng.integers(0, 2, 8)]


def assert_same_weights(a, b):
    assert len(a.get_weights()) == len(b.get_weights())
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)


# ---- whole models

@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "momentum",
                                       "amsgrad"])
def test_each_optimizer_goes_on_with_its_state(tmp_path, optimizer):
    check_that_a_loaded_model_goes_on(tmp_path, optimizer)


def test_a_loaded_model_goes_on_as_the_saved_one(backend, tmp_path):
    check_that_a_loaded_model_goes_on(tmp_path, "adam")


def check_that_a_loaded_model_goes_on(tmp_path, optimizer):
    special = {"momentum": lambda: optimizers.SGD(momentum=0.9), "amsgrad": lambda: optimizers.Adam(amsgrad=True)}
    model = small_model(optimizer=special.get(optimizer, lambda: optimizer)())
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert_same_weights(model, loaded)
    x, y = batch()
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=1e-6)
    for _ in range(2):
        np.testing.assert_allclose(loaded.train_on_batch(x, y), model.train_on_batch(x, y), rtol=1e-5)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()


def test_a_model_saved_on_one_backend_loads_on_another(tmp_path, backend):
    K.set_backend("numpy")
    model = small_model()
    model.save(tmp_path / "m.h5")
    expected = model.predict(batch()[0])
    K.set_backend(backend)
    np.testing.assert_allclose(load_model(tmp_path / "m.h5").predict(batch()[0]), expected, rtol=1e-5)


def test_without_optimizer_the_loaded_model_is_not_compiled(tmp_path):
    small_model().save(tmp_path / "m.h5", include_optimizer=False)
    with pytest.warns(UserWarning, match=r"\*not\* compiled"):
        assert getattr(load_model(tmp_path / "m.h5"), "optimizer", None) is None
    assert getattr(load_model(tmp_path / "m.h5", compile=False), "optimizer", None) is None


def test_a_model_that_was_compiled_but_not_trained_loads(tmp_path):
    small_model(trained=False).save(tmp_path / "m.h5")
    load_model(tmp_path / "m.h5").train_on_batch(*batch())


def test_groups_dicts_and_streams_are_targets_too(tmp_path):
    model = small_model()
    state, stream = {}, io.BytesIO()
    save_model(model, state)
    save_model(model, stream)
    stream.seek(0)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        save_model(model, file.create_group("inside"))
        loaded = [load_model(state), load_model(stream), load_model(file["inside"])]
    for other in loaded:
        assert_same_weights(model, other)
        other.train_on_batch(*batch())
    with pytest.raises(ValueError, match="expected the name of a file"):
        save_model(model, 3)
    with pytest.raises(ValueError, match="expected the name of a file"):
        load_model(3)


def test_a_model_can_be_pickled():
    model = small_model()
    copy = pickle.loads(pickle.dumps(model))
    assert_same_weights(model, copy)
    x, y = batch()
    np.testing.assert_allclose(copy.train_on_batch(x, y), model.train_on_batch(x, y), rtol=1e-6)


def test_custom_objects_are_found_by_name(tmp_path):
    class Twice(Dense):
        def call(self, inputs):
            return 2 * super().call(inputs)

    def own_loss(y_true, y_pred):
        return K.mean(K.square(y_true - y_pred), axis=-1)

    model = Sequential([Twice(2, input_shape=(4,))])
    model.compile("sgd", own_loss, metrics=[own_loss])
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5", custom_objects={"Twice": Twice, "own_loss": own_loss})
    np.testing.assert_allclose(loaded.evaluate(*batch(), verbose=0), model.evaluate(*batch(), verbose=0), rtol=1e-6)
    with pytest.raises(ValueError, match="Twice"):
        load_model(tmp_path / "m.h5")


def test_losses_and_metrics_that_are_objects_come_back(tmp_path):
    from minikeras import losses, metrics
    model = Sequential([Dense(2, activation="softmax", input_shape=(4,))])
    model.compile("sgd", losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=[metrics.Precision()])
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert loaded.loss.get_config() == model.loss.get_config() or loaded.loss.name == model.loss.name
    np.testing.assert_allclose(loaded.evaluate(*batch(), verbose=0), model.evaluate(*batch(), verbose=0), rtol=1e-6)


def test_shared_and_nested_models_with_several_outputs_load(tmp_path, backend):
    a, b = Input((3,), name="a"), Input((3,), name="b")
    inner = Sequential([Dense(4, input_shape=(3,)), BatchNormalization()], name="inner")
    joined = Concatenate()([inner(a), inner(b)])
    model = Model([a, b], [Dense(1, name="one")(joined), Dense(2, name="two")(joined)])
    model.compile("adam", {"one": "mse", "two": "mae"}, loss_weights={"one": 1.0, "two": 0.5})
    x = [np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")]
    y = [np.ones((2, 1)), np.ones((2, 2))]
    model.train_on_batch(x, y)
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    np.testing.assert_allclose(loaded.train_on_batch(x, y), model.train_on_batch(x, y), rtol=1e-5)


# ---- the format

def test_the_file_has_the_names_and_types_that_keras_2_reads(tmp_path):
    small_model().save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert file.attrs["keras_version"] == "2.3.1"
        for name in ("model_config", "training_config", "keras_version", "backend"):
            kind = file.attrs.get_id(name).get_type()
            # Text of variable length and without UTF-8 mark: older versions of h5py give it as bytes.
            assert (kind.is_variable_str(), kind.get_cset()) == (True, h5py.h5t.CSET_ASCII)
        config = json.loads(file.attrs["model_config"])
        assert config["class_name"] == "Sequential"
        group = file["model_weights"]
        assert group.attrs["layer_names"].tolist() == [b"first", b"bn", b"last"]
        assert group["first"].attrs["weight_names"].tolist() == [b"first/kernel:0", b"first/bias:0"]
        assert group["first/first/kernel:0"].shape == (4, 3)
        names = file["optimizer_weights"].attrs["weight_names"].tolist()
        assert all(name.decode() in file["optimizer_weights"] for name in names)


def test_weights_of_one_name_are_kept_apart():
    from minikeras.engine.config import unique_name
    taken = []
    for name in ("a/k:0", "a/k:0", "b", "b", "a/k:0"):
        taken.append(unique_name(name, taken))
    assert taken == ["a/k:0", "a/k_1:0", "b", "b_1", "a/k_2:0"]


def test_long_lists_of_names_are_split_over_attributes(tmp_path):
    names = [f"layer_with_a_long_name_{i}" + "x" * 60 for i in range(2000)]
    with h5py.File(tmp_path / "f.h5", "w") as file:
        saving.save_attributes_to_hdf5_group(file, "layer_names", names)
        assert "layer_names" not in file.attrs
        assert "layer_names1" in file.attrs
        assert saving.load_attributes_from_hdf5_group(file, "layer_names") == names
        with pytest.raises(RuntimeError, match="cannot be saved"):
            saving.save_attributes_to_hdf5_group(file, "names", ["x" * 70000])


def test_a_save_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "m.h5"
    model = small_model()
    model.save(path)
    before = path.read_bytes()
    monkeypatch.setattr(saving, "training_config", lambda model: {"a": object()})
    with pytest.raises(TypeError, match="JSON"):
        model.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.h5"]


def test_saving_asks_before_it_overwrites_when_told_to(tmp_path, monkeypatch):
    model, path = small_model(), tmp_path / "m.h5"
    path.write_text("mine")
    questions = []
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or "n")
    model.save(path, overwrite=False)
    assert path.read_text() == "mine"
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or "y")
    model.save_weights(path, overwrite=False)
    assert h5py.is_hdf5(path)
    assert len(questions) == 2


def test_saving_into_a_missing_folder_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        small_model().save(tmp_path / "nowhere" / "m.h5")


def test_without_h5py_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'minikeras-multibackend\[h5\]'"):
        small_model().save(tmp_path / "m.h5")


def test_loading_a_missing_file_says_so(tmp_path):
    with pytest.raises(OSError, match="There is no file"):
        load_model(tmp_path / "m.h5")


# ---- weights

def test_weights_are_loaded_by_order_whatever_the_names(tmp_path, backend):
    model = small_model()
    model.save_weights(tmp_path / "w.h5")
    other = Sequential([Dense(3, input_shape=(4,)), BatchNormalization(), Dense(2)])
    other.load_weights(tmp_path / "w.h5")
    assert_same_weights(model, other)


def test_weights_are_loaded_from_the_file_of_a_whole_model(tmp_path):
    model = small_model()
    model.save(tmp_path / "m.h5")
    other = small_model(trained=False)
    other.load_weights(tmp_path / "m.h5")
    assert_same_weights(model, other)


def test_weights_are_loaded_by_name_and_the_rest_stays(tmp_path):
    model = small_model()
    model.save_weights(tmp_path / "w.h5")
    other = Sequential([Dense(5, input_shape=(4,), name="new"), Dense(3, name="also_new"), Dense(2, name="last")])
    before = other.layers[0].get_weights()
    other.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(other.layers[2].get_weights()[0], model.layers[2].get_weights()[0])
    np.testing.assert_array_equal(other.layers[0].get_weights()[0], before[0])


def test_a_mismatch_names_layer_weight_and_shapes_and_changes_nothing(tmp_path):
    small_model().save_weights(tmp_path / "w.h5")
    other = Sequential([Dense(3, input_shape=(4,), name="first"), BatchNormalization(), Dense(4, name="last")])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r'"last" \(Dense\).*last/kernel:0.*\(3, 4\).*\(3, 2\)'):
        other.load_weights(tmp_path / "w.h5")
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        other.load_weights(tmp_path / "w.h5", by_name=True)
    for v, w in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)
    with pytest.warns(UserWarning, match="Skipped: layer \"last\""):
        other.load_weights(tmp_path / "w.h5", by_name=True, skip_mismatch=True)


def test_another_number_of_layers_is_an_error_with_both_numbers(tmp_path):
    small_model().save_weights(tmp_path / "w.h5")
    with pytest.raises(ValueError, match=r"3 layers .*1 layers"):
        Sequential([Dense(3, input_shape=(4,))]).load_weights(tmp_path / "w.h5")
    with pytest.raises(ValueError, match="by_name=True"):
        small_model().load_weights(tmp_path / "w.h5", skip_mismatch=True)


def test_a_subclassed_model_takes_weights_once_it_has_some(tmp_path):
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    model, other = Own(), Own()
    x = np.ones((2, 3), "float32")
    model(Input((3,)))
    model.save_weights(tmp_path / "w.h5")
    with pytest.raises(ValueError, match="before weights are loaded"):
        other.load_weights(tmp_path / "w.h5")
    other(Input((3,)))
    other.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(other.predict(x), model.predict(x))
    with pytest.raises(NotImplementedError, match="weights"):
        model.save(tmp_path / "m.h5")


def test_wrappers_and_recurrent_layers_load(tmp_path, backend):
    def build():
        both = Bidirectional(LSTM(2, return_sequences=True), input_shape=(3, 4))
        return Sequential([both, TimeDistributed(Dense(2))])

    model, other = build(), build()
    model.save_weights(tmp_path / "w.h5")
    other.load_weights(tmp_path / "w.h5")
    x = np.random.random((2, 3, 4)).astype("float32")
    np.testing.assert_allclose(other.predict(x), model.predict(x), rtol=1e-6)


# ---- files of Keras 2.3.1

@pytest.mark.parametrize("name", ["nested", "merges", "rnn_state", "stateful_lstm"])
def test_files_of_keras_2_3_1_predict_the_same_and_train_on(name, backend):
    model = load_model(DATA / f"{name}.h5")
    with np.load(DATA / f"{name}.npz") as data:
        inputs = [data[key] for key in sorted(data) if key.startswith("i")]
        outputs = [data[key] for key in sorted(data) if key.startswith("o")]
    predicted = model.predict(inputs, batch_size=2)
    for p, o in zip(predicted if len(outputs) > 1 else [predicted], outputs, strict=True):
        np.testing.assert_allclose(p, o, rtol=1e-5, atol=1e-5)
    model.train_on_batch([x[:2] for x in inputs], [np.zeros_like(o[:2]) for o in outputs])


def test_bytecode_in_a_file_is_not_run_and_the_function_can_be_handed_in():
    with pytest.raises(ValueError, match="custom_objects"):
        load_model(DATA / "lambda_simple.h5")
    with h5py.File(DATA / "lambda_simple.h5") as file:
        config = json.loads(file.attrs["model_config"])["config"]["layers"]
    name = next(layer["config"]["name"] for layer in config if layer["class_name"] == "Lambda")
    model = load_model(DATA / "lambda_simple.h5", custom_objects={name: lambda x: x * 2 + 1})
    assert isinstance(model.get_layer(name), Lambda)
    with np.load(DATA / "lambda_simple.npz") as data:
        np.testing.assert_allclose(model.predict(data["i0"]), data["o0"], rtol=1e-5)
