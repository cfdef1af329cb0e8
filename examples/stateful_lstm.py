"""A stateful LSTM: long series come in short pieces, and what it has seen is kept from piece to piece.

    python examples/stateful_lstm.py [--short]

The series are coins tossed; the answer at each time is the mean of the last tosses, more of them than a piece holds.
"""

import sys

import numpy as np

from minikeras.layers import LSTM, Dense
from minikeras.models import Sequential

SERIES, PIECE, MEMORY = 32, 4, 12


def data(length):
    """Tosses [SERIES, length, 1], and at each time the mean of the last MEMORY of them."""
    x = np.random.randint(2, size=(SERIES, length)).astype("float32")
    padded = np.pad(x, ((0, 0), (MEMORY - 1, 0)))
    y = np.lib.stride_tricks.sliding_window_view(padded, MEMORY, axis=1).mean(axis=-1)
    return x[..., np.newaxis], y[..., np.newaxis]


def pieces(x):
    """One batch after the other holds the next PIECE times of all series."""
    return np.concatenate(np.split(x, x.shape[1] // PIECE, axis=1))


def train(stateful, x, y, epochs):
    model = Sequential([
        LSTM(32, return_sequences=True, stateful=stateful, batch_input_shape=(SERIES, PIECE, 1)),
        Dense(1),
    ])  # fmt: skip
    model.compile("adam", "mse")
    for epoch in range(epochs):
        model.reset_states()  # the series begin anew
        loss = model.fit(x, y, batch_size=SERIES, shuffle=False, verbose=0).history["loss"][0]
        if epoch % 10 == 9:
            print(f"{'stateful' if stateful else 'stateless'}, epoch {epoch + 1}: loss {loss:.5f}")
    return model


def main(short=False):
    np.random.seed(0)
    x, y = map(pieces, data(400 if short else 1000))
    x_test, y_test = map(pieces, data(200))
    error = {}
    for stateful in (False, True):
        model = train(stateful, x, y, epochs=20 if short else 50)
        model.reset_states()
        error[stateful] = model.evaluate(x_test, y_test, batch_size=SERIES, verbose=0)
    print(f"error of the memory of a piece {error[False]:.5f}, of the kept one {error[True]:.5f}")
    assert error[True] < (0.7 if short else 0.2) * error[False]
    return error[True] / error[False]


if __name__ == "__main__":
    main("--short" in sys.argv)
