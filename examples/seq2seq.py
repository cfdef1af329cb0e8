"""Sequence to sequence with teacher forcing: numbers in words into numbers in digits.

    python examples/seq2seq.py [--short]

In training the decoder sees the right answer up to each digit. To translate, the same layers are put together anew: an
encoder that gives its states, and a decoder that takes states and one digit and gives the next digit and states.
Source: Sutskever, Vinyals and Le, Sequence to Sequence Learning with Neural Networks (2014).
"""

import sys

import numpy as np

from minikeras.layers import LSTM, Dense, Embedding, Input
from minikeras.models import Model
from minikeras.preprocessing.sequence import pad_sequences
from minikeras.preprocessing.text import Tokenizer

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen").split()  # fmt: skip
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
START, END = "<", ">"
UNITS = 96


def in_words(n):
    """Below a million."""
    if n < 20:
        return ONES[n]
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if n >= size:
            rest = f" {in_words(n % size)}" if n % size else ""
            return f"{in_words(n // size)} {name}{rest}"
    return TENS[n // 10] + (f" {ONES[n % 10]}" if n % 10 else "")


def build(n_words, n_digits):
    """(model to train, encoder, decoder), of the same layers. Code 0 is padding."""
    read, written = Input((None,)), Input((None,))
    state_h, state_c = Input((UNITS,)), Input((UNITS,))
    embed_word, embed_digit = Embedding(n_words, 32, mask_zero=True), Embedding(n_digits, 32, mask_zero=True)
    encode, decode = LSTM(UNITS, return_state=True), LSTM(UNITS, return_sequences=True, return_state=True)
    choose = Dense(n_digits, activation="softmax")

    _, *states = encode(embed_word(read))
    digits, *_ = decode(embed_digit(written), initial_state=states)
    model = Model([read, written], choose(digits))

    digits, *new_states = decode(embed_digit(written), initial_state=[state_h, state_c])
    decoder = Model([written, state_h, state_c], [choose(digits), *new_states])
    return model, Model(read, states), decoder


def translate(encoder, decoder, questions, start, length):
    """Digit by digit, always the most likely one. questions: [n, words]; returns [n, length]."""
    states = encoder.predict(questions)
    digit, answer = np.full((len(questions), 1), start), []
    for _ in range(length):
        likely, *states = decoder.predict([digit, *states])
        digit = likely.argmax(axis=-1)
        answer.append(digit)
    return np.hstack(answer)


def main(short=False):
    np.random.seed(0)
    numbers = np.random.permutation(10000)
    n_train = 4000 if short else 8000
    asked, answers = [in_words(n) for n in numbers], [f"{START}{n}{END}" for n in numbers]
    words, digits = Tokenizer(), Tokenizer(char_level=True, filters="")
    words.fit_on_texts(asked)
    digits.fit_on_texts(answers)
    x = pad_sequences(words.texts_to_sequences(asked))
    y = pad_sequences(digits.texts_to_sequences(answers), padding="post")

    model, encoder, decoder = build(len(words.word_index) + 1, len(digits.word_index) + 1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit([x[:n_train], y[:n_train, :-1]], y[:n_train, 1:, np.newaxis], batch_size=32, epochs=5 if short else 12,
              validation_split=0.1, verbose=2)  # fmt: skip

    codes = translate(encoder, decoder, x[n_train:], digits.word_index[START], y.shape[1] - 1)
    guesses = ["".join(digits.index_word.get(code, "") for code in row).split(END)[0] for row in codes]
    for question, guess in [*zip(asked[n_train:], guesses, strict=True)][:5]:
        print(question, "=", guess)
    right = np.mean([int(guess or 0) == n for guess, n in zip(guesses, numbers[n_train:], strict=True)])
    print(f"{right:.1%} of {len(guesses)} numbers that it never saw are right")
    assert right > (0.05 if short else 0.95)
    return right


if __name__ == "__main__":
    main("--short" in sys.argv)
