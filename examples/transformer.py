"""A transformer puts letters in order: each place of the answer has to look at all of the question.

    python examples/transformer.py [--short]

Source: Vaswani et al., Attention Is All You Need (2017).
"""

import sys

import numpy as np

from minikeras import backend as K
from minikeras.layers import Dense, Dropout, Embedding, Input, Lambda, LayerNormalization, MultiHeadAttention, add
from minikeras.models import Model

LETTERS = "abcdefghijklmnopqrst"
LENGTH = 10


def with_places(letters, width):
    """Vectors of the letters plus vectors of where they stand."""
    places = Lambda(lambda x: K.zeros_like(x) + K.arange(LENGTH, dtype="int32"))(letters)
    return add([Embedding(len(LETTERS), width)(letters), Embedding(LENGTH, width)(places)])


def block(x, width, heads):
    """Attention, then a small network for each place; both are added to what comes in, and normalized."""
    x = LayerNormalization()(add([x, Dropout(0.05)(MultiHeadAttention(heads, width // heads)([x, x]))]))
    y = Dense(width)(Dense(2 * width, activation="relu")(x))
    return LayerNormalization()(add([x, Dropout(0.05)(y)]))


def build(width=64, heads=4, blocks=2):
    letters = Input((LENGTH,), dtype="int32")
    x = with_places(letters, width)
    for _ in range(blocks):
        x = block(x, width, heads)
    return Model(letters, Dense(len(LETTERS), activation="softmax")(x))


def main(short=False):
    np.random.seed(0)
    x = np.random.randint(len(LETTERS), size=(2000 if short else 10000, LENGTH))
    y = np.sort(x, axis=1)
    n_train = int(0.9 * len(x))
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:n_train], y[:n_train], batch_size=64, epochs=4 if short else 12, verbose=2,
              validation_data=(x[n_train:], y[n_train:]))  # fmt: skip

    guesses = model.predict(x[n_train:]).argmax(axis=-1)
    for question, guess in [*zip(x[n_train:], guesses, strict=True)][:5]:
        print(*("".join(LETTERS[i] for i in word) for word in (question, guess)), sep=" -> ")
    letters, words = np.mean(guesses == y[n_train:]), np.mean((guesses == y[n_train:]).all(axis=1))
    print(f"{letters:.1%} of the letters stand where they should, {words:.1%} of the words are right")
    assert letters > (0.3 if short else 0.95)
    return letters


if __name__ == "__main__":
    main("--short" in sys.argv)
