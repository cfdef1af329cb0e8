"""Train a small convolutional network on 8 x 8 handwritten digits; needs numpy only.

    python examples/digits_cnn.py [--short]
    MINIKERAS_BACKEND=torch python examples/digits_cnn.py      (or jax)
"""

import sys

import numpy as np

from minikeras import backend as K
from minikeras.datasets import digits
from minikeras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from minikeras.models import Sequential
from minikeras.utils import to_categorical


def load():
    """Images scaled to [0, 1] with a channel axis, labels one-hot."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    scale = lambda x: (x[..., np.newaxis] / 16).astype("float32")
    return (scale(x_train), to_categorical(y_train, 10)), (scale(x_test), to_categorical(y_test, 10))


def build():
    return Sequential([
        Conv2D(32, 3, activation="relu", padding="same", input_shape=(8, 8, 1)),
        Conv2D(64, 3, activation="relu"),
        MaxPooling2D(),
        Dropout(0.25),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.5),
        Dense(10, activation="softmax"),
    ])


def main(short=False):
    np.random.seed(0)
    (x_train, y_train), (x_test, y_test) = load()
    model = build()
    model.summary()
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=4 if short else 15, validation_data=(x_test, y_test))
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"{K.backend()}: {accuracy:.2%} of {len(x_test)} held-out digits, loss {loss:.4f}")
    assert accuracy > (0.9 if short else 0.98)
    return accuracy


if __name__ == "__main__":
    main("--short" in sys.argv)
