"""What a network looks for: pictures that please a filter, or that are the best 0, 1, 2, ... by `K.gradients`.

    python examples/filters.py [--short]

Starting from grey noise, the picture itself goes up the gradient of what it should excite.
Source: Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks (2013).
"""

import sys

import numpy as np
from vae import show

from minikeras import backend as K
from minikeras.datasets import digits
from minikeras.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from minikeras.models import Sequential


def build():
    return Sequential([
        Conv2D(16, 3, activation="relu", padding="same", input_shape=(8, 8, 1), name="first"),
        Conv2D(32, 3, padding="same", name="second"),
        Activation("relu"),
        MaxPooling2D(),
        Dropout(0.25),
        Flatten(),
        Dense(64, activation="relu"),
        Dropout(0.5),
        Dense(10, name="logits"),
        Activation("softmax"),
    ])  # fmt: skip


def ascend(model, excitement, pictures, steps, rate=0.05):
    """Pictures [n, 8, 8, 1] that excite more. excitement: a tensor [n], one value a picture."""
    image = model.input
    # Smooth lines are liked better; without it what comes out looks like noise.
    rough = sum(K.sum(K.square(a - b), axis=(1, 2, 3)) for a, b in (
        (image[:, 1:], image[:, :-1]), (image[:, :, 1:], image[:, :, :-1])))  # fmt: skip
    (gradient,) = K.gradients(K.sum(excitement - 0.2 * rough), image)
    gradient -= K.mean(gradient, axis=(1, 2, 3), keepdims=True)  # as much ink as before, only elsewhere
    gradient /= K.sqrt(K.mean(K.square(gradient), axis=(1, 2, 3), keepdims=True)) + K.epsilon()
    step = K.function([image, K.learning_phase()], [gradient])
    for _ in range(steps):
        pictures = np.clip(pictures + rate * step([pictures, 0])[0], 0, 1)
    return pictures


def noise(n):
    return np.random.uniform(0.2, 0.4, size=(n, 8, 8, 1))


def main(short=False):
    np.random.seed(0)
    (x, y), _ = digits.load_data()
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[..., np.newaxis] / 16, y, epochs=3 if short else 12, verbose=2)
    steps = 30 if short else 100

    # Filter i looks at picture i.
    filters = K.sum(model.get_layer("second").output, axis=(1, 2))
    of_own_picture = K.sum(filters * K.constant(np.eye(32)), axis=1)
    start = noise(32)
    pleasing = ascend(model, of_own_picture, start, steps)
    excited = K.function([model.input], [of_own_picture])
    before, after = excited([start])[0].mean(), excited([pleasing])[0].mean()
    print("what the first filters of the second layer like")
    show(pleasing[:8].reshape(1, 8, 8, 8))

    best = ascend(model, K.sum(model.get_layer("logits").output * K.constant(np.eye(10)), axis=1), noise(10), steps)
    print("the most typical digits")
    show(best.reshape(2, 5, 8, 8))
    certain = np.mean(np.diag(model.predict(best)))
    print(f"filters: {before:.1f} for noise, {after:.1f} for what they like; digits read with {certain:.1%} certainty")
    assert after > 2 * before and certain > 0.9
    return certain


if __name__ == "__main__":
    main("--short" in sys.argv)
