"""The same digits, as 64 numbers each: a perceptron with early stopping, and a file that keeps the best weights.

    python examples/mlp.py [--short]          (saving needs h5py: pip install 'minikeras-multibackend[h5]')
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from minikeras.callbacks import EarlyStopping, ModelCheckpoint
from minikeras.datasets import digits
from minikeras.layers import BatchNormalization, Dense, Dropout
from minikeras.models import Sequential, load_model


def build():
    model = Sequential([
        Dense(256, activation="relu", input_shape=(64,)),
        BatchNormalization(),
        Dropout(0.3),
        Dense(256, activation="relu"),
        BatchNormalization(),
        Dropout(0.3),
        Dense(10, activation="softmax"),
    ])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(short=False):
    np.random.seed(0)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = (x.reshape(len(x), 64).astype("float32") / 16 for x in (x_train, x_test))
    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "best.h5"
        callbacks = [EarlyStopping(patience=10), ModelCheckpoint(str(best), save_best_only=True)]
        build().fit(x_train, y_train, batch_size=64, epochs=5 if short else 60, validation_split=0.15,
                    callbacks=callbacks, verbose=2)  # fmt: skip
        model = load_model(str(best))
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"best weights: {accuracy:.2%} of {len(x_test)} held-out digits, loss {loss:.4f}")
    assert accuracy > (0.8 if short else 0.96)
    return accuracy


if __name__ == "__main__":
    main("--short" in sys.argv)
