"""Data that come batch by batch, worked out ahead by threads or processes; and files from the net."""
import multiprocessing
import time
from abc import ABC, abstractmethod
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np

from .downloads import _extract_archive, _hash_file, get_file, validate_file  # noqa: F401 (Keras has them here)
from .progbar import Progbar

__all__ = ["GeneratorEnqueuer", "OrderedEnqueuer", "Progbar", "Sequence", "SequenceEnqueuer", "get_file", "get_index",
           "init_pool", "init_pool_generator", "next_sample", "validate_file"]


class Sequence(ABC):
    """A data set of numbered batches: override `__getitem__` and `__len__`, and `on_epoch_end` where it matters.

    Since each batch is made from its index alone, several workers may make batches at once, each once an epoch.
    """

    use_sequence_api = True

    @abstractmethod
    def __getitem__(self, index):
        """Batch `index`: (inputs, targets) or (inputs, targets, sample_weights)."""

    @abstractmethod
    def __len__(self):
        """Number of batches in an epoch."""

    def on_epoch_end(self):  # noqa: B027 (nothing is a fine default)
        """After each epoch; a place to shuffle."""

    def __iter__(self):
        """One epoch."""
        return (self[i] for i in range(len(self)))


# What the workers of a pool make batches from, by the id of their enqueuer; in each worker process it is set once.
_SHARED = {}


def init_pool(seqs):
    """Initializer of a worker process: take over the sequences (a dict by id)."""
    _SHARED.clear()
    _SHARED.update(seqs)


def get_index(uid, i):
    """Batch i of the sequence with this id, in a worker."""
    return _SHARED[uid][i]


def init_pool_generator(gens, random_seed=None):
    """Initializer of a worker process: take over the generators, and seed NumPy for each worker differently."""
    init_pool(gens)
    if random_seed is not None:
        np.random.seed(random_seed + multiprocessing.current_process()._identity[0])


def next_sample(uid):
    """The next batch of the generator with this id, in a worker. Returns (there is one, batch)."""
    try:
        return True, next(_SHARED[uid])
    except StopIteration:
        return False, None


class SequenceEnqueuer(ABC):
    """Makes batches ahead of their use, in threads or processes, and gives them in order.

    sequence: where batches come from. use_multiprocessing: worker processes instead of threads.

        enqueuer = OrderedEnqueuer(sequence)
        enqueuer.start(workers=4)
        batches = enqueuer.get()
        first = next(batches)
        enqueuer.stop()
    """

    def __init__(self, sequence, use_multiprocessing=False):
        self.sequence, self.use_multiprocessing = sequence, use_multiprocessing
        self.uid = id(self)
        self.pool = None
        self._ahead = deque()

    def is_running(self):
        return self.pool is not None

    def start(self, workers=1, max_queue_size=10):
        """Start the workers, who keep up to max_queue_size batches ready."""
        self.workers, self.max_queue_size = max(1, workers), max(1, max_queue_size)
        self._open_pool()
        self._fill()

    def stop(self, timeout=None):
        """Stop the workers; batches that nobody has started on are dropped. timeout: accepted for compatibility."""
        self._close_pool()
        self._ahead.clear()

    def __del__(self):
        if getattr(self, "pool", None) is not None:
            self.stop()

    def _open_pool(self):
        if self.use_multiprocessing:
            initializer, arguments, context = self._initialization()
            self.pool = ProcessPoolExecutor(self.workers, context, initializer, arguments)
        else:
            _SHARED[self.uid] = self.sequence
            self.pool = ThreadPoolExecutor(self.workers)

    def _close_pool(self):
        pool, self.pool = self.pool, None
        if pool is not None:
            pool.shutdown(wait=self.use_multiprocessing, cancel_futures=True)
        _SHARED.pop(self.uid, None)

    def _fill(self):
        while len(self._ahead) < self.max_queue_size and self._submit():
            pass

    def _next_result(self):
        try:
            return self._ahead.popleft().result()
        except BaseException:
            self.stop()
            raise

    @abstractmethod
    def _initialization(self):
        """(initializer, its arguments, multiprocessing context) of the worker processes."""

    @abstractmethod
    def _submit(self):
        """Hand one more batch to the workers. Returns whether there was one to make now."""

    @abstractmethod
    def get(self):
        """Generator of the batches, without end as far as the data go. An error in a worker is raised here."""


class OrderedEnqueuer(SequenceEnqueuer):
    """Batches of a Sequence, epoch after epoch.

    shuffle: whether each epoch goes through the batches in a new order (the batches stay as they are).
    The sequence's on_epoch_end is called when the last batch of an epoch is made, before it is given.
    """

    def __init__(self, sequence, use_multiprocessing=False, shuffle=False):
        super().__init__(sequence, use_multiprocessing)
        self.shuffle = shuffle
        self._order = iter(())

    def start(self, workers=1, max_queue_size=10):
        self._order = self._new_order()
        super().start(workers, max_queue_size)

    def _new_order(self):
        order = np.arange(len(self.sequence))
        if self.shuffle:
            np.random.shuffle(order)
        return iter(order.tolist())

    def _initialization(self):
        return init_pool, ({self.uid: self.sequence},), None

    def _submit(self):
        index = next(self._order, None)
        if index is not None:
            self._ahead.append(self.pool.submit(get_index, self.uid, index))
        return index is not None

    def get(self):
        while self.is_running() and self._ahead:
            batch = self._next_result()
            self._fill()
            if not self._ahead:
                self._next_epoch()
            if batch is not None:
                yield batch

    def _next_epoch(self):
        self.sequence.on_epoch_end()
        self._order = self._new_order()
        if self.use_multiprocessing:                # the workers hold copies, which are out of date now
            self._close_pool()
            self._open_pool()
        self._fill()

    def join_end_of_epoch(self):
        """Returns when on_epoch_end has been called: at once, since that comes before an epoch's last batch."""


class GeneratorEnqueuer(SequenceEnqueuer):
    """Batches of a generator, made ahead.

    sequence: the generator. It runs in one thread, however many workers there are, and its batches come in its order;
    with processes each worker has a copy of it, so that each of its batches comes once a worker, unless the generator
    draws at random. wait_time: accepted for compatibility. random_seed: seeds NumPy's generator in worker processes,
    plus the worker's number.
    """

    def __init__(self, sequence, use_multiprocessing=False, wait_time=None, random_seed=None):
        super().__init__(sequence, use_multiprocessing)
        self.random_seed = random_seed

    def start(self, workers=1, max_queue_size=10):
        # A generator cannot be resumed by two threads at once.
        super().start(workers if self.use_multiprocessing else 1, max_queue_size)

    def _initialization(self):
        if "fork" not in multiprocessing.get_all_start_methods():
            raise ValueError("GeneratorEnqueuer: a generator cannot be sent to worker processes on this system. "
                             "Use a Sequence, or use_multiprocessing=False.")
        seed = int(time.time()) if self.random_seed is None else self.random_seed
        return init_pool_generator, ({self.uid: self.sequence}, seed), multiprocessing.get_context("fork")

    def _submit(self):
        self._ahead.append(self.pool.submit(next_sample, self.uid))
        return True

    def get(self):
        more = True
        while self.is_running() and self._ahead:
            there_is_one, batch = self._next_result()
            more = more and there_is_one
            if more:                                # at the end, what the workers have begun on is still given
                self._fill()
            if there_is_one and batch is not None:
                yield batch
        self.stop()
