"""Reading words off pictures: a network says for each column what letter it sees, and CTC finds the word in that.

    python examples/ocr_ctc.py [--short]          (the pictures are drawn by Pillow: the extra "images")

Nobody tells where in the picture a letter stands. The loss is a Lambda of `K.ctc_batch_cost`.
Source: Graves et al., Connectionist Temporal Classification (2006).
"""

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from minikeras import backend as K
from minikeras.layers import (
    GRU,
    Activation,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    Dense,
    Input,
    Lambda,
    MaxPooling2D,
    Permute,
    Reshape,
)  # fmt: skip
from minikeras.models import Model
from minikeras.optimizers import Adam

LETTERS = "abcdefghijklmnopqrstuvwxyz"
HEIGHT, WIDTH, LONGEST = 20, 64, 6
STEPS = WIDTH // 2
FONT = ImageFont.load_default()


def picture(word):
    """[HEIGHT, WIDTH], 0 to 1: the word somewhere on noisy paper."""
    image = Image.new("L", (WIDTH, HEIGHT))
    _, top, right, bottom = FONT.getbbox(word)
    place = np.random.randint(0, WIDTH - right), np.random.randint(-top, HEIGHT - bottom)
    ImageDraw.Draw(image).text(place, word, fill=255, font=FONT)
    return np.clip(np.asarray(image) / 255 + np.random.normal(0, 0.1, (HEIGHT, WIDTH)), 0, 1)


def examples(n, letters, longest):
    """Pictures [n, HEIGHT, WIDTH, 1], labels [n, LONGEST], their lengths [n, 1], and the words."""
    lengths = np.random.randint(1, longest + 1, size=n)
    words = ["".join(np.random.choice([*letters], size=length)) for length in lengths]
    labels = np.zeros((n, LONGEST), "int32")
    for row, word in zip(labels, words, strict=True):
        row[: len(word)] = [LETTERS.index(letter) for letter in word]
    return np.stack([picture(word) for word in words])[..., np.newaxis], labels, lengths[:, np.newaxis], words


def build():
    """(model to train, whose output is the loss; model that reads)"""
    image, labels, lengths = Input((HEIGHT, WIDTH, 1)), Input((LONGEST,)), Input((1,), dtype="int32")
    x = Conv2D(16, 3, padding="same", activation="relu")(image)
    x = MaxPooling2D((2, 2))(x)
    x = Conv2D(32, 3, padding="same", activation="relu")(x)
    x = MaxPooling2D((2, 1))(x)
    x = Reshape((STEPS, -1))(Permute((2, 1, 3))(x))  # columns become times
    x = Activation("relu")(BatchNormalization(momentum=0.9)(Dense(64)(x)))
    x = Bidirectional(GRU(64, return_sequences=True))(x)
    letters = Dense(len(LETTERS) + 1, activation="softmax")(x)  # the last class is "nothing new"

    def ctc(tensors):
        letters, labels, lengths = tensors
        return K.ctc_batch_cost(labels, letters, K.ones_like(lengths) * STEPS, lengths)

    loss = Lambda(ctc, output_shape=(1,), name="ctc")([letters, labels, lengths])
    return Model([image, labels, lengths], loss), Model(image, letters)


def read(letters):
    """Words out of probabilities [n, STEPS, letters]."""
    codes = K.eval(K.ctc_decode(letters, np.full(len(letters), STEPS))[0][0])
    return ["".join(LETTERS[code] for code in row if code >= 0) for row in codes]


def main(short=False):
    np.random.seed(0)
    kind = (LETTERS[:3], 2) if short else (LETTERS, LONGEST)
    x, labels, lengths, _ = examples(600 if short else 2500, *kind)
    x_test, _, _, words = examples(300, *kind)
    model, reader = build()
    model.compile(Adam(0.002), loss={"ctc": lambda _, loss: loss})
    model.fit([x, labels, lengths], np.zeros(len(x)), batch_size=16, epochs=7 if short else 10, verbose=2)

    guesses = read(reader.predict(x_test))
    print(*(f"{word} read as {guess}" for word, guess in zip(words[:8], guesses, strict=False)), sep="\n")
    right = np.mean([guess == word for guess, word in zip(guesses, words, strict=True)])
    print(f"{right:.1%} of {len(words)} words are read without a mistake")
    assert right > (0.2 if short else 0.9)
    return right


if __name__ == "__main__":
    main("--short" in sys.argv)
