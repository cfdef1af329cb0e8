"""A siamese network: two digits go through one network, and the distance of what comes out tells if they are the same.

    python examples/siamese.py [--short]

Source: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping (2006).
"""

import sys

import numpy as np

from minikeras import backend as K
from minikeras.datasets import digits
from minikeras.layers import Conv2D, Dense, Flatten, Input, Lambda, MaxPooling2D
from minikeras.models import Model, Sequential

MARGIN = 1.0


def pairs(labels):
    """Indices [n, 2] of pictures, and 1 where both show one digit: for each picture one like it and one unlike it."""
    like = [np.random.choice(np.flatnonzero(labels == label)) for label in labels]
    unlike = [np.random.choice(np.flatnonzero(labels != label)) for label in labels]
    first = np.tile(np.arange(len(labels)), 2)
    return np.stack([first, like + unlike], axis=1), np.repeat([1.0, 0.0], len(labels))


def distance(vectors):
    x, y = vectors
    return K.sqrt(K.maximum(K.sum(K.square(x - y), axis=1, keepdims=True), K.epsilon()))


def contrastive_loss(same, distance):
    """Equal digits are drawn together; different ones are pushed apart until they are MARGIN away."""
    return K.mean(same * K.square(distance) + (1 - same) * K.square(K.maximum(MARGIN - distance, 0)))


def accuracy(same, distance):
    return K.mean(K.equal(same, K.cast(distance < MARGIN / 2, K.floatx())))


def build():
    eye = Sequential([
        Conv2D(32, 3, activation="relu", padding="same", input_shape=(8, 8, 1)),
        MaxPooling2D(),
        Conv2D(64, 3, activation="relu", padding="same"),
        Flatten(),
        Dense(64, activation="relu"),
        Dense(16),
    ])  # fmt: skip
    left, right = Input((8, 8, 1)), Input((8, 8, 1))
    return Model([left, right], Lambda(distance)([eye(left), eye(right)])), eye


def main(short=False):
    np.random.seed(0)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = (x[..., np.newaxis] / 16 for x in (x_train, x_test))
    model, eye = build()
    model.compile("adam", contrastive_loss, metrics=[accuracy])
    for epoch in range(2 if short else 20):  # new pairs each time
        index, same = pairs(y_train)
        model.fit([x_train[index[:, 0]], x_train[index[:, 1]]], same, batch_size=64, initial_epoch=epoch,
                  epochs=epoch + 1, verbose=2)  # fmt: skip

    index, same = pairs(y_test)
    _, of_pairs = model.evaluate([x_test[index[:, 0]], x_test[index[:, 1]]], same, verbose=0)
    # What a picture shows can now be told by the nearest known one.
    known, new = eye.predict(x_train), eye.predict(x_test)
    nearest = ((new[:, np.newaxis] - known) ** 2).sum(axis=-1).argmin(axis=1)
    print(f"{of_pairs:.1%} of {len(index)} new pairs, {np.mean(y_train[nearest] == y_test):.1%} by the nearest picture")
    assert of_pairs > (0.7 if short else 0.95)
    return of_pairs


if __name__ == "__main__":
    main("--short" in sys.argv)
