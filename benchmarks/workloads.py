"""What is trained: seven networks with their data, initial weights and optimizer, in plain NumPy.

All contestants start from the same weights and see the same batches. Weights are named by layer, in Keras's layout
(dense kernels [in, out], convolutions [height, width, in, out], LSTM gates in the order i f c o, attention's [features,
heads, size]) and in the order of `Layer.get_weights()`. The hyperparameters of the optimizers are Keras's defaults.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Workload:
    """name; input shape of one sample; classes (1: a sigmoid output); batch size; optimizer; batches in a pass; modes.

    modes: how it is run, of "fit"; "train_on_batch", each loss looked at; "predict", all data in batches;
    "predict_one", a row a call.
    """

    name: str
    shape: tuple
    classes: int
    batch: int
    optimizer: str
    batches: int
    layers: dict = field(repr=False)  # layer name -> function of a generator that draws its weights
    vocabulary: int = 0  # inputs are tokens below it
    modes: tuple = ("fit",)

    def weights(self):
        """{layer name: list of float32 arrays}, the same at each call."""
        rng = np.random.default_rng(7)
        return {name: draw(rng) for name, draw in self.layers.items()}

    def data(self):
        """x [batches * batch, *shape] float32 (tokens: int32), y [batches * batch, 1] int32 (sigmoid: float32)."""
        rng = np.random.default_rng(11)
        n = self.batch * self.batches
        y = rng.integers(0, max(2, self.classes), (n, 1))
        if self.vocabulary:
            x = rng.integers(1, self.vocabulary // 2, (n, *self.shape)) * (1 + y)  # a class has only even tokens
            return x.astype("int32"), y.astype("float32")
        centres = rng.random((self.classes, *self.shape), dtype="float32")
        x = (centres[y[:, 0]] + rng.random((n, *self.shape), dtype="float32")) / 2 - 0.5
        return x, y.astype("int32")


def dense(n_in, n_out):
    return lambda rng: [glorot(rng, (n_in, n_out)), np.zeros(n_out, "float32")]


def conv(size, n_in, n_out, bias=True):
    def draw(rng):
        kernel = glorot(rng, (size, size, n_in, n_out))
        return [kernel, np.zeros(n_out, "float32")] if bias else [kernel]

    return draw


def conv1d(size, n_in, n_out):
    return lambda rng: [glorot(rng, (size, n_in, n_out)), np.zeros(n_out, "float32")]


def batch_norm(n):
    return lambda rng: [np.full(n, value, "float32") for value in (1, 0, 0, 1)]  # gamma beta mean variance


def embedding(n_in, n_out):
    return lambda rng: [rng.uniform(-0.05, 0.05, (n_in, n_out)).astype("float32")]


def lstm(n_in, units):
    def draw(rng):
        bias = np.zeros(4 * units, "float32")
        bias[units : 2 * units] = 1
        return [glorot(rng, (n_in, 4 * units)), glorot(rng, (units, 4 * units)), bias]

    return draw


def layer_norm(n):
    return lambda rng: [np.ones(n, "float32"), np.zeros(n, "float32")]  # gamma beta


def attention(n, heads):
    """Kernels and biases of queries, keys, values and of the output."""

    def draw(rng):
        size = n // heads
        into = [(glorot(rng, (n, n)).reshape(n, heads, size), np.zeros((heads, size), "float32")) for _ in range(3)]
        return [*sum(into, ()), glorot(rng, (n, n)).reshape(heads, size, n), np.zeros(n, "float32")]

    return draw


def glorot(rng, shape):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)); Glorot and Bengio (2010)."""
    field_size = np.prod(shape[:-2], dtype=int)
    limit = np.sqrt(6 / (field_size * (shape[-2] + shape[-1])))
    return rng.uniform(-limit, limit, shape).astype("float32")


STAGES = [(stage, block) for stage in range(3) for block in range(3)]  # of ResNet-20: 16, 32, 64 filters


def resnet20():
    """He et al. (2015), section 4.2, with 1x1 projections where the shape changes: {layer name: draw}."""
    layers = {"conv0": conv(3, 3, 16, bias=False), "bn0": batch_norm(16)}
    n_in = 16
    for stage, block in STAGES:
        n_out, tag = 16 << stage, f"{stage}{block}"
        layers |= {
            f"conv{tag}a": conv(3, n_in, n_out, bias=False),
            f"bn{tag}a": batch_norm(n_out),
            f"conv{tag}b": conv(3, n_out, n_out, bias=False),
            f"bn{tag}b": batch_norm(n_out),
        }
        if n_in != n_out:
            layers[f"conv{tag}s"] = conv(1, n_in, n_out, bias=False)
        n_in = n_out
    return {**layers, "out": dense(64, 10)}


BLOCKS, FEATURES, HEADS, INNER = range(2), 128, 4, 512  # of the transformer


def transformer():
    """Encoder blocks as of Vaswani et al. (2017), section 3: {layer name: draw}."""
    layers = {}
    for b in BLOCKS:
        layers |= {
            f"attention{b}": attention(FEATURES, HEADS), f"norm{b}a": layer_norm(FEATURES),
            f"inner{b}": dense(FEATURES, INNER), f"outer{b}": dense(INNER, FEATURES), f"norm{b}b": layer_norm(FEATURES),
        }  # fmt: skip
    return {**layers, "out": dense(FEATURES, 10)}


WORKLOADS = {
    w.name: w
    for w in [
        Workload(
            "mlp_small", (784,), 10, batch=32, optimizer="adam", batches=200,
            layers={"hidden": dense(784, 128), "out": dense(128, 10)},
            modes=("fit", "train_on_batch", "predict_one"),
        ),
        Workload(
            "mlp", (784,), 10, batch=128, optimizer="rmsprop", batches=50,
            layers={"hidden1": dense(784, 512), "hidden2": dense(512, 512), "out": dense(512, 10)},
        ),
        Workload(
            "cnn", (28, 28, 1), 10, batch=128, optimizer="adadelta", batches=2,
            layers={
                "conv1": conv(3, 1, 32), "conv2": conv(3, 32, 64),
                "hidden": dense(12 * 12 * 64, 128), "out": dense(128, 10),
            },
            modes=("fit", "predict", "predict_one"),
        ),
        Workload(
            "lstm", (80,), 1, batch=32, optimizer="adam", batches=8, vocabulary=20000,
            layers={"embedding": embedding(20000, 128), "lstm": lstm(128, 128), "out": dense(128, 1)},
        ),
        Workload(
            "resnet20", (32, 32, 3), 10, batch=32, optimizer="adam", batches=4, layers=resnet20(),
            modes=("fit", "predict"),
        ),
        Workload(
            "conv1d", (400,), 1, batch=32, optimizer="adam", batches=8, vocabulary=5000,
            layers={
                "embedding": embedding(5000, 50), "conv": conv1d(3, 50, 250),
                "hidden": dense(250, 250), "out": dense(250, 1),
            },
        ),
        Workload("transformer", (64, FEATURES), 10, batch=32, optimizer="adam", batches=8, layers=transformer()),
    ]
}  # fmt: skip

OPTIMIZERS = {
    "adam": {"lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "rmsprop": {"lr": 0.001, "rho": 0.9, "epsilon": 1e-7},
    "adadelta": {"lr": 1.0, "rho": 0.95, "epsilon": 1e-7},
}
DROPOUT = {"mlp": (0.2, 0.2), "cnn": (0.25, 0.5)}
BN_MOMENTUM, BN_EPSILON, LN_EPSILON = 0.99, 1e-3, 1e-3
