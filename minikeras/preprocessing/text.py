"""Texts into words, and words into numbers."""

import json
from collections import Counter, OrderedDict, defaultdict
from hashlib import md5

import numpy as np

from ..datasets._text import legacy_num_words
from ..utils.generic_utils import one_of

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(text, filters=_FILTERS, lower=True, split=" "):
    """The words of a text, as a list.

    filters: characters that count as `split`. lower: whether to make the text lower case. split: what divides words.
    """
    text = text.lower() if lower else text
    return [word for word in text.translate(dict.fromkeys(map(ord, filters), split)).split(split) if word]


def one_hot(text, n, filters=_FILTERS, lower=True, split=" "):
    """`hashing_trick` with Python's `hash`, which differs from process to process unless PYTHONHASHSEED is set."""
    return hashing_trick(text, n, hash, filters, lower, split)


def hashing_trick(text, n, hash_function=None, filters=_FILTERS, lower=True, split=" "):
    """A number from 1 to n - 1 for each word of a text; different words may get the same one.

    hash_function: a function of a word, by default Python's `hash`; 'md5' gives the same numbers in all processes.
    The other arguments are those of `text_to_word_sequence`.
    """
    if hash_function == "md5":
        hash_function = lambda word: int(md5(word.encode(), usedforsecurity=False).hexdigest(), 16)
    hash_function = hash_function or hash
    return [hash_function(word) % (n - 1) + 1 for word in text_to_word_sequence(text, filters, lower, split)]


class Tokenizer:
    """Numbers the words of a collection of texts by frequency, from 1, and writes texts as lists of these numbers.

    num_words: only numbers below this one are used later on. filters, lower, split: see `text_to_word_sequence`.
    char_level: each character is a word. oov_token: the word that stands for all that are unknown or too rare; it gets
    number 1. document_count: the number of texts seen so far.
    A text is a string, or a list of words. Tables: `word_counts` (word -> times seen), `word_docs` (word -> texts that
    have it), `word_index` (word -> number), `index_word` and `index_docs` (by number).
    """

    def __init__(self, num_words=None, filters=_FILTERS, lower=True, split=" ", char_level=False, oov_token=None,
                 document_count=0, **kwargs):  # fmt: skip
        self.num_words = legacy_num_words("Tokenizer", num_words, kwargs)
        self.filters, self.lower, self.split = filters, lower, split
        self.char_level, self.oov_token, self.document_count = char_level, oov_token, document_count
        self.word_counts, self.word_docs, self.word_index = OrderedDict(), defaultdict(int), {}
        self.index_docs, self.index_word = defaultdict(int), {}

    def _words(self, text):
        if self.char_level or isinstance(text, list):
            if not self.lower:
                return text
            return [word.lower() for word in text] if isinstance(text, list) else text.lower()
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts):
        """Count the words of some texts, and number all words seen so far anew. texts: strings, or lists of words."""
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            for word, count in Counter(words).items():
                self.word_counts[word] = self.word_counts.get(word, 0) + count
                self.word_docs[word] += 1
        numbered = [] if self.oov_token is None else [self.oov_token]
        numbered += sorted(self.word_counts, key=self.word_counts.get, reverse=True)    # stable: ties as first seen
        self.word_index = {word: index for index, word in enumerate(numbered, 1)}
        self.index_word = {index: word for word, index in self.word_index.items()}
        self.index_docs.update((self.word_index[word], count) for word, count in self.word_docs.items())

    def fit_on_sequences(self, sequences):
        """Count in how many sequences each number is, for 'tfidf', where there are no texts to fit on."""
        self.document_count += len(sequences)
        for sequence in sequences:
            for index in set(sequence):
                self.index_docs[index] += 1

    def _known(self, index):
        """The number, that of oov_token for one that is missing or too large, or None for none."""
        if index is not None and not (self.num_words and index >= self.num_words):
            return index
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def texts_to_sequences(self, texts):
        """The numbers of the words of each text, as lists; unknown words are left out where there is no oov_token."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts):
        """`texts_to_sequences`, one by one."""
        for text in texts:
            indices = (self._known(self.word_index.get(word)) for word in self._words(text))
            yield [index for index in indices if index is not None]

    def sequences_to_texts(self, sequences):
        """The words of each sequence of numbers, with blanks between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences):
        """`sequences_to_texts`, one by one."""
        for sequence in sequences:
            indices = (self._known(index if index in self.index_word else None) for index in sequence)
            yield " ".join(self.index_word[index] for index in indices if index is not None)

    def texts_to_matrix(self, texts, mode="binary"):
        """`sequences_to_matrix` of the texts' numbers."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences, mode="binary"):
        """A row for each sequence, a column for each number below num_words: float64 [sequences, num_words].

        mode: 'binary' (1 where the number occurs), 'count', 'freq' (count / length of the sequence), or 'tfidf':
        (1 + log count) * log(1 + document_count / (1 + sequences seen with it)).
        Raises ValueError when neither num_words nor texts were given, or for 'tfidf' without fitting.
        """
        one_of("Tokenizer: mode", mode, ("binary", "count", "freq", "tfidf"))
        if not (self.num_words or self.word_index):
            raise ValueError("Tokenizer: give num_words, or call fit_on_texts first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Tokenizer: 'tfidf' needs fit_on_texts or fit_on_sequences first.")
        columns = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences, strict=True):
            for index, count in Counter(index for index in sequence if index < columns).items():
                row[index] = self._weight(mode, index, count, len(sequence))
        return matrix

    def _weight(self, mode, index, count, length):
        if mode == "tfidf":
            return (1 + np.log(count)) * np.log(1 + self.document_count / (1 + self.index_docs.get(index, 0)))
        return {"binary": 1, "count": count, "freq": count / length}[mode]

    def get_config(self):
        """The arguments and the tables, these as JSON text."""
        names = "num_words filters lower split char_level oov_token document_count".split()
        return {**{name: getattr(self, name) for name in names},
                **{name: json.dumps(getattr(self, name)) for name in _TABLES}}

    def to_json(self, **kwargs):
        """JSON text of arguments and tables, for `tokenizer_from_json`. kwargs: for json.dumps."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


_TABLES = "word_counts word_docs index_docs index_word word_index".split()


def tokenizer_from_json(json_string):
    """The Tokenizer that `to_json` wrote."""
    config = json.loads(json_string)["config"]
    tables = {name: json.loads(config.pop(name)) for name in _TABLES}
    tokenizer = Tokenizer(**config)
    for name, table in tables.items():
        if name.startswith("index_"):                     # JSON has no numbers as keys
            table = {int(index): value for index, value in table.items()}
        getattr(tokenizer, name).update(table)
    return tokenizer
