"""Files of Keras 2.0 to 2.2 and of tf.keras 2: their configs, layouts, and the state of their optimizers."""

import warnings

import numpy as np
import pytest

from minikeras import layers as L
from minikeras.models import Model, Sequential, load_model, model_from_json
from tests.engine.old_files import write_model

pytest.importorskip("h5py")

GLOROT = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform",
                                                      "seed": None}}  # fmt: skip
TF_GLOROT = {"class_name": "GlorotUniform", "config": {"seed": None}}
ZEROS, ONES = {"class_name": "Zeros", "config": {}}, {"class_name": "Ones", "config": {}}
TRAINING = {"loss": "mse", "metrics": [], "sample_weight_mode": None, "loss_weights": None}


def layer(class_name, name, calls=None, **config):
    found = {"class_name": class_name, "config": {"name": name, "trainable": True, **config}}
    return found if calls is None else {**found, "name": name, "inbound_nodes": calls}


def on(*names):
    return [[[name, 0, 0, {}] for name in names]]


def kernel(initializer=TF_GLOROT, **config):
    return {"use_bias": True, "kernel_initializer": initializer, "bias_initializer": ZEROS, "kernel_regularizer": None,
            "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
            **config}  # fmt: skip


def saved(model):
    return {x.name: [(w.name, v) for w, v in zip(x.weights, x.get_weights(), strict=True)] for x in model.layers}


def data_for(model):
    return [np.random.random([n or 4 for n in x.shape]).astype("float32") for x in (*model.inputs, *model.outputs)]


def assert_same_training(loaded, model, steps=2):
    *x, y = data_for(model)
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=1e-5, atol=1e-6)
    for _ in range(steps):
        np.testing.assert_allclose(loaded.train_on_batch(x, y), model.train_on_batch(x, y), rtol=1e-5)


# ---- Keras 2.0 to 2.2


def test_a_sequential_model_of_keras_2_0_is_a_list_of_layers_in_a_file_of_theano(tmp_path):
    model = Sequential([L.Conv2D(3, 2, input_shape=(5, 5, 2), name="c", activation="relu"), L.Flatten(name="f"),
                        Sequential([L.Dense(4, input_shape=(48,), name="d")], name="inner")])  # fmt: skip
    config = {"class_name": "Sequential", "config": [
        layer("Conv2D", "c", batch_input_shape=[None, 5, 5, 2], dtype="float32", filters=3, kernel_size=[2, 2],
              strides=[1, 1], padding="valid", data_format="channels_last", dilation_rate=[1, 1], activation="relu",
              **kernel(GLOROT)), layer("Flatten", "f"),
        {"class_name": "Sequential", "config": [layer("Dense", "d", batch_input_shape=[None, 48], dtype="float32",
                                                      units=4, activation="linear", **kernel(GLOROT))]}]}  # fmt: skip
    weights = saved(model)
    weights["c"] = [(name, w[::-1, ::-1] if w.ndim == 4 else w) for name, w in weights["c"]]  # Theano convolves
    model.compile("rmsprop", "mse")
    *x, y = data_for(model)
    before = model.get_weights()
    model.train_on_batch(x, y)
    model.set_weights(before)
    # RMSprop had no count of steps among its weights up to 2.2.
    state = [(f"training/RMSprop/Variable_{i}:0", w) for i, w in enumerate(model.optimizer.get_weights()[1:])]
    optimizer = {"class_name": "RMSprop", "config": {"lr": 0.001, "rho": 0.9, "decay": 0.0, "epsilon": 1e-7}}
    write_model(tmp_path / "m.h5", config, weights, "2.0.4", {**TRAINING, "optimizer_config": optimizer}, state,
                backend="theano")  # fmt: skip
    assert_same_training(load_model(tmp_path / "m.h5"), model)


def test_recurrent_layers_of_keras_2_0_and_2_1_are_read():
    # 'implementation': 0 and the keys before return_state, reset_after and RNN(cell) came.
    old = {"units": 3, "activation": "tanh", "recurrent_activation": "hard_sigmoid", "return_sequences": False,
           "go_backwards": False, "stateful": False, "unroll": False, "implementation": 0, "dropout": 0.0,
           "recurrent_dropout": 0.0, **kernel(GLOROT), "recurrent_initializer": {
               "class_name": "Orthogonal", "config": {"gain": 1.0, "seed": None}}}  # fmt: skip
    config = {"class_name": "Sequential", "config": [
        layer("LSTM", "l", batch_input_shape=[None, 4, 2], dtype="float32", unit_forget_bias=True,
              **{**old, "return_sequences": True}),
        layer("GRU", "g", **{**old, "return_sequences": True}),
        layer("Bidirectional", "b", merge_mode="concat", layer=layer("SimpleRNN", "s", **{
            k: v for k, v in old.items() if k != "recurrent_activation"}))]}  # fmt: skip
    import json

    model = model_from_json(json.dumps({**config, "keras_version": "2.1.2"}))
    assert model.output_shape == (None, 6) and model.layers[1].reset_after is False
    assert model.layers[0].recurrent_activation.__name__ == "hard_sigmoid"


# ---- tf.keras 2


def tf_functional(path, version, optimizer, names, loss="mse", state=None):
    """A file of a small CNN as tf.keras writes it, and the model. names: of the optimizer's weights, in their order."""
    inputs = L.Input((4, 4, 2), name="x")
    y = L.BatchNormalization(name="bn")(L.Conv2D(3, 2, name="conv", activation="relu")(inputs))
    outputs = L.Dense(1, name="out")(L.GlobalAveragePooling2D(name="gap")(y))
    model = Model(inputs, outputs)
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    config = {"class_name": "Functional", "config": {"name": "model", "trainable": True, "layers": [
        {"class_name": "InputLayer", "name": "x", "inbound_nodes": [], "config": {
            "batch_input_shape": [None, 4, 4, 2], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}},
        layer("Conv2D", "conv", on("x"), dtype=policy, filters=3, kernel_size=[2, 2], strides=[1, 1], padding="valid",
              data_format="channels_last", dilation_rate=[1, 1], groups=1, activation="relu", **kernel()),
        layer("BatchNormalization", "bn", on("conv"), dtype="float32", axis=[3], momentum=0.99, epsilon=0.001,
              center=True, scale=True, beta_initializer=ZEROS, gamma_initializer=ONES, moving_mean_initializer=ZEROS,
              moving_variance_initializer=ONES, beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
              gamma_constraint=None),
        layer("GlobalAveragePooling2D", "gap", on("bn"), dtype="float32", data_format="channels_last", keepdims=False),
        layer("Dense", "out", on("gap"), dtype="float32", units=1, activation="linear", **kernel()),
    ], "input_layers": [["x", 0, 0]], "output_layers": [["out", 0, 0]]}}  # fmt: skip
    model.compile({"class_name": optimizer["class_name"], "config": {
        "learning_rate": optimizer["config"]["learning_rate"]}}, "mse")  # fmt: skip
    *x, y = data_for(model)
    before = model.get_weights()
    model.train_on_batch(x, y)
    model.set_weights(before)
    weights = [f"{n}/{w}" for n, w in (("conv", "kernel"), ("conv", "bias"), ("bn", "gamma"), ("bn", "beta"),
                                       ("out", "kernel"), ("out", "bias"))]  # fmt: skip
    written = names(weights, model.optimizer.get_weights()) if names else None
    write_model(path, config, saved(model), version, {
        "loss": loss, "metrics": [[{"class_name": "MeanMetricWrapper", "config": {
            "name": "mae", "dtype": "float32", "fn": "mean_absolute_error"}}]], "weighted_metrics": None,
        "loss_weights": None, "optimizer_config": optimizer}, written)  # fmt: skip
    model.metrics  # noqa: B018
    return model


def adam(**more):
    return {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.01, "decay": 0.0, "beta_1": 0.9,
                                             "beta_2": 0.999, "epsilon": 1e-07, "amsgrad": False, **more}}  # fmt: skip


def of_tf_2_0(weights, state):
    n = len(weights)
    return [("training/Adam/iter:0", state[0]),
            *((f"training/Adam/{w}/m:0", a) for w, a in zip(weights, state[1 : n + 1], strict=True)),
            *((f"training/Adam/{w}/v:0", a) for w, a in zip(weights, state[n + 1 : 2 * n + 1], strict=True))]


def of_tf_2_11(weights, state):
    n = len(weights)
    moments = zip(weights, state[1 : n + 1], state[n + 1 : 2 * n + 1], strict=True)
    return [("iteration:0", state[0]), ("learning_rate:0", np.float32(0.01)),
            *((f"Adam/{slot}/{w}:0", a) for w, m, v in moments for slot, a in (("m", m), ("v", v)))]


NEW_ADAM = {"weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None, "use_ema": False,
            "ema_momentum": 0.99, "ema_overwrite_frequency": None, "jit_compile": True, "is_legacy_optimizer": False}


@pytest.mark.parametrize(("version", "optimizer", "names"), [
    ("2.2.4-tf", adam(), of_tf_2_0), ("2.4.0", adam(), of_tf_2_0),
    ("2.12.0", {**adam(**NEW_ADAM), "class_name": "Custom>Adam"}, of_tf_2_11)])  # fmt: skip
def test_a_model_of_tf_keras_trains_on(version, optimizer, names, tmp_path, backend):
    model = tf_functional(tmp_path / "m.h5", version, {**optimizer, "class_name": "Adam"}, names)
    loaded = load_model(tmp_path / "m.h5")
    assert loaded.metrics_names == ["loss", "mean_absolute_error"]
    *x, y = data_for(model)
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=1e-5, atol=1e-6)
    for _ in range(2):
        np.testing.assert_allclose(loaded.train_on_batch(x, y)[0], model.train_on_batch(x, y), rtol=1e-5)


def test_a_registered_class_is_known_by_its_own_name_too(tmp_path):
    tf_functional(tmp_path / "m.h5", "2.12.0", adam(**NEW_ADAM), None)

    class Mine(L.Dense):
        pass

    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        layer("pack>Mine", "m", batch_input_shape=[None, 3], units=2, **kernel())]}}  # fmt: skip
    from minikeras.models import model_from_config

    for key in ("Mine", "pack>Mine"):
        assert isinstance(model_from_config(config, {key: Mine}).layers[0], Mine)


def warned(tmp_path, match, loss="mse", **optimizer):
    tf_functional(tmp_path / "m.h5", "2.4.0", adam(), None, loss)
    if optimizer:
        import json

        import h5py

        with h5py.File(tmp_path / "m.h5", "r+") as file:
            config = json.loads(file.attrs["training_config"])
            config["optimizer_config"] = optimizer
            file.attrs["training_config"] = json.dumps(config).encode()
    with pytest.warns(UserWarning, match=match):
        model = load_model(tmp_path / "m.h5")
    with pytest.raises(RuntimeError, match="not compiled"):
        model.train_on_batch(*data_for(model))
    model.compile("sgd", "mse")
    model.train_on_batch(*data_for(model))


def test_a_loss_that_is_not_known_leaves_the_model_to_be_compiled(tmp_path):
    warned(tmp_path, r"loaded, but \*not\* compiled: Unknown loss function: 'focal'", loss="focal")
    warned(tmp_path, "Unknown .*'SigmoidFocalCrossEntropy'", loss={
        "class_name": "Addons>SigmoidFocalCrossEntropy", "config": {"reduction": "none"}})  # fmt: skip


def test_an_optimizer_that_is_not_known_or_means_more_leaves_the_model_to_be_compiled(tmp_path):
    warned(tmp_path, "Unknown optimizer: 'Yogi'", class_name="Addons>Yogi", config={"learning_rate": 0.1})
    warned(tmp_path, "RMSprop.*centered", class_name="RMSprop", config={"learning_rate": 0.1, "centered": True})
    warned(tmp_path, "RMSprop.*momentum", class_name="RMSprop", config={"learning_rate": 0.1, "momentum": 0.5})


def test_a_state_that_fits_no_optimizer_starts_anew_with_a_warning(tmp_path):
    tf_functional(tmp_path / "m.h5", "2.4.0", adam(), lambda weights, state: of_tf_2_0(weights, state)[:4])
    with pytest.warns(UserWarning, match="could not be restored, so it starts anew"):
        load_model(tmp_path / "m.h5").train_on_batch(*data_for(load_model(tmp_path / "m.h5", compile=False)))


# ---- keys that mean more than their default


def read(*layers, version="2.4.0"):
    from minikeras.models import model_from_config

    return model_from_config({"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)},
                              "keras_version": version})  # fmt: skip


MEANS_MORE = [
    (layer("Conv2D", "c", batch_input_shape=[None, 4, 4, 2], filters=2, kernel_size=[2, 2], groups=2), "groups"),
    (layer("LSTM", "c", batch_input_shape=[None, 4, 2], units=2, time_major=True), "time_major"),
    (layer("GRU", "c", batch_input_shape=[None, 4, 2], units=2, zero_output_for_mask=True), "zero_output_for_mask"),
    (layer("BatchNormalization", "c", batch_input_shape=[None, 4], renorm=True), "renorm"),
    (layer("GlobalMaxPooling1D", "c", batch_input_shape=[None, 4, 2], keepdims=True), "keepdims"),
    (layer("Bidirectional", "c", batch_input_shape=[None, 4, 2], layer=layer("LSTM", "l", units=2),
           backward_layer=layer("LSTM", "m", units=2, go_backwards=True)), "backward_layer"),
    ({"class_name": "InputLayer", "config": {"name": "c", "batch_input_shape": [None, 4], "ragged": True}}, "ragged"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "key"), MEANS_MORE, ids=lambda v: v if isinstance(v, str) else "")
def test_a_key_that_means_more_than_its_default_is_refused_with_its_layer(config, key):
    with pytest.raises((TypeError, ValueError), match=key) as error:
        read(config)
    assert config["class_name"] in str(error.value) and "'c'" in str(error.value)


def test_keys_that_state_a_default_are_dropped():
    model = read(
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 6, 2], "dtype": "float32",
                                                "sparse": False, "ragged": False}},
        layer("LSTM", "l", units=2, time_major=False, zero_output_for_mask=False, return_sequences=True,
              dtype={"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"},
                     "registered_name": None}),
        {**layer("Dropout", "d", rate=0.1, noise_shape=None, seed=None, rng_type=None), "module": "keras.layers",
         "registered_name": None, "build_config": {"input_shape": [None, 6, 2]}},
        layer("GRU", "g", units=2, reset_after=True, time_major=False, activation={
            "module": "builtins", "class_name": "function", "config": "tanh", "registered_name": "function"}),
    )  # fmt: skip
    assert model.output_shape == (None, 2) and model.layers[2].reset_after


def test_a_nested_model_may_have_no_node_of_its_own():
    from minikeras.models import model_from_config

    inner = {"class_name": "Sequential", "name": "inner", "inbound_nodes": on("x"), "config": {
        "name": "inner", "layers": [layer("Dense", "d", units=2, **kernel())]}}  # fmt: skip
    model = model_from_config({"class_name": "Functional", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "name": "x", "inbound_nodes": [], "config": {
            "name": "x", "batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False}}, inner],
        "input_layers": [["x", 0, 0]], "output_layers": [["inner", 0, 0]]}})  # fmt: skip
    assert model.output_shape == (None, 2)


def test_attention_of_tf_keras_has_tensors_among_its_arguments(tmp_path):
    a, b = L.Input((4, 6), name="a"), L.Input((5, 6), name="b")
    model = Model([a, b], L.MultiHeadAttention(2, 3, name="att")(a, value=b))
    source = {"dtype": "float32", "sparse": False, "ragged": False}
    config = {"class_name": "Functional", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "name": "a", "inbound_nodes": [], "config": {
            "name": "a", "batch_input_shape": [None, 4, 6], **source}},
        {**layer("MultiHeadAttention", "att", [[["a", 0, 0, {"value": ["b", 0, 0]}]]], num_heads=2, key_dim=3,
                 value_dim=3, dropout=0.0, output_shape=None, attention_axes=[1], query_shape=[None, 4, 6],
                 key_shape=[None, 5, 6], value_shape=[None, 5, 6], **kernel())},
        {"class_name": "InputLayer", "name": "b", "inbound_nodes": [], "config": {
            "name": "b", "batch_input_shape": [None, 5, 6], **source}}],
        "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["att", 0, 0]]}}  # fmt: skip
    write_model(tmp_path / "m.h5", config, saved(model), "2.9.0")
    loaded = load_model(tmp_path / "m.h5", compile=False)
    x = [np.random.random((2, n, 6)) for n in (4, 5)]
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_a_mixed_policy_is_that_of_its_weights_with_a_warning():
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    with pytest.warns(UserWarning, match=r'Dense "d".*mixed_float16.*float32'):
        model = read(layer("Dense", "d", batch_input_shape=[None, 3], units=2, dtype=policy))
    assert model.layers[0].dtype == "float32"


def test_bilinear_upsampling_is_that_of_the_tensorflow_that_wrote_the_file(backend):
    def upsampling(version):
        model = read(layer("UpSampling2D", "u", batch_input_shape=[None, 1, 2, 1], size=[1, 2], data_format=
                           "channels_last", interpolation="bilinear"), version=version)  # fmt: skip
        return model.predict(np.array([[[[0.0], [4.0]]]]))[0, 0, :, 0]

    np.testing.assert_allclose(upsampling("2.3.1"), [0, 2, 4, 4])
    np.testing.assert_allclose(upsampling("2.4.0"), [0, 1, 3, 4])


def test_clipping_of_each_gradient_by_itself_is_refused_and_that_of_all_together_taken():
    from minikeras.engine.saving_training import current_training_config

    config = {"loss": "mse", "optimizer_config": adam(global_clipnorm=2.0, clipnorm=None)}
    assert current_training_config(config, "2.4.0")["optimizer_config"]["config"]["clipnorm"] == 2.0
    config["optimizer_config"]["config"].update(clipnorm=1.0, global_clipnorm=None)
    with pytest.raises(ValueError, match=r"clipnorm=1\.0 of tf\.keras"):
        current_training_config(config, "2.4.0")
    config["optimizer_config"]["config"].pop("global_clipnorm")
    assert current_training_config(config, "2.3.1")["optimizer_config"]["config"]["clipnorm"] == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"clipnorm=1\.0 of tf\.keras"):
            current_training_config(config, "2.2.4-tf")
