"""A generative adversarial network that draws the digit it is asked for.

    python examples/gan.py [--short]

The critic says of a picture whether it is real and which digit it shows; the artist learns to please it.
A classifier that took no part judges what comes out.
Source: Goodfellow et al., Generative Adversarial Networks (2014); Odena et al., AC-GAN (2016), for the classes.
"""

import sys

import numpy as np
from vae import show

from minikeras.datasets import digits
from minikeras.layers import Dense, Dropout, Embedding, Flatten, Input, LeakyReLU, multiply
from minikeras.models import Model, Sequential
from minikeras.optimizers import Adam

NOISE = 32
BATCH = 64
LOSSES = ["binary_crossentropy", "sparse_categorical_crossentropy"]


def build_artist():
    """(noise, digit) -> picture"""
    noise, digit = Input((NOISE,)), Input((1,))
    wish = Flatten()(Embedding(10, NOISE, embeddings_initializer="glorot_normal")(digit))
    x = multiply([noise, wish])
    for units in (128, 128):
        x = LeakyReLU(0.2)(Dense(units)(x))
    return Model([noise, digit], Dense(64, activation="sigmoid")(x))


def build_critic():
    """picture -> (is it real, which digit)"""
    picture = Input((64,))
    x = picture
    for units in (128, 128):
        x = Dropout(0.3)(LeakyReLU(0.2)(Dense(units)(x)))
    real, digit = Dense(1, activation="sigmoid", name="real"), Dense(10, activation="softmax", name="digit")
    return Model(picture, [real(x), digit(x)])


def build_judge(x, y):
    judge = Sequential([Dense(128, activation="relu", input_shape=(64,)), Dense(10, activation="softmax")])
    judge.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    judge.fit(x, y, epochs=15, verbose=0)
    return judge


def draw(artist, digit):
    return artist.predict([np.random.normal(size=(len(digit), NOISE)), digit])


def main(short=False):
    np.random.seed(0)
    (x, y), (x_test, y_test) = digits.load_data()
    x, x_test = (x.reshape(len(x), 64) / 16 for x in (x, x_test))
    judge = build_judge(x, y)

    artist, critic = build_artist(), build_critic()
    critic.compile(Adam(1e-3, beta_1=0.5), LOSSES)
    # The same layers once more: the artist learns to please them, not to change them.
    frozen = Model(critic.inputs, critic.outputs)
    frozen.trainable = False
    pair = Model(artist.inputs, frozen(artist.outputs))
    pair.compile(Adam(1e-3, beta_1=0.5), LOSSES)

    real, drawn = np.full((BATCH, 1), 0.9), np.zeros((BATCH, 1))
    for step in range(1, (1500 if short else 4000) + 1):
        index = np.random.randint(len(x), size=BATCH)
        wishes = np.random.randint(10, size=(BATCH, 1))
        pictures = np.concatenate([x[index], draw(artist, wishes)])
        of_critic = critic.train_on_batch(
            pictures, [np.concatenate([real, drawn]), np.concatenate([y[index, np.newaxis], wishes])])
        wishes = np.random.randint(10, size=(BATCH, 1))
        of_artist = pair.train_on_batch([np.random.normal(size=(BATCH, NOISE)), wishes], [real, wishes])
        if step % 500 == 0:
            print(f"step {step}: loss of the critic {of_critic[0]:.3f}, of the artist {of_artist[0]:.3f}")

    show(draw(artist, np.tile(np.arange(10)[:, np.newaxis], (3, 1))).reshape(3, 10, 8, 8))
    wishes = np.random.randint(10, size=(1000, 1))
    right = np.mean(judge.predict(draw(artist, wishes)).argmax(axis=1) == wishes[:, 0])
    print(f"the judge, who reads {judge.evaluate(x_test, y_test, verbose=0)[1]:.1%} of real digits, "
          f"reads {right:.1%} of the drawn ones as what they should be")
    assert right > (0.3 if short else 0.85)
    return right


if __name__ == "__main__":
    main("--short" in sys.argv)
