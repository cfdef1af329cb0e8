"""Batches of pictures by number, or one after another without end; and those of pictures in arrays."""

import os
import threading
import warnings

import numpy as np

from ... import backend as K
from ...utils.data_utils import Sequence
from ...utils.generic_utils import one_of
from .pictures import array_to_img

_DRAWS = threading.local()  # .random: where the batch that this thread is making draws from


def batch_random(seed):
    """Where to draw from: a generator with this seed, or NumPy's global one."""
    return np.random if seed is None else np.random.RandomState(seed % 2**32)


class Iterator(Sequence):
    """A Sequence of batches of n items, and an endless iterator over them.

    n: number of items. batch_size: of them in a batch, fewer in the last one. shuffle: whether each epoch has a new
    order. seed: of the order and of all that is drawn at random for a batch, which depends on nothing but the
    seed, the epoch and the batch's number: any number of workers makes the same batches. Without a seed one is drawn
    from NumPy's global generator when the first batch is made.

    Subclasses make batches: `_get_batches_of_transformed_samples(index_array)`, with index_array the items' numbers.
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(self, n, batch_size, shuffle, seed):
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = self.total_batches_seen = 0
        self.index_array = self._epoch_seed = None
        self._open()

    def _open(self):
        self.lock = threading.Lock()
        self.index_generator = self._flow_index()

    def __getstate__(self):
        if self.index_array is None:                       # all copies go on in the same way
            self._set_index_array()
        return {name: value for name, value in vars(self).items() if name not in ("lock", "index_generator")}

    def __setstate__(self, state):
        vars(self).update(state)
        self._open()

    def __len__(self):
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx):
        if not 0 <= idx < len(self):
            raise ValueError(f"There is no batch {idx}: the {self.n} samples make {len(self)} batches.")
        with self.lock:
            if self.index_array is None:
                self._set_index_array()
            self.total_batches_seen += 1
            chosen = self._begin(idx)
        return self._get_batches_of_transformed_samples(chosen)

    def _set_index_array(self):
        """Begin an epoch."""
        if self._epoch_seed is None:
            self._epoch_seed = np.random.randint(2**31 - 1) if self.seed is None else self.seed
        else:
            self._epoch_seed += len(self)
        self.index_array = batch_random(self._epoch_seed).permutation(self.n) if self.shuffle else np.arange(self.n)

    def _begin(self, idx):
        """The numbers of the items of a batch; from now on this thread draws for it."""
        _DRAWS.random = batch_random(self._epoch_seed + idx)
        if self.shuffle and idx == 0:                      # its draws come after that of the order
            _DRAWS.random.permutation(self.n)
        return self.index_array[idx * self.batch_size:(idx + 1) * self.batch_size]

    def on_epoch_end(self):
        """Begin the next epoch."""
        if self.index_array is None:                       # the first one took place in worker processes
            self._set_index_array()
        self._set_index_array()

    def reset(self):
        """Let the next batch be the first of an epoch."""
        self.batch_index = 0

    def _flow_index(self):
        while True:
            if not self.n:
                raise ValueError("There are no samples to make batches of.")
            if self.batch_index == 0:
                self._set_index_array()
            index = self.batch_index
            self.batch_index = (index + 1) % len(self)
            self.total_batches_seen += 1
            yield self._begin(index)

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def next(self):
        """The next batch."""
        with self.lock:
            chosen = next(self.index_generator)
        return self._get_batches_of_transformed_samples(chosen)

    def _get_batches_of_transformed_samples(self, index_array):
        raise NotImplementedError(f"{type(self).__name__} does not say how to make a batch.")

    def _changed(self, x):
        """A picture changed at random and scaled by the generator."""
        generator = self.image_data_generator
        parameters = generator.get_random_transform(x.shape, getattr(_DRAWS, "random", None))
        return generator.standardize(generator.apply_transform(x, parameters))

    def _keep(self, batch, index_array):
        """Write the pictures of a batch into the folder save_to_dir, if there is one."""
        if not self.save_to_dir:
            return
        os.makedirs(self.save_to_dir, exist_ok=True)
        for x, index in zip(batch, index_array, strict=True):
            name = f"{self.save_prefix}_{index}_{_DRAWS.random.randint(10_000_000)}.{self.save_format}"
            array_to_img(x, self.data_format).save(os.path.join(self.save_to_dir, name))


def share_of(subset, validation_split):
    """The (start, end) of a subset, as shares of the samples. Raises ValueError for another subset."""
    one_of("subset", subset, ("training", "validation", None))
    if subset and not validation_split:
        raise ValueError(f"subset={subset!r} needs ImageDataGenerator(validation_split=...).")
    return {None: (0, 1), "validation": (0, validation_split), "training": (validation_split, 1)}[subset]


class NumpyArrayIterator(Iterator):
    """Batches of pictures from arrays.

    x: [samples, rows, columns, channels] (or channels first); or (pictures, other) or (pictures, [other, ...]) with
    other inputs, which are given as they are. y, sample_weight: [samples, ...]. image_data_generator: what changes and
    scales the pictures. subset: 'training' or 'validation', by the generator's validation_split. save_to_dir,
    save_prefix, save_format: a folder to write the pictures into, to look at. data_format, dtype: of the batches.
    Batches are pictures, (pictures, y) or (pictures, y, sample_weight); with other inputs a list of all inputs.
    Raises ValueError when lengths differ, or the parts of a subset do not have the same labels.
    """

    def __init__(self, x, y, image_data_generator, batch_size=32, shuffle=False, sample_weight=None, seed=None,
                 data_format=None, save_to_dir=None, save_prefix="", save_format="png", subset=None,
                 dtype=None):  # fmt: skip
        x, others = x if isinstance(x, (tuple, list)) and len(x) == 2 and np.ndim(x[0]) == 4 else (x, [])
        x, others = np.asarray(x), [np.asarray(o) for o in (others if isinstance(others, list) else [others])]
        y, sample_weight = (None if a is None else np.asarray(a) for a in (y, sample_weight))
        for name, array in [("other inputs", o) for o in others] + [("y", y), ("sample_weight", sample_weight)]:
            if array is not None and len(array) != len(x):
                raise ValueError(f"{name} must be as many as the pictures: got {len(array)} for {len(x)} pictures.")
        start, end = (int(len(x) * share) for share in share_of(subset, image_data_generator.validation_split))
        _check_labels(y, start or end)
        self.x, self.x_misc = x[start:end], [o[start:end] for o in others]
        self.y, self.sample_weight = (None if a is None else a[start:end] for a in (y, sample_weight))
        if x.ndim != 4:
            raise ValueError(f"Pictures must be an array with four axes, got shape {x.shape}.")
        self.data_format, self.dtype = K.normalize_data_format(data_format), dtype or K.floatx()
        warn_of_channels(x, self.data_format)
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array):
        batch = np.array([self._changed(self.x[i].astype(self.dtype)) for i in index_array], self.dtype)
        self._keep(batch, index_array)
        inputs = [batch, *(other[index_array] for other in self.x_misc)] if self.x_misc else batch
        rest = [a[index_array] for a in (self.y, self.sample_weight) if a is not None]
        return inputs if self.y is None else (inputs, *rest)


def warn_of_channels(x, data_format):
    """Warn when a batch of pictures has neither 1, 3 nor 4 channels: most likely the data format is wrong."""
    if x.shape[3 if data_format == "channels_last" else 1] not in (1, 3, 4):
        warnings.warn(f"Expected 1, 3 or 4 channels ({data_format}), got pictures of shape {x.shape}.", stacklevel=4)


def _check_labels(y, split):
    """Both parts have to have the same labels, where y is labels."""
    if y is None or not split or split >= len(y) or not (y.dtype.kind in "iubUSO" or np.isin(y, (0, 1)).all()):
        return
    if not np.array_equal(*(np.unique(part) for part in (y[:split], y[split:]))):
        raise ValueError("Training and validation subset have different labels. Sorted by label? Shuffle them first.")
