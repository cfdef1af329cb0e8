"""Convolutions alone, on NumPy: training steps of ours and of the two ways to write them under `autograd`, turn about.

    python -m benchmarks.convolution [--rounds N] [--batch N] [--cpu]

Two 3 x 3 convolutions with relu on 28 x 28 images, the mean over all places, squared error, plain gradient descent, all
from the same weights; the losses are compared first. The other ways: `autograd.scipy.signal.convolve`, as in the
package's own example of a convolutional net, and im2col by slices with one product of matrices.
"""

import argparse
import time
from statistics import median

import numpy as np

RATE, FILTERS, CHECKED = 0.1, (16, 32), 3


def ours(x, y):
    """(initial weights, step)"""
    import minikeras as keras
    from minikeras import backend as K

    K.set_backend("numpy")
    layers = keras.layers
    model = keras.models.Sequential([
        layers.Conv2D(FILTERS[0], 3, activation="relu", input_shape=x.shape[1:]),
        layers.Conv2D(FILTERS[1], 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
    ])  # fmt: skip
    model.compile(keras.optimizers.SGD(RATE), "mse")
    return model.get_weights(), lambda: float(model.train_on_batch(x, y))


def under_autograd(convolve, weights, x, y):
    """A step of the same with a given function (kernel, x) -> windows times kernel."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    def loss(weights):
        h = x
        for kernel, bias in (weights[:2], weights[2:]):
            h = anp.maximum(convolve(kernel, h) + bias, 0)
        return anp.mean((anp.mean(h, axis=(1, 2)) - y) ** 2)

    gradient, state = value_and_grad(loss), list(weights)

    def step():
        value, slopes = gradient(state)
        state[:] = [w - np.float32(RATE) * g for w, g in zip(state, slopes, strict=True)]
        return float(value)

    return step


def by_signal(kernel, x):
    """autograd.scipy.signal.convolve; it turns the kernel round, so it gets it turned round."""
    from autograd.scipy.signal import convolve

    found = convolve(x, kernel[::-1, ::-1], axes=([1, 2], [0, 1]), dot_axes=([3], [2]), mode="valid")
    return _places_before_channels(found)


def _places_before_channels(found):
    import autograd.numpy as anp

    return anp.moveaxis(found, 1, -1) if found.shape[1] in FILTERS and found.shape[-1] not in FILTERS else found


def by_columns(kernel, x):
    """im2col: the windows side by side, times the kernel as a matrix."""
    import autograd.numpy as anp

    height, width = x.shape[1] - 2, x.shape[2] - 2
    windows = [x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    columns = anp.concatenate(windows, axis=-1)
    product = anp.dot(anp.reshape(columns, (-1, columns.shape[-1])), anp.reshape(kernel, (-1, kernel.shape[-1])))
    return anp.reshape(product, (*columns.shape[:-1], -1))


def main():
    parser = argparse.ArgumentParser("python -m benchmarks.convolution", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--cpu", action="store_true", help="processor time instead of wall time")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    rng = np.random.default_rng(0)
    x = rng.random((options.batch, 28, 28, 1), dtype="float32")
    y = rng.random((options.batch, FILTERS[1]), dtype="float32")
    weights, own = ours(x, y)
    ways = {"autograd.scipy.signal": by_signal, "im2col under autograd": by_columns}
    steps = {"minikeras": own, **{name: under_autograd(way, weights, x, y) for name, way in ways.items()}}
    losses = {name: [step() for _ in range(CHECKED)] for name, step in steps.items()}
    for found in losses.values():
        np.testing.assert_allclose(found, losses["minikeras"], rtol=1e-4)
    rounds = []
    for _ in range(options.rounds):
        taken = {}
        for name, step in steps.items():
            start = clock()
            step()
            taken[name] = clock() - start
        rounds.append(taken)
    for name in steps:
        print(f"{name:24} {1e3 * median(r[name] for r in rounds):8.1f} ms a step, "
              f"{median(r[name] / r['minikeras'] for r in rounds):6.2f} times ours")  # fmt: skip


if __name__ == "__main__":
    main()
