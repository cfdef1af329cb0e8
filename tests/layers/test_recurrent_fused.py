"""The layers whose cells have an op for all steps give what the cells give step by step."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers, losses, models, optimizers

BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 6


def trained(layer, steps=2):
    """Outputs, and weights after steps of training, from fixed weights on fixed data."""
    rng = np.random.default_rng(0)
    inputs = layers.Input((TIME, FEATURES))
    outputs = layer(inputs)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    model = models.Model(inputs, outputs)
    model.set_weights([rng.uniform(-0.5, 0.5, w.shape) for w in model.get_weights()])
    model.compile(optimizers.SGD(0.1), losses.mean_squared_error)
    x = rng.normal(size=(BATCH, TIME, FEATURES))
    y = [rng.normal(size=(BATCH, *K.int_shape(t)[1:])) for t in outputs]
    predicted = model.predict(x)
    for _ in range(steps):
        model.train_on_batch(x, y)
    return [*(predicted if isinstance(predicted, list) else [predicted]), *model.get_weights()]


def ops_of(layer):
    """Names of the ops that the layer applies to its inputs."""
    outputs = layer(layers.Input((TIME, FEATURES)))
    found, stack = set(), [outputs]
    while stack:
        tensor = stack.pop()
        if tensor.owner is not None and tensor.owner.op.name not in found:
            found.add(tensor.owner.op.name)
            stack.extend(tensor.owner.inputs)
    return found


@pytest.mark.parametrize("options", [
    {}, {"return_sequences": True}, {"return_sequences": True, "return_state": True}, {"go_backwards": True},
    {"go_backwards": True, "return_sequences": True}, {"use_bias": False}, {"dropout": 0.4},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("name", ["LSTM", "GRU", "GRU reset_after", "CuDNNLSTM", "CuDNNGRU"])
def test_the_op_for_all_steps_trains_as_the_steps_do(name, options, backend):
    class_name, *more = name.split()
    if class_name.startswith("CuDNN") and not {"use_bias", "dropout"}.isdisjoint(options):
        pytest.skip("cuDNN's layers have no such option")
    found = []
    for unroll in (False, True):
        np.random.seed(3)  # for the seeds of the dropout
        found.append(trained(getattr(layers, class_name)(UNITS, unroll=unroll, **options, **dict.fromkeys(more, True))))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("layer", "op"), [(layers.LSTM, "_lstm"), (layers.GRU, "_gru")])
def test_what_the_op_does_not_do_is_done_step_by_step(layer, op):
    class Twice(layer.cell_class):
        def call(self, inputs, states, training=None):
            output, states = super().call(inputs, states, training)
            return output * 2.0, states

    assert op in ops_of(layer(UNITS)) and op in ops_of(layers.RNN(layer.cell_class(UNITS)))
    for other in (
        layer(UNITS, activation="relu"), layer(UNITS, recurrent_activation="hard_sigmoid"),
        layer(UNITS, recurrent_dropout=0.5), layer(UNITS, dropout=0.5, implementation=1), layer(UNITS, unroll=True),
        layers.RNN(Twice(UNITS)), layers.RNN([layer.cell_class(UNITS)]),
    ):  # fmt: skip
        assert op not in ops_of(other)
