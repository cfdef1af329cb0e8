"""A variational autoencoder: digits become points of a plane, and these digits again. Its loss comes by `add_loss`.

    python examples/vae.py [--short]

Source: Kingma and Welling, Auto-Encoding Variational Bayes (2013).
"""

import sys

import numpy as np

from minikeras import backend as K
from minikeras.datasets import digits
from minikeras.layers import Dense, Input, Lambda
from minikeras.losses import binary_crossentropy
from minikeras.models import Model, Sequential

LATENT = 2


def sample(parameters):
    """A point drawn from the normal distribution with this mean and logarithm of the variance."""
    mean, log_variance = parameters
    return mean + K.exp(log_variance / 2) * K.random_normal(K.shape(mean))


def build():
    """(the whole, encoder to the mean, decoder)"""
    image = Input((64,))
    x = Dense(128, activation="relu")(image)
    mean, log_variance = Dense(LATENT)(x), Dense(LATENT)(x)
    point = Lambda(sample)([mean, log_variance])
    decoder = Sequential([Dense(128, activation="relu", input_shape=(LATENT,)), Dense(64, activation="sigmoid")])
    drawn = decoder(point)

    model = Model(image, drawn)
    reconstruction = 64 * binary_crossentropy(image, drawn)
    divergence = -0.5 * K.sum(1 + log_variance - K.square(mean) - K.exp(log_variance), axis=-1)
    model.add_loss(K.mean(reconstruction + divergence))
    return model, Model(image, mean), decoder


def show(rows):
    """Pictures [rows, columns, 8, 8] as text."""
    for row in rows:
        for line in row.transpose(1, 0, 2):
            print("  ".join("".join(" .:+#@"[int(5.99 * value)] * 2 for value in part) for part in line))


def main(short=False):
    np.random.seed(0)
    (x_train, _), (x_test, _) = digits.load_data()
    x_train, x_test = (x.reshape(len(x), 64) / 16 for x in (x_train, x_test))
    model, encoder, decoder = build()
    model.compile("adam")
    model.fit(x_train, batch_size=32, epochs=10 if short else 100, validation_data=(x_test, None), verbose=2)

    # A walk over the plane.
    grid = np.array([(x, y) for y in np.linspace(1.5, -1.5, 4) for x in np.linspace(-1.5, 1.5, 7)])
    show(decoder.predict(grid).reshape(4, 7, 8, 8))
    error = np.mean((decoder.predict(encoder.predict(x_test)) - x_test) ** 2)
    baseline = np.mean((x_train.mean(axis=0) - x_test) ** 2)
    print(f"squared error {error:.4f} from two numbers a picture; {baseline:.4f} for the mean picture")
    assert error < (0.9 if short else 0.65) * baseline
    return error / baseline


if __name__ == "__main__":
    main("--short" in sys.argv)
