"""Convolutions over words: is a review good or bad? Whether "not" stands before "boring" decides.

    python examples/text_cnn.py [--short]

The reviews are made of a small grammar. Single words tell little, so a model of them serves for comparison.
Source: Kim, Convolutional Neural Networks for Sentence Classification (2014).
"""

import sys

import numpy as np

from minikeras.layers import (
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    concatenate,
)
from minikeras.models import Model, Sequential
from minikeras.preprocessing.sequence import pad_sequences
from minikeras.preprocessing.text import Tokenizer

GOOD = "wonderful moving clever funny brilliant charming gripping fresh".split()
BAD = "boring silly clumsy dull awful tedious noisy stale".split()
PARTS = "the plot,the cast,the music,the ending,every scene,the dialogue,her acting,the camera".split(",")
FILLERS = "we saw it on friday,it runs for two hours,my friends came along,the hall was full".split(",")
LENGTH = 40


def review():
    """(text, label): three opinions of one mind, half of them said the other way round, and things beside the point."""
    label = np.random.randint(2)
    sentences = list(np.random.choice(FILLERS, 2))
    for part in np.random.choice(PARTS, 3, replace=False):
        negated = np.random.randint(2)
        word = np.random.choice(GOOD if label != negated else BAD)
        sentences.append(f"{part} was {'not ' * negated}{np.random.choice(['', 'very ', 'really '])}{word}")
    # Of the other mind, about something else: the words alone are the same in good and bad reviews.
    word = np.random.choice(BAD if label else GOOD)
    sentences.append(f"the film before was {word} and {'not ' * np.random.randint(2)}long")
    np.random.shuffle(sentences)
    return ". ".join(sentences), label


def bag_of_words(vocabulary):
    return Sequential([Embedding(vocabulary, 32, input_length=LENGTH), GlobalAveragePooling1D(),
                       Dense(1, activation="sigmoid")])  # fmt: skip


def cnn(vocabulary):
    """Filters over two, three and four words; of each what it found at most in the whole text."""
    words = Input((LENGTH,), dtype="int32")
    x = Dropout(0.2)(Embedding(vocabulary, 32)(words))
    x = concatenate([GlobalMaxPooling1D()(Conv1D(32, size, activation="relu")(x)) for size in (2, 3, 4)])
    return Model(words, Dense(1, activation="sigmoid")(Dropout(0.3)(x)))


def main(short=False):
    np.random.seed(0)
    n_train, n_test = (1000, 500) if short else (4000, 1000)
    texts, labels = zip(*(review() for _ in range(n_train + n_test)), strict=True)
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(texts[:n_train])
    x, y = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=LENGTH), np.array(labels)
    print(texts[0], "->", "good" if y[0] else "bad")

    accuracy = {}
    for build in (bag_of_words, cnn):
        model = build(len(tokenizer.word_index) + 1)
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        model.fit(x[:n_train], y[:n_train], batch_size=32, epochs=5, validation_split=0.1, verbose=2)
        accuracy[build.__name__] = model.evaluate(x[n_train:], y[n_train:], verbose=0)[1]
    print(f"{accuracy['bag_of_words']:.1%} by single words, {accuracy['cnn']:.1%} by convolutions over words")
    assert accuracy["cnn"] > accuracy["bag_of_words"] + 0.1
    return accuracy["cnn"]


if __name__ == "__main__":
    main("--short" in sys.argv)
