"""An LSTM learns to write like Lewis Carroll, letter by letter, from a chapter of "Alice's Adventures in Wonderland".

    python examples/text_generation.py [--short]

Source of the method: Graves, Generating Sequences With Recurrent Neural Networks (2013).
"""

import sys
from pathlib import Path

import numpy as np

from minikeras.callbacks import EarlyStopping, LambdaCallback
from minikeras.layers import LSTM, Dense, Dropout, Embedding
from minikeras.models import Sequential
from minikeras.optimizers import Adam

WINDOW = 40
TEXT = (Path(__file__).parent / "data" / "alice.txt").read_text().split("\n\nSource:")[0].lower().replace("\n", " ")
LETTERS = sorted(set(TEXT))


def windows(codes):
    """All pieces of WINDOW letters as x, and the letters after each of them as y, [n, WINDOW] both."""
    pieces = np.lib.stride_tricks.sliding_window_view(codes, WINDOW + 1)[:: WINDOW // 8]
    return pieces[:, :-1], pieces[:, 1:]


def build():
    return Sequential([
        Embedding(len(LETTERS), 32, input_length=WINDOW),
        LSTM(128, return_sequences=True),
        Dropout(0.3),
        Dense(len(LETTERS), activation="softmax"),
    ])  # fmt: skip


def write(model, start, length, temperature):
    """Go on from a text. temperature: below 1 likely letters become likelier."""
    codes = [LETTERS.index(letter) for letter in start[-WINDOW:]]
    for _ in range(length):
        seen = codes[-WINDOW:]
        x = np.zeros((1, WINDOW), "int32")
        x[0, : len(seen)] = seen
        p = model.predict(x)[0, len(seen) - 1].astype("float64") ** (1 / temperature)
        codes.append(np.random.choice(len(LETTERS), p=p / p.sum()))
    return "".join(LETTERS[code] for code in codes)


def bits_of_frequencies(train, test):
    """Bits a letter for one who knows how often each letter comes, and nothing else."""
    counts = 1 + np.bincount(train, minlength=len(LETTERS))
    return -np.log2(counts / counts.sum())[test].mean()


def main(short=False):
    np.random.seed(0)
    codes = np.array([LETTERS.index(letter) for letter in TEXT])
    train, test = np.split(codes, [int(0.9 * len(codes))])
    x, y = windows(train[: 4000 if short else None])
    x_test, y_test = windows(test)

    model = build()
    model.compile(Adam(0.004), "sparse_categorical_crossentropy")
    show = LambdaCallback(on_epoch_end=lambda epoch, logs: epoch % 2 and print(
        write(model, "alice was ", 60, temperature=0.6)))  # fmt: skip
    stop = EarlyStopping(patience=2, restore_best_weights=True)  # a chapter is little: soon it knows it by heart
    model.fit(x, y[..., np.newaxis], batch_size=32, epochs=5 if short else 20, callbacks=[show, stop],
              validation_data=(x_test, y_test[..., np.newaxis]), verbose=2)  # fmt: skip
    print(write(model, "the rabbit ", 200, temperature=0.6))

    bits = model.evaluate(x_test, y_test[..., np.newaxis], verbose=0) / np.log(2)
    baseline = bits_of_frequencies(train, test)
    print(f"{bits:.2f} bits a letter of the end of the chapter, unseen; {baseline:.2f} by frequencies alone")
    assert bits < (0.85 if short else 0.7) * baseline
    return bits


if __name__ == "__main__":
    main("--short" in sys.argv)
