"""Files of Keras 1: its configs, its layouts of weights, the state of its optimizers.

The model that a file describes is built here in today's terms; its weights are brought into the layout of Keras 1.
"""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from minikeras.models import Model, Sequential, load_model
from tests.engine.old_files import write_model

pytest.importorskip("h5py")
LAST, FIRST = {"dim_ordering": "tf"}, {"dim_ordering": "th"}
NO_LIMITS = {"W_regularizer": None, "W_constraint": None, "b_regularizer": None, "b_constraint": None,
             "activity_regularizer": None}  # fmt: skip


def layer(class_name, **config):
    return {"class_name": class_name, "config": {"trainable": True, **config}}


def first_layer(class_name, *shape, **config):
    return layer(class_name, batch_input_shape=[None, *shape], input_dtype="float32", **config)


def turned(axes):
    return lambda kernel, *bias: [kernel.transpose(axes), *bias]


def as_they_are(*weights):
    return list(weights)


def gate_by_gate(*order, turn=None):
    """Weights (kernel, recurrent kernel, bias) as three arrays a gate, in another order."""
    def split(*weights):
        parts = [np.split(w, len(order), axis=-1) for w in weights]
        return [p[g].transpose(turn) if turn and p[g].ndim == 4 else p[g] for g in order for p in parts]
    return split


CONV = {**NO_LIMITS, "nb_filter": 4, "init": "glorot_uniform", "activation": "relu", "border_mode": "valid",
        "bias": True}  # fmt: skip
CONV2D = {**CONV, "nb_row": 3, "nb_col": 2, "subsample": [1, 1]}
RECURRENT = {"output_dim": 3, "init": "glorot_uniform", "inner_init": "orthogonal", "activation": "tanh",
             "inner_activation": "hard_sigmoid", "W_regularizer": None, "U_regularizer": None, "b_regularizer": None,
             "dropout_W": 0.0, "dropout_U": 0.0, "return_sequences": False, "go_backwards": False, "stateful": False,
             "unroll": False, "consume_less": "cpu", "input_dim": 2, "input_length": None}  # fmt: skip
LSTM = {**RECURRENT, "forget_bias_init": "one"}
HARD = {"recurrent_activation": "hard_sigmoid"}
CONV_LSTM = {**LSTM, "nb_filter": 3, "nb_row": 3, "nb_col": 3, "border_mode": "same", "subsample": [1, 1]}
for key in ("output_dim", "input_dim", "input_length", "consume_less", "unroll"):
    del CONV_LSTM[key]

# Name: (class and config of Keras 1, the shape of its input, the layer of today, weights of today -> those of Keras 1).
CASES = {
    "Dense": ("Dense", {"output_dim": 3, "input_dim": 4, "init": "glorot_uniform", "activation": "linear", "bias": True,
                        **NO_LIMITS}, (4,), lambda: L.Dense(3), as_they_are),
    "Convolution1D": ("Convolution1D", {**CONV, "filter_length": 3, "subsample_length": 2, "input_dim": 2,
                                        "input_length": None},
                      (8, 2), lambda: L.Conv1D(4, 3, strides=2, activation="relu"), lambda k, b: [k[:, None], b]),
    "Convolution1D of 1.0": ("Convolution1D", {**CONV, "filter_length": 3, "subsample_length": 1, "input_dim": 2},
                             (8, 2), lambda: L.Conv1D(4, 3, activation="relu"),
                             lambda k, b: [k.transpose(2, 1, 0)[..., None], b]),
    "AtrousConvolution1D": ("AtrousConvolution1D", {**CONV, "filter_length": 3, "subsample_length": 1,
                                                    "atrous_rate": 2},
                            (8, 2), lambda: L.Conv1D(4, 3, dilation_rate=2, activation="relu"),
                            lambda k, b: [k[:, None], b]),
    "Convolution2D": ("Convolution2D", {**CONV2D, **LAST}, (6, 6, 2),
                      lambda: L.Conv2D(4, (3, 2), activation="relu"), as_they_are),
    "Convolution2D th": ("Convolution2D", {**CONV2D, **FIRST}, (2, 6, 6),
                         lambda: L.Conv2D(4, (3, 2), activation="relu", data_format="channels_first"),
                         turned((3, 2, 0, 1))),
    "AtrousConvolution2D": ("AtrousConvolution2D", {**CONV2D, **LAST, "atrous_rate": [2, 2]}, (8, 8, 2),
                            lambda: L.Conv2D(4, (3, 2), activation="relu", dilation_rate=2), as_they_are),
    "SeparableConvolution2D": ("SeparableConvolution2D", {
        "nb_filter": 4, "nb_row": 3, "nb_col": 3, "init": "glorot_uniform", "activation": "linear", "depth_multiplier":
        2, "border_mode": "same", "subsample": [1, 1], "bias": True, "b_regularizer": None, "b_constraint": None,
        "depthwise_regularizer": None, "pointwise_regularizer": None, "depthwise_constraint": None,
        "pointwise_constraint": None, "activity_regularizer": None, **LAST}, (6, 6, 2),
        lambda: L.SeparableConv2D(4, 3, padding="same", depth_multiplier=2), as_they_are),
    "Deconvolution2D": ("Deconvolution2D", {**CONV2D, **LAST, "output_shape": [None, 8, 7, 4]}, (6, 6, 2),
                        lambda: L.Conv2DTranspose(4, (3, 2), activation="relu"), turned((0, 1, 3, 2))),
    "Deconvolution2D th": ("Deconvolution2D", {**CONV2D, **FIRST, "output_shape": [None, 4, 8, 7]}, (2, 6, 6),
                           lambda: L.Conv2DTranspose(4, (3, 2), activation="relu", data_format="channels_first"),
                           turned((2, 3, 0, 1))),
    "Convolution3D th": ("Convolution3D", {**CONV, "kernel_dim1": 2, "kernel_dim2": 3, "kernel_dim3": 1, "subsample":
                                           [1, 1, 1], **FIRST}, (2, 4, 4, 4),
                         lambda: L.Conv3D(4, (2, 3, 1), activation="relu", data_format="channels_first"),
                         turned((4, 3, 0, 1, 2))),
    "LocallyConnected2D th": ("LocallyConnected2D", {**CONV2D, **FIRST}, (2, 6, 6),
                              lambda: L.LocallyConnected2D(4, (3, 2), activation="relu", data_format="channels_first"),
                              lambda k, b: [k, b.transpose(2, 0, 1)]),
    "LSTM": ("LSTM", LSTM, (5, 2), lambda: L.LSTM(3, **HARD), gate_by_gate(0, 2, 1, 3)),
    "LSTM for GPUs": ("LSTM", {**LSTM, "consume_less": "gpu"}, (5, 2), lambda: L.LSTM(3, **HARD), as_they_are),
    "GRU": ("GRU", RECURRENT, (5, 2), lambda: L.GRU(3, **HARD), gate_by_gate(0, 1, 2)),
    "SimpleRNN": ("SimpleRNN", {k: v for k, v in RECURRENT.items() if k != "inner_activation"}, (5, 2),
                  lambda: L.SimpleRNN(3), as_they_are),
    "ConvLSTM2D": ("ConvLSTM2D", {**CONV_LSTM, **LAST}, (4, 5, 5, 2), lambda: L.ConvLSTM2D(3, 3, padding="same"),
                   gate_by_gate(0, 2, 1, 3)),
    "ConvLSTM2D th": ("ConvLSTM2D", {**CONV_LSTM, **FIRST}, (4, 2, 5, 5),
                      lambda: L.ConvLSTM2D(3, 3, padding="same", data_format="channels_first"),
                      gate_by_gate(0, 2, 1, 3, turn=(3, 2, 0, 1))),
    "BatchNormalization": ("BatchNormalization", {"epsilon": 1e-5, "mode": 0, "axis": 1, "momentum": 0.9,
                                                  "gamma_regularizer": None, "beta_regularizer": None}, (3,),
                           lambda: L.BatchNormalization(axis=1, epsilon=1e-5, momentum=0.9), as_they_are),
    "Highway": ("Highway", {"init": "glorot_uniform", "activation": "relu", "input_dim": 3, "bias": True, **NO_LIMITS},
                (3,), lambda: L.Highway(activation="relu"), as_they_are),
    "PReLU": ("PReLU", {"init": "zero"}, (3,), lambda: L.PReLU(), as_they_are),
    "TimeDistributedDense": ("TimeDistributedDense", {"output_dim": 3, "input_dim": 2, "input_length": 5, "init":
                                                      "zero", "activation": "tanh", "bias": True, **NO_LIMITS}, (5, 2),
                             lambda: L.Dense(3, activation="tanh"), as_they_are),
    "TimeDistributed": ("TimeDistributed", {"layer": layer("Convolution2D", name="c", **CONV2D, **FIRST)}, (4, 2, 6, 6),
                        lambda: L.TimeDistributed(L.Conv2D(4, (3, 2), activation="relu", data_format="channels_first")),
                        turned((3, 2, 0, 1))),
    "Bidirectional": ("Bidirectional", {"merge_mode": "concat", "layer": layer("LSTM", name="l", **LSTM)}, (5, 2),
                      lambda: L.Bidirectional(L.LSTM(3, **HARD)),
                      lambda *w: [*gate_by_gate(0, 2, 1, 3)(*w[:3]), *gate_by_gate(0, 2, 1, 3)(*w[3:])]),
}  # fmt: skip


def randomised(model):
    """The model with other weights than the initial ones, all positive as variances are."""
    model.set_weights([np.random.uniform(0.1, 1, w.shape).astype("float32") for w in model.get_weights()])
    return model


def numbered(arrays, stem="w"):
    return [(f"{stem}_{i}", array) for i, array in enumerate(arrays)]


@pytest.mark.parametrize("name", CASES)
def test_a_layer_of_keras_1_computes_what_it_did(name, tmp_path):
    class_name, config, shape, make, old_layout = CASES[name]
    inputs = L.Input(shape)
    model = randomised(Model(inputs, make()(inputs)))
    write_model(tmp_path / "m.h5", {"class_name": "Sequential", "config": [
        first_layer(class_name, *shape, name="it", **config)]},
        {"it": numbered(old_layout(*model.layers[1].get_weights()))})  # fmt: skip
    loaded = load_model(tmp_path / "m.h5", compile=False)
    x = np.random.random((2, *shape)).astype("float32")
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=1e-6)
    assert loaded.layers[0].name == "it"


def test_layers_without_weights_have_their_arguments_renamed(tmp_path):
    config = {"class_name": "Sequential", "config": [
        first_layer("ZeroPadding2D", 2, 6, 6, name="z", padding=[1, 1], **FIRST),
        layer("MaxPooling2D", name="p", pool_size=[2, 2], strides=[2, 2], border_mode="valid", **FIRST),
        layer("UpSampling2D", name="u", size=[2, 2], **FIRST),
        layer("Cropping2D", name="c", cropping=[[1, 1], [1, 1]], **FIRST),
        layer("SpatialDropout2D", name="s", p=0.5, **FIRST), layer("Dropout", name="d", p=0.25),
        layer("GaussianNoise", name="n", sigma=0.5), layer("GlobalAveragePooling2D", name="g", **FIRST),
        layer("RepeatVector", name="r", n=4), layer("MaxPooling1D", name="q", stride=2, pool_length=2,
                                                    border_mode="valid")]}  # fmt: skip
    write_model(tmp_path / "m.h5", config, {c["config"]["name"]: [] for c in config["config"]})
    model = load_model(tmp_path / "m.h5", compile=False)
    assert [tuple(x.output_shape[1:]) for x in model.layers] == [
        (2, 8, 8), (2, 4, 4), (2, 8, 8), (2, 6, 6), (2, 6, 6), (2, 6, 6), (2, 6, 6), (2,), (4, 2), (2, 2)]  # fmt: skip
    assert (model.layers[5].rate, model.layers[6].stddev) == (0.25, 0.5)


def functional(path):
    """A file of a graph of Keras 1 with a nested Sequential model of an LSTM, and the same model of today."""
    a, b = L.Input((5, 2), name="a"), L.Input((4,), name="b")
    inner = [L.LSTM(3, input_shape=(5, 2), name="l", **HARD), L.BatchNormalization(axis=1, name="n")]
    inner = Sequential(inner, "inner")
    joined = L.Concatenate(name="m")([inner(a), L.Dense(3, kernel_regularizer="l2", name="d")(b)])
    model = randomised(Model([a, b], L.Dense(1, name="out")(joined)))
    lstm, norm = inner.layers
    kept = {x.name: numbered(x.get_weights(), x.name) for x in model.layers}
    gamma, beta, mean, deviation = norm.get_weights()
    kept["inner"] = numbered([*gate_by_gate(0, 2, 1, 3)(*lstm.get_weights()), gamma, beta, mean, deviation], "inner")
    dense = {"init": "glorot_uniform", "activation": "linear", "bias": True, "input_dim": None, **NO_LIMITS}
    penalised = {**dense, "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}}
    config = {"class_name": "Model", "config": {
        "name": "model_1", "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["out", 0, 0]], "layers": [
            {"name": "a", "inbound_nodes": [], "class_name": "InputLayer", "config": {
                "name": "a", "batch_input_shape": [None, 5, 2], "input_dtype": "float32", "sparse": False}},
            {"name": "b", "inbound_nodes": [], "class_name": "InputLayer", "config": {
                "name": "b", "batch_input_shape": [None, 4], "input_dtype": "float32", "sparse": False}},
            {"name": "inner", "inbound_nodes": [[["a", 0, 0]]], "class_name": "Sequential", "config": [
                first_layer("LSTM", 5, 2, name="l", **LSTM),
                layer("BatchNormalization", name="n", epsilon=1e-3, mode=0, axis=1, momentum=0.99)]},
            {"name": "d", "inbound_nodes": [[["b", 0, 0]]], **layer("Dense", name="d", output_dim=3, **penalised)},
            {"name": "m", "inbound_nodes": [[["inner", 1, 0], ["d", 0, 0]]], **layer(
                "Merge", name="m", mode="concat", mode_type="raw", concat_axis=-1, dot_axes=-1, output_shape=None,
                output_shape_type="raw", output_mask=None, output_mask_type="raw", arguments={})},
            {"name": "out", "inbound_nodes": [[["m", 0, 0]]], **layer("Dense", name="out", output_dim=1, **dense)},
        ]}}  # fmt: skip
    training = {"loss": "mse", "metrics": [], "sample_weight_mode": None, "loss_weights": None, "optimizer_config": {
        "class_name": "Adam", "config": {"lr": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-08}}}  # fmt: skip
    model.compile("adam", "mse")
    model.optimizer = type(model.optimizer)(lr=0.01, epsilon=1e-8)
    x, y = [np.random.random((4, 5, 2)), np.random.random((4, 4))], np.random.random((4, 1))
    before = {w.name: v for w, v in zip(model.weights, model.get_weights(), strict=True)}
    model.train_on_batch(x, y)
    model.set_weights(list(before.values()))
    state = model.optimizer.get_weights()
    # Adam of Keras 1: the count of steps, all means, all squares; no vhats.
    write_model(path, config, kept, training=training, optimizer=numbered(
        [np.float32(state[0]), *state[1 : 1 + 2 * len(model.trainable_weights)]], "param"))  # fmt: skip
    return model, x, y


def test_a_graph_of_keras_1_trains_on(backend, tmp_path):
    model, x, y = functional(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=1e-5)
    for _ in range(3):
        np.testing.assert_allclose(loaded.train_on_batch(x, y), model.train_on_batch(x, y), rtol=1e-5)
    assert len(loaded.losses) == 1


@pytest.mark.parametrize(("optimizer", "config"), [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "decay": 0.0, "nesterov": True}), ("RMSprop", {"lr": 0.1, "rho": 0.8,
     "epsilon": 1e-8}), ("Adagrad", {"lr": 0.1, "epsilon": 1e-8}),
    ("Adadelta", {"lr": 1.0, "rho": 0.9, "epsilon": 1e-6}),
    ("Adamax", {"lr": 0.1, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8}), ("Nadam", {
        "lr": 0.1, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8, "schedule_decay": 0.004})])  # fmt: skip
def test_optimizers_go_on_where_keras_1_left_them(optimizer, config, tmp_path):
    from minikeras import optimizers

    model = Sequential([L.Dense(2, input_shape=(3,), name="d")])
    model.compile(optimizers.get({"class_name": optimizer, "config": config}), "mse")
    x, y = np.random.random((4, 3)), np.random.random((4, 2))
    model.train_on_batch(x, y)
    state = model.optimizer.get_weights()
    if optimizer in ("RMSprop", "Adagrad", "Adadelta"):
        state = state[1:]  # Keras 1, and 2 up to 2.2, did not save the count of steps of these
    if optimizer == "Nadam":
        state = [state[0], *state[2:]]
    write_model(tmp_path / "m.h5", {"class_name": "Sequential", "config": [
        first_layer("Dense", 3, name="d", output_dim=2, init="glorot_uniform", activation="linear", input_dim=3)]},
        {"d": numbered(model.get_weights())}, optimizer=numbered(state, "param"), training={
            "optimizer_config": {"class_name": optimizer, "config": config}, "loss": "mse", "metrics": [],
            "sample_weight_mode": None, "loss_weights": None})  # fmt: skip
    loaded = load_model(tmp_path / "m.h5")
    for a, b in zip(loaded.optimizer.get_weights()[-len(state) + 1 :], state[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    if optimizer == "Nadam":
        K.set_value(model.optimizer.m_schedule, 1.0)  # a product that its files do not have
    for _ in range(3):
        np.testing.assert_allclose(loaded.train_on_batch(x, y), model.train_on_batch(x, y), rtol=1e-6)


# ---- what has no equivalent


def refused(tmp_path, *layers):
    write_model(tmp_path / "m.h5", {"class_name": "Sequential", "config": list(layers)}, {})
    with pytest.raises(ValueError) as error:  # noqa: PT011
        load_model(tmp_path / "m.h5")
    return str(error.value)


def test_batch_normalization_by_other_statistics_is_refused_by_name(tmp_path):
    message = refused(tmp_path, first_layer("BatchNormalization", 3, name="n", mode=1, axis=-1))
    assert 'BatchNormalization "n"' in message and "mode=0" in message


def test_merges_by_functions_and_of_models_are_refused(tmp_path):
    assert "Lambda layer in its place" in refused(tmp_path, layer("Merge", name="m", mode="..", mode_type="lambda"))
    branches = [{"class_name": "Sequential", "config": []}] * 2
    assert "a Model of several Inputs" in refused(tmp_path, layer("Merge", name="m", mode="sum", layers=branches))


def test_dropout_of_an_embedding_is_left_out_with_a_warning(tmp_path):
    table = np.random.random((7, 2)).astype("float32")
    write_model(tmp_path / "m.h5", {"class_name": "Sequential", "config": [first_layer(
        "Embedding", 5, name="e", input_dim=7, output_dim=2, init="uniform", input_length=5, mask_zero=False,
        activity_regularizer=None, W_regularizer=None, W_constraint=None, dropout=0.2)]}, {"e": [("W", table)]}
    )  # fmt: skip
    with pytest.warns(UserWarning, match="`dropout` of Embedding is ignored"):
        model = load_model(tmp_path / "m.h5", compile=False)
    np.testing.assert_array_equal(model.predict(np.array([[1, 2, 3, 4, 6]]))[0], table[[1, 2, 3, 4, 6]])
