"""A small residual network, with pictures that are shifted and turned at random while it trains.

    python examples/resnet.py [--short]          (turning pictures needs Pillow and SciPy: the extra "images")

Source: He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition (2015).
"""

import sys

import numpy as np

from minikeras.callbacks import LearningRateScheduler
from minikeras.datasets import digits
from minikeras.layers import Activation, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, Input, add
from minikeras.models import Model
from minikeras.optimizers import SGD
from minikeras.preprocessing.image import ImageDataGenerator
from minikeras.regularizers import l2


def conv(x, filters, size=3, strides=1):
    return Conv2D(filters, size, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal",
                  kernel_regularizer=l2(1e-4))(x)  # fmt: skip


def normalize(x):
    return BatchNormalization(momentum=0.9)(x)


def block(x, filters, strides=1):
    """relu(x + f(x)); where the shape changes, x goes through a convolution of size 1."""
    y = Activation("relu")(normalize(conv(x, filters, strides=strides)))
    y = normalize(conv(y, filters))
    if strides > 1:
        x = normalize(conv(x, filters, 1, strides))
    return Activation("relu")(add([x, y]))


def build():
    image = Input((8, 8, 1))
    x = Activation("relu")(normalize(conv(image, 16)))
    x = block(block(x, 16), 16)
    x = block(block(x, 32, strides=2), 32)
    x = GlobalAveragePooling2D()(x)
    return Model(image, Dense(10, activation="softmax")(x))


def main(short=False):
    np.random.seed(0)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = (x[..., np.newaxis] / 16 for x in (x_train, x_test))
    epochs = 3 if short else 15

    model = build()
    model.compile(SGD(momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    pictures = ImageDataGenerator(width_shift_range=1, height_shift_range=1, rotation_range=8)
    # Half a cosine, from 0.1 down to 0.
    schedule = LearningRateScheduler(lambda epoch: 0.05 * (1 + np.cos(np.pi * epoch / epochs)))
    model.fit_generator(pictures.flow(x_train, y_train, batch_size=64), epochs=epochs, callbacks=[schedule],
                        validation_data=(x_test, y_test), verbose=2)  # fmt: skip

    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"{accuracy:.1%} of {len(x_test)} held-out digits, {model.count_params():,} parameters")
    assert accuracy > (0.5 if short else 0.985)
    return accuracy


if __name__ == "__main__":
    main("--short" in sys.argv)
