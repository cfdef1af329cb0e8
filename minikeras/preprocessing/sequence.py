"""Sequences: padded to one length, cut into windows, paired into skip-grams."""

import json
import random

import numpy as np

from ..utils.data_utils import Sequence
from ..utils.generic_utils import one_of

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams", "timeseries_generator_from_json"]


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """An array of sequences of different lengths.

    sequences: a list of sequences; the items may have axes of their own, the same for all.
    maxlen: the length of all; by default that of the longest. padding, truncating: 'pre' or 'post', the end where
    `value` is put in, and where items are dropped. dtype: of the result; strings need `object` or 'str'.
    Returns [sequences, maxlen, ...]. Raises ValueError for anything else.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        one_of(f"pad_sequences: {name}", side, ("pre", "post"))
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"pad_sequences: expected a list of sequences, got {type(sequences).__name__}.")
    for i, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"pad_sequences: expected a list of sequences, but item {i} is {sequence!r}.")
    if isinstance(value, str) and not (np.dtype(dtype) == object or np.dtype(dtype).kind in "US"):
        raise ValueError(f"pad_sequences: dtype {dtype} does not hold the value {value!r}. Use dtype=object.")
    lengths = [len(sequence) for sequence in sequences]
    maxlen = max(lengths, default=0) if maxlen is None else maxlen
    item_shape = next((np.asarray(s).shape[1:] for s, n in zip(sequences, lengths, strict=True) if n), ())
    if np.dtype(dtype).kind in "US":                      # as wide as the longest string
        dtype = np.result_type(np.array(value, dtype), *[np.asarray(s, dtype) for s in sequences if len(s)])
    padded = np.full((len(sequences), maxlen, *item_shape), value, dtype)
    for i, (sequence, n) in enumerate(zip(sequences, lengths, strict=True)):
        kept = min(n, maxlen)
        items = np.asarray(sequence[n - kept:] if truncating == "pre" else sequence[:kept], dtype)
        if not kept:
            continue
        if items.shape[1:] != item_shape:
            raise ValueError(f"pad_sequences: the items of sequence {i} have shape {items.shape[1:]}, those of the "
                             f"first one {item_shape}.")
        padded[i, slice(maxlen - kept, None) if padding == "pre" else slice(kept)] = items
    return padded


def make_sampling_table(size, sampling_factor=1e-5):
    """How likely the word of each rank is to be kept, the frequent ones less so (word2vec).

    With f(rank) = sampling_factor * rank * (log rank + 0.577) + 1/2 - 1/(12 rank), inverse to the frequency by
    Zipf's law, p = min(1, f / sqrt(f)). Rank 0 counts as 1. Returns float64 [size].
    Source: Mikolov et al., Distributed Representations of Words and Phrases (2013), section 2.3.
    """
    rank = np.maximum(np.arange(size), 1)
    inverse = sampling_factor * (rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank))
    return np.minimum(1.0, np.sqrt(inverse))


def skipgrams(sequence, vocabulary_size, window_size=4, negative_samples=1.0, shuffle=True, categorical=False,
              sampling_table=None, seed=None):  # fmt: skip
    """Pairs of words, and whether they stand near each other.

    sequence: word numbers; 0 stands for no word, and gives no pairs. vocabulary_size: one more than the largest.
    window_size: how far apart the words of a pair may be. negative_samples: for each such pair, how many with a second
    word drawn at random from 1 to vocabulary_size - 1. categorical: labels [0, 1] and [1, 0] instead of 1 and 0.
    sampling_table: for each word number how likely its pairs are kept (`make_sampling_table`).
    seed: of the draws; without it they come from Python's `random`.
    Returns (list of [word, other word], list of labels).
    """
    rng = random if seed is None else random.Random(seed)
    couples = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < rng.random()):
            continue
        near = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in near if j != i and sequence[j]]
    labels = [[0, 1] if categorical else 1] * len(couples)
    n_negative = int(len(couples) * negative_samples)
    if n_negative > 0:
        words = [word for word, _ in couples]
        rng.shuffle(words)
        couples += [[words[i % len(words)], rng.randint(1, vocabulary_size - 1)] for i in range(n_negative)]
        labels += [[1, 0] if categorical else 0] * n_negative
    if shuffle:
        seed = rng.randint(0, 10_000_000) if seed is None else seed
        random.Random(seed).shuffle(couples)
        random.Random(seed).shuffle(labels)
    return couples, labels


class TimeseriesGenerator(Sequence):
    """Batches of windows over a series of observations, each with the target of the time right after it.

    data: [times, ...]. targets: [times, ...]. length: of a window, in times. sampling_rate: every how many times an
    observation is taken within a window. stride: how many times lie between two windows. start_index, end_index: the
    first and the last time used, both included. shuffle: batches of windows at random times. reverse: each window
    with its last observation first. batch_size: windows in a batch, fewer in the last one.
    Batches are (samples [batch, length / sampling_rate, ...], targets [batch, ...]).
    Raises ValueError when the lengths differ or no window fits.
    """

    def __init__(self, data, targets, length, sampling_rate=1, stride=1, start_index=0, end_index=None, shuffle=False,
                 reverse=False, batch_size=128):  # fmt: skip
        if len(data) != len(targets):
            raise ValueError(f"TimeseriesGenerator: data and targets must be of one length, got {len(data)} and "
                             f"{len(targets)}.")
        self.data, self.targets, self.length = data, targets, length
        self.sampling_rate, self.stride, self.batch_size = sampling_rate, stride, batch_size
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse = shuffle, reverse
        if self.start_index > self.end_index:
            raise ValueError(f"TimeseriesGenerator: start_index + length = {self.start_index} is beyond end_index = "
                             f"{self.end_index}, so that no window fits.")

    def __len__(self):
        times = self.end_index - self.start_index + 1
        return -(-times // (self.batch_size * self.stride))

    def __getitem__(self, index):
        if self.shuffle:
            ends = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            last = min(first + self.batch_size * self.stride, self.end_index + 1)
            ends = np.arange(first, last, self.stride)
        samples = np.array([self.data[end - self.length:end:self.sampling_rate] for end in ends])
        return samples[:, ::-1] if self.reverse else samples, np.array([self.targets[end] for end in ends])

    def get_config(self):
        """The arguments; data and targets as JSON text. Raises TypeError where they cannot be written as such."""
        names = "length sampling_rate stride end_index shuffle reverse batch_size".split()
        return {"data": _json(self.data), "targets": _json(self.targets), "start_index": self.start_index - self.length,
                **{name: getattr(self, name) for name in names}}

    def to_json(self, **kwargs):
        """JSON text of class and arguments, for `timeseries_generator_from_json`. kwargs: for json.dumps."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def _json(data):
    return json.dumps(data.tolist() if hasattr(data, "tolist") else data)


def timeseries_generator_from_json(json_string):
    """The TimeseriesGenerator that `to_json` wrote."""
    config = json.loads(json_string)["config"]
    data, targets = json.loads(config.pop("data")), json.loads(config.pop("targets"))
    return TimeseriesGenerator(data, targets, **config)
