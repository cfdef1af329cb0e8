"""Sequence to sequence: an LSTM reads a sum such as "27+5" letter by letter, another one writes the answer.

    python examples/addition_lstm.py [--short]

Source of the task: Sutskever, Vinyals and Le, Sequence to Sequence Learning with Neural Networks (2014).
"""

import sys

import numpy as np

from minikeras.layers import LSTM, Dense, RepeatVector, TimeDistributed
from minikeras.models import Sequential

DIGITS = 2
LETTERS = "0123456789+ "
QUESTION, ANSWER = 2 * DIGITS + 1, DIGITS + 1


def one_hot(texts):
    """[texts, letters, alphabet], float32"""
    codes = np.array([[LETTERS.index(letter) for letter in text] for text in texts])
    return np.eye(len(LETTERS), dtype="float32")[codes]


def read(vectors):
    return ["".join(LETTERS[i] for i in row) for row in vectors.argmax(axis=-1)]


def problems():
    """All sums of two numbers, shuffled: questions padded to one length, and their answers."""
    n = 10**DIGITS
    pairs = np.random.permutation(n * n)
    sums = [(f"{p // n}+{p % n}", str(p // n + p % n)) for p in pairs]
    return [q.ljust(QUESTION) for q, _ in sums], [a.ljust(ANSWER) for _, a in sums]


def build():
    model = Sequential([
        LSTM(128, input_shape=(QUESTION, len(LETTERS))),
        RepeatVector(ANSWER),
        LSTM(128, return_sequences=True),
        TimeDistributed(Dense(len(LETTERS), activation="softmax")),
    ])
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def main(short=False):
    np.random.seed(0)
    questions, answers = problems()
    x, y = one_hot(questions), one_hot(answers)
    n_train = int(0.8 * len(x))
    model = build()
    model.fit(x[:n_train], y[:n_train], batch_size=32 if short else 64, epochs=4 if short else 40, verbose=2,
              validation_data=(x[n_train:], y[n_train:]))  # fmt: skip
    guesses = read(model.predict(x[n_train:]))
    right = np.mean([g == a for g, a in zip(guesses, answers[n_train:], strict=True)])
    for question, guess in [*zip(questions[n_train:], guesses, strict=True)][:5]:
        print(question, "=", guess)
    print(f"{right:.1%} of {len(guesses)} sums that it never saw are right")
    assert right > (0.015 if short else 0.85)
    return right


if __name__ == "__main__":
    main("--short" in sys.argv)
