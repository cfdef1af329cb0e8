"""Transfer learning: who has learnt printed letters needs fewer handwritten digits.

    python examples/transfer_learning.py [--short]          (the letters are drawn by Pillow: the extra "images")

Letters and digits stand anywhere in noisy pictures. The network that reads letters gets a new last layer, which learns
from five pictures of each digit while all else stays as it is; then all of it is tuned, in small steps.
"""

import string
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from minikeras.datasets import digits
from minikeras.layers import Conv2D, Dense, Dropout, GlobalMaxPooling2D, MaxPooling2D
from minikeras.models import Sequential
from minikeras.optimizers import Adam

SIZE = 12
SHOTS = 5
LETTERS = string.ascii_letters
FONT = ImageFont.load_default(40)


def letter(text):
    """[8, 8], 0 to 1: turned a little, thin or thick, narrow or wide."""
    image = Image.new("L", (64, 64))
    ImageDraw.Draw(image).text((32, 32), text, fill=255, font=FONT, anchor="mm", stroke_width=np.random.randint(3))
    image = image.rotate(np.random.uniform(-15, 15), resample=Image.Resampling.BILINEAR)
    width = np.random.randint(5, 9)
    image = image.crop(image.getbbox()).resize((width, 8), Image.Resampling.BOX)
    return np.pad(np.asarray(image) / 255, ((0, 0), (0, 8 - width)))


def scatter(x):
    """What is [n, 8, 8], somewhere in noisy pictures [n, SIZE, SIZE, 1]."""
    pictures = np.random.uniform(0, 0.5, size=(len(x), SIZE, SIZE, 1))
    for picture, small in zip(pictures, x, strict=True):
        top, left = np.random.randint(0, SIZE - 7, size=2)
        picture[top : top + 8, left : left + 8, 0] += small
    return pictures


def build_eye():
    return Sequential([
        Conv2D(32, 3, activation="relu", padding="same", input_shape=(SIZE, SIZE, 1)),
        Conv2D(32, 3, activation="relu"),
        MaxPooling2D(),
        Conv2D(64, 3, activation="relu", padding="same"),
        Conv2D(64, 3, activation="relu"),
        GlobalMaxPooling2D(),
    ], name="eye")  # fmt: skip


def train(model, x, y, batch_size, epochs, rate=1e-3, verbose=0):
    model.compile(Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=verbose)


def main(short=False):
    np.random.seed(0)
    share = 0.4 if short else 1
    labels = np.random.randint(len(LETTERS), size=int(share * 4000))
    letters = scatter([letter(LETTERS[i]) for i in labels])
    (x, y), (x_test, y_test) = digits.load_data()
    few = np.concatenate([np.flatnonzero(y == digit)[:SHOTS] for digit in range(10)])
    x_few, y_few, x_test = scatter(x[few] / 16), y[few], scatter(x_test / 16)

    eye = build_eye()
    readers = {name: Sequential([part, Dropout(0.3), Dense(classes, activation="softmax")]) for name, part, classes in (
        ("letters", eye, len(LETTERS)), ("digits, from letters", eye, 10), ("digits, from nothing", build_eye(), 10))}
    train(readers["letters"], letters, labels, 32, 6 if short else 12, verbose=2)
    eye.trainable = False  # takes effect when a model is compiled
    train(readers["digits, from letters"], x_few, y_few, 10, int(share * 60), rate=3e-3)
    eye.trainable = True
    train(readers["digits, from letters"], x_few, y_few, 10, int(share * 40), rate=3e-4)
    train(readers["digits, from nothing"], x_few, y_few, 10, int(share * 100))

    accuracy = {}
    for name in ("digits, from letters", "digits, from nothing"):
        accuracy[name] = readers[name].evaluate(x_test, y_test, verbose=0)[1]
        print(f"{name}: {accuracy[name]:.1%} of {len(x_test)} held-out ones; {len(few)} were seen")
    least = 0.3 if short else accuracy["digits, from nothing"] + 0.1
    assert accuracy["digits, from letters"] > least
    return accuracy["digits, from letters"]


if __name__ == "__main__":
    main("--short" in sys.argv)
