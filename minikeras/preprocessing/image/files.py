"""Batches of pictures from files: those of a folder, or those that a table names."""

import os
import warnings
from numbers import Real

import numpy as np

from ... import backend as K
from ...utils.generic_utils import one_of
from .iterators import Iterator, share_of
from .pictures import CHANNELS, img_to_array, load_img

_FORMATS = Iterator.white_list_formats


def _is_picture(name):
    return os.path.splitext(name)[1][1:].lower() in _FORMATS


class BatchFromFilesMixin:
    """Makes batches of the pictures `filepaths`, with their `labels` and `sample_weight`."""

    sample_weight = None

    @property
    def filepaths(self):
        return [os.path.join(self.directory, name) for name in self.filenames]

    @property
    def labels(self):
        return self._targets if self.class_mode in ("multi_output", "raw") else self.classes

    def set_processing_attrs(self, image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix,
                             save_format, subset, interpolation):  # fmt: skip
        """Take over how pictures are read and changed. Raises ValueError for another color_mode, subset, ..."""
        self.color_mode = one_of("color_mode", color_mode, CHANNELS)
        self.image_data_generator, self.interpolation = image_data_generator, interpolation
        self.data_format = K.normalize_data_format(data_format)
        self.target_size = size = tuple(target_size)
        channels = (CHANNELS[color_mode],)
        self.image_shape = size + channels if self.data_format == "channels_last" else channels + size
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self.subset, self.split = subset, share_of(subset, getattr(image_data_generator, "validation_split", 0))

    def _part(self, items):
        start, end = (int(share * len(items)) for share in self.split)
        return items[start:end]

    def _get_batches_of_transformed_samples(self, index_array):
        batch = np.empty((len(index_array), *self.image_shape), self.dtype)
        paths = self.filepaths
        for row, index in zip(batch, index_array, strict=True):
            img = load_img(paths[index], color_mode=self.color_mode, target_size=self.target_size,
                           interpolation=self.interpolation)  # fmt: skip
            row[...] = self._changed(img_to_array(img, self.data_format, self.dtype))
        self._keep(batch, index_array)
        if self.class_mode is None:
            return batch
        targets = self._targets_of(index_array, batch)
        return (batch, targets) if self.sample_weight is None else (batch, targets, self.sample_weight[index_array])

    def _targets_of(self, index_array, batch):
        if self.class_mode == "input":
            return batch.copy()
        if self.class_mode == "multi_output":
            return [output[index_array] for output in self.labels]
        if self.class_mode == "raw":
            return self.labels[index_array]
        labels = [self.labels[index] for index in index_array]
        if self.class_mode in ("binary", "sparse"):
            return np.array(labels, self.dtype)
        one_hot = np.zeros((len(labels), len(self.class_indices)), self.dtype)
        for row, label in zip(one_hot, labels, strict=True):
            row[label] = 1                                 # a list of labels marks all of them
        return one_hot


class DirectoryIterator(BatchFromFilesMixin, Iterator):
    """Batches of the pictures in a folder, which has a folder for each class.

    directory: the folder. image_data_generator: what changes and scales the pictures. target_size: (height, width) to
    bring them to, by `interpolation`. color_mode: 'grayscale', 'rgb' or 'rgba'. classes: names of folders, in the
    order of the labels; by default all, sorted. class_mode: targets are one-hot rows ('categorical'), labels ('sparse',
    'binary'), the pictures themselves ('input'), or there are none (None). batch_size, shuffle, seed: see `Iterator`.
    data_format, dtype: of the batches. save_to_dir, save_prefix, save_format: a folder to write the pictures into.
    follow_links: whether to go into linked folders. subset: 'training' or 'validation', of each class its share.
    `class_indices` maps names to labels; `filenames`, `filepaths`, `classes` (the labels) and `samples` tell the rest.
    """

    def __init__(self, directory, image_data_generator, target_size=(256, 256), color_mode="rgb", classes=None,
                 class_mode="categorical", batch_size=32, shuffle=True, seed=None, data_format=None, save_to_dir=None,
                 save_prefix="", save_format="png", follow_links=False, subset=None, interpolation="nearest",
                 dtype=None):  # fmt: skip
        self.set_processing_attrs(image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix,
                                  save_format, subset, interpolation)  # fmt: skip
        self.directory, self.dtype = directory, dtype or K.floatx()
        self.class_mode = one_of("class_mode", class_mode, ("categorical", "binary", "sparse", "input", None))
        if not classes:
            classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        self.class_indices = {name: index for index, name in enumerate(classes)}
        self.num_classes = len(self.class_indices)
        found = [self._part(_pictures_below(directory, folder, follow_links)) for folder in self.class_indices]
        self.filenames = [name for names in found for name in names]
        self.classes = np.repeat(np.arange(len(found), dtype="int32"), [len(names) for names in found])
        self.samples = len(self.filenames)
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)


def _pictures_below(directory, folder, follow_links):
    """The names of all pictures below directory/folder, relative to the directory, folder by folder."""
    top = os.path.join(directory, folder)
    if not os.path.isdir(top):
        raise ValueError(f"There is no folder {top} for the class {folder!r}.")
    found, seen = [], set()
    for root, folders, names in os.walk(top, followlinks=follow_links):
        if (real := os.path.realpath(root)) in seen:       # a link that leads back up
            folders.clear()
            continue
        seen.add(real)
        found.append((root, sorted(filter(_is_picture, names))))
    return [os.path.join(folder, os.path.relpath(os.path.join(root, name), top))
            for root, names in sorted(found) for name in names]  # fmt: skip


class DataFrameIterator(BatchFromFilesMixin, Iterator):
    """Batches of the pictures that a table names.

    dataframe: a pandas DataFrame, or a dict of columns. directory: what the names in x_col are relative to; None where
    they are whole paths. x_col, y_col, weight_col: names of the columns of file names, targets and sample weights.
    class_mode: 'categorical' (labels, or lists of labels, as rows of 0 and 1), 'binary' or 'sparse' (labels as
    numbers), 'raw' (the values of y_col, which may be a list of columns), 'multi_output' (a list of targets, one for
    each column of the list y_col), 'input' (the pictures themselves) or None (no targets).
    classes: the labels to take, in their order; by default all, sorted. validate_filenames: leave rows out, with a
    warning, whose file is missing or no picture. The other arguments are those of DirectoryIterator.
    Raises TypeError for columns of other types, and ValueError for other words.
    """

    def __init__(self, dataframe, directory=None, image_data_generator=None, x_col="filename", y_col="class",
                 weight_col=None, target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical",
                 batch_size=32, shuffle=True, seed=None, data_format="channels_last", save_to_dir=None, save_prefix="",
                 save_format="png", subset=None, interpolation="nearest", dtype="float32",
                 validate_filenames=True):  # fmt: skip
        self.set_processing_attrs(image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix,
                                  save_format, subset, interpolation)  # fmt: skip
        self.directory, self.dtype, self.x_col = directory or "", dtype, x_col
        with_classes = ("categorical", "binary", "sparse")
        has_classes = class_mode in with_classes
        self.class_mode = one_of("class_mode", class_mode, (*with_classes, "input", "multi_output", "raw", None))
        names = list(dataframe[x_col])
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"All values of the column x_col={x_col!r} must be strings.")
        rows = range(len(names))
        if validate_filenames:
            rows = [row for row in rows if _is_picture(names[row])
                    and os.path.isfile(os.path.join(self.directory, names[row]))]
            if len(rows) < len(names):
                warnings.warn(f"{len(names) - len(rows)} of {len(names)} files in the column {x_col!r} are left out: "
                              f"not there, or none of {', '.join(_FORMATS)}.", stacklevel=3)
        if has_classes:
            labels = list(dataframe[y_col])
            self.class_indices = self._class_indices(labels, classes, y_col)
            self.num_classes = len(self.class_indices)
            rows = [row for row in rows if any(label in self.class_indices for label in _each(labels[row]))]
        elif classes:
            warnings.warn(f"classes has no meaning for class_mode={class_mode!r}.", stacklevel=3)
        rows = self._part(rows)
        self.filenames = [names[row] for row in rows]
        self.samples = len(rows)
        if weight_col is not None:
            if not all(isinstance(weight, Real) for weight in dataframe[weight_col]):
                raise TypeError("Sample weights must be numbers.")
            self.sample_weight = np.asarray(dataframe[weight_col])[rows]
        if has_classes:
            self.classes = self.get_classes({y_col: [labels[row] for row in rows]}, y_col)
        elif class_mode == "multi_output":
            if not isinstance(y_col, (list, tuple)):
                raise TypeError(f"class_mode='multi_output' needs a list of columns as y_col, got {y_col!r}.")
            self._targets = [np.array(list(dataframe[column]))[rows] for column in y_col]
        elif class_mode == "raw":
            self._targets = np.asarray(dataframe[y_col])[rows]
        belonging = f" belonging to {self.num_classes} classes" if has_classes else ""
        print(f"Found {self.samples} {'validated ' * validate_filenames}image filenames{belonging}.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _class_indices(self, labels, classes, y_col):
        kinds = (str, list, tuple) if self.class_mode == "categorical" else str
        if not all(isinstance(label, kinds) for label in labels):
            raise TypeError(f"For class_mode={self.class_mode!r} all values of the column y_col={y_col!r} must be "
                            f"strings (or lists of them, if 'categorical').")
        classes = list(dict.fromkeys(classes or sorted({one for label in labels for one in _each(label)})))
        if self.class_mode == "binary" and len(classes) != 2:
            raise ValueError(f"class_mode='binary' needs two classes, but y_col={y_col!r} has {len(classes)}.")
        return {name: index for index, name in enumerate(classes)}

    def get_classes(self, df, y_col):
        """The numbers of the labels in a column: ints, or lists of ints for lists of labels."""
        number = self.class_indices
        return [number[label] if isinstance(label, str) else [number[one] for one in label if one in number]
                for label in df[y_col]]  # fmt: skip


def _each(label):
    return [label] if isinstance(label, str) else label
