"""Film reviews from IMDB, each good or bad, as lists of word ranks."""

import numpy as np

from ..utils.data_utils import get_file
from ._files import ORIGIN, load_npz
from ._text import encode, legacy_num_words, objects, read_json, shorter_than, shuffled


def load_data(path="imdb.npz", num_words=None, skip_top=0, maxlen=None, seed=113, start_char=1, oov_char=2,
              index_from=3, **kwargs):  # fmt: skip
    """(x_train, y_train), (x_test, y_test): x arrays of lists of codes, y int64, 1 for a good review; 25,000 each.

    A word's code is its rank by frequency plus index_from. path: the file's name in the folder of data sets.
    num_words, skip_top: codes from num_words on and below skip_top become oov_char (None: they are left out).
    maxlen: only reviews shorter than that, start included. seed: of the shuffle. start_char: the first code of each
    review (None: no such code).
    Raises ValueError when maxlen leaves nothing. Source: Maas et al., Learning Word Vectors (2011).
    """
    num_words = legacy_num_words("imdb.load_data", num_words, kwargs)
    digest = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
    data = load_npz(get_file(path, origin=ORIGIN + "imdb.npz", file_hash=digest))
    random, parts = np.random.RandomState(seed), []
    for part in ("train", "test"):
        texts, labels = shuffled(data[f"x_{part}"], data[f"y_{part}"], random)
        texts = encode(texts, num_words, skip_top, start_char, oov_char, index_from)
        parts.append(shorter_than(maxlen, texts, labels))
    (x_train, y_train), (x_test, y_test) = parts
    if not x_train and not x_test:
        raise ValueError(f"imdb.load_data: no review is shorter than maxlen={maxlen}. Give a larger maxlen.")
    return (objects(x_train), y_train), (objects(x_test), y_test)


def get_word_index(path="imdb_word_index.json"):
    """{word: rank by frequency, from 1}. Add index_from to get the codes of `load_data`."""
    digest = "bfafd718b763782e994055a2d397834f"
    return read_json(get_file(path, origin=ORIGIN + "imdb_word_index.json", file_hash=digest))
