"""Texts as lists of word ranks: the options that `imdb` and `reuters` share."""

import json
import warnings

import numpy as np


def legacy_num_words(function, num_words, options):
    """num_words, or its Keras 1 name nb_words. Any other option is a TypeError."""
    if "nb_words" in options:
        warnings.warn(f"{function}: nb_words is now called num_words.", DeprecationWarning, stacklevel=3)
        num_words = options.pop("nb_words")
    if options:
        raise TypeError(f"{function} has no argument {', '.join(map(repr, options))}.")
    return num_words


def shuffled(texts, labels, random):
    """Both in one order, drawn from a RandomState."""
    order = np.arange(len(texts))
    random.shuffle(order)
    return texts[order], labels[order]


def encode(texts, num_words, skip_top, start_char, oov_char, index_from):
    """Word ranks into codes, see `load_data` of imdb."""
    start = [] if start_char is None else [start_char]
    shift = index_from or 0
    texts = [start + [word + shift for word in text] for text in texts]
    known = lambda word: word >= skip_top and (not num_words or word < num_words)
    if oov_char is None:
        return [[word for word in text if known(word)] for text in texts]
    return [[word if known(word) else oov_char for word in text] for text in texts]


def shorter_than(maxlen, texts, labels):
    """Which texts stay: all when maxlen is None."""
    kept = [maxlen is None or len(text) < maxlen for text in texts]
    return [text for text, keep in zip(texts, kept, strict=True) if keep], labels[np.array(kept, bool)]


def objects(texts):
    """An array of lists, also when all have one length."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
