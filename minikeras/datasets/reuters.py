"""News of Reuters in 46 topics, as lists of word ranks."""

import numpy as np

from ..utils.data_utils import get_file
from ._files import ORIGIN, load_npz
from ._text import encode, legacy_num_words, objects, read_json, shorter_than, shuffled


def load_data(path="reuters.npz", num_words=None, skip_top=0, maxlen=None, test_split=0.2, seed=113, start_char=1,
              oov_char=2, index_from=3, **kwargs):  # fmt: skip
    """(x_train, y_train), (x_test, y_test): x arrays of lists of codes, y int64 from 0 to 45; 11,228 in all.

    test_split: the share held out. The other arguments are those of `imdb.load_data`.
    Raises ValueError when maxlen leaves nothing. Source: Reuters-21578, D. D. Lewis (1987).
    """
    num_words = legacy_num_words("reuters.load_data", num_words, kwargs)
    digest = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
    data = load_npz(get_file(path, origin=ORIGIN + "reuters.npz", file_hash=digest))
    texts, labels = shuffled(data["x"], data["y"], np.random.RandomState(seed))
    texts = encode(texts, num_words, skip_top, start_char, oov_char, index_from)
    texts, labels = shorter_than(maxlen, texts, labels)
    if not texts:
        raise ValueError(f"reuters.load_data: no text is shorter than maxlen={maxlen}. Give a larger maxlen.")
    n_train, texts = int(len(texts) * (1 - test_split)), objects(texts)
    return (texts[:n_train], labels[:n_train]), (texts[n_train:], labels[n_train:])


def get_word_index(path="reuters_word_index.json"):
    """{word: rank by frequency, from 1}. Add index_from to get the codes of `load_data`."""
    digest = "4d44cc38712099c9e383dc6e5f11a921"
    return read_json(get_file(path, origin=ORIGIN + "reuters_word_index.json", file_hash=digest))
