"""Where batches come from: arrays, or a stream (generator, Sequence, any iterable). The loops see no difference.

A source has `steps` and `samples` of an epoch (None: not known), `batch_size` (None: not fixed), `count_mode`
('samples' or 'steps', what a progress bar counts), `replay` (whether an epoch can only be entered by going through
those before it), `epoch()`, an iterator of (list of arrays to feed, number of
samples), and `close()`.
"""

import functools
import inspect
import itertools
import math
import warnings
from collections.abc import Iterator

import numpy as np

from .. import backend as K
from .standardize import is_sliceable, is_sparse


def batch_shuffle(index_array, batch_size):
    """The indices with the batches in a new order, each as it was; a last batch that is not full stays last.

    Data on disk are read by slices this way.
    """
    whole = len(index_array) // batch_size * batch_size
    batches = np.array(index_array[:whole]).reshape(-1, batch_size)
    np.random.shuffle(batches)
    return np.append(batches.reshape(-1), index_array[whole:])


def make_batches(size, batch_size):
    """[(start, stop), ...] of the batches of `size` samples."""
    return [(start, min(size, start + batch_size)) for start in range(0, size, batch_size)]


def is_sequence(seq):
    """Whether `seq` gives batches by number, as utils.Sequence does."""
    return getattr(seq, "use_sequence_api", False) is True


def is_generator_or_sequence(x):
    """Whether `x` is a generator, or another iterator, or a Sequence."""
    return inspect.isgenerator(x) or isinstance(x, Iterator) or is_sequence(x)


def is_stream(x):
    """Whether `x` gives batches when iterated over: a generator, a Sequence, or an iterable such as a data loader."""
    if is_generator_or_sequence(x):
        return True
    if isinstance(x, (list, tuple, dict, str)) or hasattr(x, "shape") or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__")


def iter_sequence_infinite(seq):
    """The batches of a Sequence, again and again."""
    while True:
        yield from (seq[index] for index in range(len(seq)))


class ArrayBatches:
    """Batches of a list of arrays with equally many samples.

    shuffle: False, True (a new order of the samples each epoch, drawn from numpy's global generator) or 'batch' (of the
    batches). tail: what to feed after the arrays, e.g. [1], the learning phase. inputs: the tensors that the first
    arrays are fed for; sparse matrices become dense, batch by batch, where these are.
    """

    count_mode, replay = "samples", False

    def __init__(self, arrays, batch_size, shuffle=False, tail=(), inputs=()):
        self.samples, self.batch_size, self.shuffle = int(arrays[0].shape[0]), batch_size, shuffle
        self.arrays, self.tail = arrays, list(tail)
        self.ranges = make_batches(self.samples, batch_size) or [(0, 0)]  # the outputs for no samples have a shape
        self.steps = len(self.ranges)
        self._rows = [_rows_of(a, t, shuffle) for a, t in itertools.zip_longest(arrays, inputs[: len(arrays)])]

    def epoch(self):
        """The batches of one epoch."""
        order = None
        if self.shuffle == "batch":
            order = batch_shuffle(np.arange(self.samples), self.batch_size)
        elif self.shuffle:
            order = np.random.permutation(self.samples)
        for start, stop in self.ranges:
            chosen = slice(start, stop) if order is None else order[start:stop]
            yield [rows(chosen) for rows in self._rows] + self.tail, stop - start

    def close(self):
        """Nothing to close."""


def dense(arrays, inputs):
    """The arrays, with sparse matrices made dense unless they are for a sparse tensor."""
    if not any(map(is_sparse, arrays)):
        return arrays
    return [a.toarray() if is_sparse(a) and not (t is not None and K.is_sparse(t)) else a
            for a, t in itertools.zip_longest(arrays, inputs[: len(arrays)])]  # fmt: skip


def _rows_of(array, tensor, shuffled):
    """The function that gives the rows of an array at a slice, or, if they are shuffled, at an array of indices."""
    if is_sparse(array):
        rows = array.tocsr()
        return rows.__getitem__ if tensor is not None and K.is_sparse(tensor) else lambda chosen: rows[chosen].toarray()
    if not shuffled:
        return array.__getitem__
    return functools.partial(_rows_on_disk, array) if is_sliceable(array) else functools.partial(array.take, axis=0)


def _rows_on_disk(array, chosen):
    """HDF5 reads rows in increasing order only."""
    order = np.argsort(chosen)
    rows = np.asarray(array[chosen[order].tolist()])
    return rows[np.argsort(order)]


class StepBatches:
    """`steps` times no data at all, for models whose inputs are tensors that need no feeding."""

    count_mode, samples, batch_size, replay = "steps", None, None, False

    def __init__(self, feeds, steps):
        self.feeds, self.steps = list(feeds), steps

    def epoch(self):
        """The same feeds `steps` times."""
        return ((self.feeds, 1) for _ in range(self.steps))

    def close(self):
        """Nothing to close."""


class StreamBatches:
    """Batches that an iterable gives.

    source: generator, iterator, Sequence, or an iterable that can be gone through again. standardize: a function that
    makes of an item (list of arrays to feed, number of samples). steps: batches in an epoch; the default is its length.
    shuffle: whether a Sequence's batches come in a new order each epoch. workers: how many make batches ahead;
    0 makes each when it is needed. max_queue_size: how many are kept. use_multiprocessing: processes, not threads.
    steps_name: what the caller calls `steps`, for the error without them.
    """

    count_mode, samples, batch_size = "steps", None, None

    def __init__(self, source, standardize, steps=None, shuffle=False, max_queue_size=10, workers=1,
                 use_multiprocessing=False, steps_name="steps"):  # fmt: skip
        self.source, self.standardize, self.shuffle = source, standardize, shuffle
        self.sequence = is_sequence(source)
        self.again = not self.sequence and not isinstance(source, Iterator)
        self.steps = steps if steps is not None else len(source) if hasattr(source, "__len__") else None
        if self.steps is None and not self.again:
            raise ValueError(f"{steps_name} is needed for a generator, as it does not tell how many batches an epoch "
                             "has.")  # fmt: skip
        self.workers, self.max_queue_size, self.use_multiprocessing = workers, max_queue_size, use_multiprocessing
        self.replay = not self.again
        self.enqueuer = self.items = None
        self._seen_ahead = []

    def first(self):
        """The first item, which the next epoch will give all the same."""
        if not self._seen_ahead:
            once = isinstance(self.source, Iterator)  # its workers start with the epoch
            self.items = None if once else self._start()
            self._seen_ahead.append(next(self.source if once else self.items))
        return self._seen_ahead[0]

    def _opened(self):
        if self._seen_ahead:
            return itertools.chain([self._seen_ahead.pop()], self._start() if self.items is None else self.items)
        return self._start() if self.items is None or self.again else self.items

    def epoch(self):
        """The batches of one epoch; a generator goes on where the last epoch ended."""
        self.items = self._opened()
        done, steps = 0, self.steps
        for item in itertools.islice(self.items, steps and math.ceil(steps)):
            done += 1
            yield self.standardize(item)
        if not done or (steps is not None and done < steps):
            _ran_out(done, steps)
        if self.sequence and self.enqueuer is None and hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _start(self):
        if self.again:
            return iter(self.source)
        if not self.workers:
            return iter_sequence_infinite(self.source) if self.sequence else self.source
        from ..utils.data_utils import GeneratorEnqueuer, OrderedEnqueuer  # takes long to import

        self.enqueuer = (OrderedEnqueuer(self.source, self.use_multiprocessing, shuffle=self.shuffle) if self.sequence
                         else GeneratorEnqueuer(self.source, self.use_multiprocessing))  # fmt: skip
        self.enqueuer.start(workers=self.workers, max_queue_size=self.max_queue_size)
        return self.enqueuer.get()

    def close(self):
        """Stop the workers."""
        if self.enqueuer is not None:
            self.enqueuer.stop()


def _ran_out(done, steps):
    if not done:
        raise ValueError("The generator, Sequence or iterable gave no batches: it is empty or used up.")
    warnings.warn(f"The data ended after {done} of {steps} batches; the epoch is over. Let the generator loop, or give "
                  "fewer steps or epochs.", stacklevel=5)  # fmt: skip
