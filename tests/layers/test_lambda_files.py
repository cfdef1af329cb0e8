"""Lambda layers in files: what is built of K ops comes back as its graph, without running anything."""

import functools
import json

import numpy as np
import pytest

from minikeras import backend as K
from minikeras.layers import Dense, Input, Lambda, Masking, TimeDistributed
from minikeras.models import Model, Sequential, load_model, model_from_json
from minikeras.utils import CustomObjectScope

OFFSETS = np.arange(3, dtype="float32")


def scaled(x, factor=2.0, shift=0.0):
    return x * factor + shift


def masked_mean(x, mask=None):
    kept = K.expand_dims(K.cast(mask, K.floatx()))
    return K.sum(x * kept, axis=1) / K.sum(kept, axis=1)


def distance(tensors):
    a, b = tensors
    return K.sqrt(K.sum(K.square(a - b), axis=-1, keepdims=True))


def recurrence(x):
    return K.rnn(lambda step, states: (step + states[0], [step + 0.5 * states[0]]), x, [K.zeros_like(x[:, 0])])[1]


def model_on(layer, *shapes):
    inputs = [Input(shape) for shape in shapes]
    outputs = layer(inputs if len(inputs) > 1 else inputs[0])
    return Model(inputs, outputs)


MODELS = {
    "arithmetic": lambda: model_on(Lambda(lambda x: (x**2 + 1) / 3 - x), (3,)),
    "slices": lambda: model_on(Lambda(lambda x: x[:, ::-1, 1:]), (4, 3)),
    "arguments": lambda: model_on(Lambda(scaled, arguments={"factor": 3.0, "shift": 0.5}), (3,)),
    "a function of K": lambda: model_on(Lambda(K.square), (3,)),
    "a partial function": lambda: model_on(Lambda(functools.partial(scaled, shift=2.0)), (3,)),
    "several inputs": lambda: model_on(Lambda(distance), (3,), (3,)),
    "several outputs": lambda: model_on(Lambda(lambda x: [x[:, :1], x[:, 1:]]), (3,)),
    "a constant": lambda: model_on(Lambda(lambda x: x + OFFSETS), (3,)),
    "output_shape as a tuple": lambda: model_on(Lambda(lambda x: K.reshape(x, (-1, 6)), output_shape=(6,)), (2, 3)),
    "output_shape as a lambda": lambda: model_on(
        Lambda(lambda x: K.sum(x, axis=1), output_shape=lambda shape: (shape[0], shape[2])), (None, 3)),
    "the static shape": lambda: model_on(Lambda(lambda x: x / K.int_shape(x)[-1]), (3,)),
    "the shape at run time": lambda: model_on(Lambda(lambda x: x / K.cast(K.shape(x)[1], "float32")), (None,)),
    "a loop": lambda: model_on(Lambda(recurrence), (None, 3)),
    "a loop over the batch": lambda: model_on(Lambda(lambda x: K.map_fn(lambda row: row / K.max(row), x)), (3,)),
    "a branch": lambda: model_on(
        Lambda(lambda x: K.switch(K.mean(x) > 0.5, lambda: x * 2, lambda: x - K.mean(x))), (3,)),
    "images": lambda: model_on(Lambda(lambda x: K.resize_images(x, 2, 2, "channels_last", "bilinear")), (2, 2, 3)),
    "a gradient": lambda: model_on(Lambda(lambda x: K.gradients(K.sum(K.tanh(x)), x)[0]), (3,)),
    "the learning phase": lambda: model_on(Lambda(lambda x: K.in_train_phase(x * 2, x)), (3,)),
    "inside of TimeDistributed": lambda: Sequential([TimeDistributed(Lambda(lambda x: x[:, :2] * 2),
                                                                     input_shape=(4, 3)), Dense(2)]),
    "a mask": lambda: Sequential([Masking(0.5, input_shape=(4, 3)), Lambda(masked_mean)]),
    "a mask of its own": lambda: Sequential([
        Masking(0.5, input_shape=(4, 3)),
        Lambda(lambda x: x[:, 1:], mask=lambda x, mask: K.equal(mask[:, 1:], False)), Lambda(masked_mean)]),
    "inside of a model in a model": lambda: Sequential([
        Sequential([Dense(3, input_shape=(3,)), Lambda(lambda x: x - K.max(x))]), Dense(2)]),
}  # fmt: skip


def data_for(model):
    x = [np.random.random([n or 2 for n in K.int_shape(t)]).astype("float32") for t in model.inputs]
    if K.ndim(model.inputs[0]) == 3:
        x[0][:, :2] = 0.5
    return x


def results(model, x):
    found = model.predict(x)
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("name", MODELS)
def test_a_lambda_of_k_ops_is_loaded_from_its_graph(name, tmp_path):
    model = MODELS[name]()
    x = data_for(model)
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5", compile=False)
    for again in (loaded, model_from_json(model.to_json())):
        again.set_weights(model.get_weights())
        for a, b in zip(results(again, x), results(model, x), strict=True):
            np.testing.assert_array_equal(a, b)
    assert loaded.output_shape == model.output_shape
    loaded.save(tmp_path / "again.h5")  # what is loaded is stored as it was
    assert load_model(tmp_path / "again.h5", compile=False).to_json() == loaded.to_json() == model.to_json()


def test_a_loaded_graph_runs_and_trains_on_each_backend(backend, tmp_path):
    def build():
        a, b = Input((3,)), Input((3,))
        shared = Dense(4)
        return Model([a, b], Lambda(distance)([shared(a), Lambda(lambda x: K.tanh(x) * 2)(shared(b))]))

    model = build()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    x, y = data_for(model), np.ones((2, 1))
    for _ in range(2):
        np.testing.assert_array_equal(loaded.train_on_batch(x, y), model.train_on_batch(x, y))


def test_random_ops_are_drawn_anew_in_training_only(tmp_path):
    model = model_on(Lambda(lambda x: K.in_train_phase(K.dropout(x, 0.5, seed=3), x)), (50,))
    model.compile("sgd", "mae")
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    x = np.ones((4, 50), "float32")
    np.testing.assert_array_equal(loaded.predict(x), x)
    drawn = K.function([*loaded.inputs, K.learning_phase()], loaded.outputs)
    first, second = drawn([x, 1])[0], drawn([x, 1])[0]
    assert set(np.unique(first)) == {0.0, 2.0} and (first != second).any()


def test_the_files_keep_the_layout_that_keras_2_3_1_reads(tmp_path):
    # Its Lambda.from_config takes these keys and no others; what stands beside the config it does not look at.
    model = Sequential([Lambda(lambda x: x + 1, input_shape=(3,))])
    entry = json.loads(model.to_json())["config"]["layers"][0]
    assert set(entry) == {"class_name", "config", "graph"}
    assert set(entry["config"]) == {"name", "trainable", "batch_input_shape", "dtype", "function", "function_type",
                                    "output_shape", "output_shape_type", "arguments"}  # fmt: skip
    assert entry["config"]["function_type"] == "lambda" and isinstance(entry["config"]["function"][0], str)
    one = {"array": [1.0], "shape": [], "dtype": "float32"}
    assert entry["graph"][0]["graph"]["steps"] == [["add", [{"t": 0}, one]]]


def test_the_caller_s_function_comes_before_the_stored_graph():
    json_string = Sequential([Lambda(scaled, input_shape=(3,), name="s")]).to_json()
    x = np.ones((1, 3))
    assert model_from_json(json_string).predict(x)[0, 0] == 2
    assert model_from_json(json_string, {"scaled": lambda x: x * 5}).predict(x)[0, 0] == 5
    with CustomObjectScope({"scaled": lambda x: x * 6}):
        assert model_from_json(json_string).predict(x)[0, 0] == 6


WEIGHT = K.variable(2.0)


@pytest.mark.parametrize("function", [lambda x: x * WEIGHT, lambda x: K.native(lambda a: a, [x], (None, 3))],
                         ids=["a variable", "a native function"])  # fmt: skip
def test_what_is_more_than_k_ops_is_asked_for(function):
    json_string = Sequential([Lambda(function, output_shape=lambda s: s, input_shape=(3,), name="mine")]).to_json()
    assert "graph" not in json.loads(json_string)["config"]["layers"][0]
    with pytest.raises(ValueError, match=r"custom_objects=\{'mine': the_function\}"):
        model_from_json(json_string)
    assert model_from_json(json_string, {"mine": function}).output_shape == (None, 3)


def test_a_tensor_that_a_function_takes_from_outside_is_named():
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], Lambda(lambda x: x + b)(a))
    with pytest.raises(TypeError, match="make it an input of the layer"):
        model.save({})


def test_a_graph_serves_inputs_that_fit_those_it_was_made_for():
    layer = Lambda(lambda x: K.reshape(x, (-1, K.int_shape(x)[1] * 2)))
    a, b = Input((3, 2)), Input((4, 2))
    model = Model([a, b], [layer(a), layer(b)])
    loaded = model_from_json(model.to_json())
    assert loaded.output_shape == [(None, 6), (None, 8)]
    with pytest.raises(ValueError, match="stored as the graph of its calls on inputs"):
        loaded.layers[-1](Input((5, 2)))


def damaged(change):
    config = json.loads(Sequential([Lambda(lambda x: K.sum(x * 2, axis=-1), input_shape=(3,))]).to_json())
    call = config["config"]["layers"][0]["graph"][0]
    change(call, call["graph"])
    return json.dumps(config)


HOSTILE = {
    "no op": lambda call, graph: graph["steps"][0].__setitem__(0, "system"),
    "code": lambda call, graph: graph["steps"][0].__setitem__(0, "native"),
    "arguments left out": lambda call, graph: graph["steps"][0].__setitem__(1, []),
    "an argument too many": lambda call, graph: graph["steps"][0][1].append(1),
    "another kind of argument": lambda call, graph: graph["steps"][1][1].__setitem__(1, "x"),
    "a value of later": lambda call, graph: graph["steps"][0][1].__setitem__(0, {"t": 7}),
    "a negative value": lambda call, graph: graph["steps"][0][1].__setitem__(0, {"t": -1}),
    "an output that is none": lambda call, graph: graph["outputs"].__setitem__(0, 3),
    "an array of another shape": lambda call, graph: graph["steps"][0][1].__setitem__(
        1, {"array": [1.0], "shape": [2], "dtype": "float32"}),
    "an array of objects": lambda call, graph: graph["steps"][0][1].__setitem__(
        1, {"array": [1.0], "shape": [], "dtype": "object"}),
    "a large tensor": lambda call, graph: graph["steps"].insert(0, ["full", [[1 << 40, 1 << 40], 1.0, "float32"]]),
    "many parts": lambda call, graph: graph["steps"].insert(0, ["split", [{"t": 0}, 1 << 40, 1]]),
    "many steps": lambda call, graph: graph["steps"].extend([["abs", [{"t": 0}]]] * 10_001),
    "no steps": lambda call, graph: graph.pop("steps"),
    "no inputs": lambda call, graph: graph.pop("inputs"),
    "no outputs": lambda call, graph: call.update(outputs=3),
    "no shapes": lambda call, graph: call.update(shapes=[["x"]]),
    "a loop without body": lambda call, graph: graph["steps"].insert(0, ["_scan", [[], [{"t": 0}], [], {}, False, 3]]),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_graph_is_an_error(name):
    with pytest.raises(ValueError, match=r"stored graph|stored as the graph"):
        model_from_json(damaged(HOSTILE[name]))
