"""HDF5 files as trees of arrays and text, and arrays of training data in them."""
import builtins
import io
import os
from collections import defaultdict

import numpy as np

from .files import DamagedFileError, check_sum, checksum
from .hdf5 import Dataset, Group, check_content, open_hdf5


def import_h5py():
    """The package h5py. Raises ImportError that says how to install it."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError("HDF5 files need the package h5py: pip install 'minikeras-multibackend[h5]'.") from error
    return h5py


def is_h5py_group(value):
    """Whether value is an h5py Group or File (never, where h5py is not installed)."""
    return type(value).__module__.startswith("h5py") and hasattr(value, "attrs") and hasattr(value, "create_group")


def ask_to_proceed_with_overwrite(filepath):
    """Ask on the terminal whether the file may be overwritten. Returns True or False."""
    question = f"[WARNING] {filepath} already exists - overwrite? [y/n] "
    answer = ""
    while answer not in ("y", "n"):
        answer = builtins.input(question).strip().lower()
        question = 'Enter "y" (overwrite) or "n" (cancel). '
    return answer == "y"


# HDF5 keeps an attribute in the header of its object, which holds 64 KB.
HDF5_OBJECT_HEADER_LIMIT = 64512
# zlib, the strongest compression in common use, cannot shrink data more than 1032-fold.
_GREATEST_COMPRESSION = 1100
_SMALL_ENOUGH = 1 << 26
_CHECKSUM = "crc32"                    # the attribute of a data set; Keras looks at none


def write_list(attrs, name, values):
    """Write a list of strings or numbers as the attribute `name`; a long one in several attributes name0, name1, ...

    Raises RuntimeError when one value alone is too long.
    """
    values = [v.encode("utf8") if isinstance(v, str) else v for v in values]
    too_long = [v for v in values if isinstance(v, bytes) and len(v) > HDF5_OBJECT_HEADER_LIMIT]
    if too_long:
        raise RuntimeError(f"The attribute {name!r} cannot be saved: HDF5 takes names up to {HDF5_OBJECT_HEADER_LIMIT} "
                           f"bytes, but these are longer: {', '.join(repr(v[:60]) for v in too_long)}...")
    array = np.asarray(values)
    chunks = [array]
    while any(chunk.nbytes > HDF5_OBJECT_HEADER_LIMIT for chunk in chunks):
        chunks = np.array_split(array, len(chunks) + 1)
    for i, chunk in enumerate(chunks):
        attrs[name if len(chunks) == 1 else f"{name}{i}"] = chunk


def read_list(attrs, name):
    """The list that write_list wrote, None where there is none."""
    if name in attrs:
        return np.asarray(attrs[name]).tolist()
    values, i = [], 0
    while f"{name}{i}" in attrs:
        values.extend(np.asarray(attrs[f"{name}{i}"]).tolist())
        i += 1
    return values if i else None


def _member(group, path):
    """The member of a group, of h5py or of ours, at a path, None if there is none. Links are refused."""
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if group is None or hasattr(group, "dtype"):
            return None
        group = _child_of_h5py(group, part) if is_h5py_group(group) else group.child(part)
    return group


def _child_of_h5py(group, name):
    link = group.get(name, getlink=True)
    if type(link).__name__ not in ("HardLink", "NoneType"):
        raise DamagedFileError(f"{group.file.filename}: {group.name}/{name} is a link ({type(link).__name__}). Files "
                               f"with links are not loaded; copy the data into the file instead.")
    return None if link is None else group[name]


def _read_dataset(dataset):
    """The array of a data set, of h5py or of ours, after a look at its checksum."""
    if not isinstance(dataset, Dataset):
        where = f"{dataset.file.filename}: the data set {dataset.name}"
        return check_sum(_read_h5py_dataset(dataset, where), dataset.attrs.get(_CHECKSUM), where)
    return check_sum(dataset.read(), dataset.attrs.get(_CHECKSUM), dataset.where)


def _read_h5py_dataset(dataset, where):
    check_content(where, dataset, elsewhere=dataset.is_virtual or dataset.external)
    claimed, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if claimed > max(_SMALL_ENOUGH, _GREATEST_COMPRESSION * stored):
        raise DamagedFileError(f"{where} of shape {dataset.shape} claims {claimed:,} bytes, but the file has "
                               f"{stored:,} of it. It is damaged, or made to fill the memory.")
    return dataset[()]


def open_group(file, name, trusted=False):
    """The root group of an HDF5 file, by pyfive or, if it is trusted, by h5py.

    file: its name, or a seekable binary stream. name: for messages.
    """
    if trusted:
        return import_h5py().File(file, "r")
    stream = open(file, "rb") if isinstance(file, (str, bytes, os.PathLike)) else file  # noqa: SIM115 (till close)
    try:
        return open_hdf5(stream, name)
    except BaseException:
        stream.close()
        raise


class H5Dict:
    """A tree of arrays, lists and strings, with the face of a dict, in an HDF5 file, an h5py group or a dict.

    path: name of a file, an h5py.Group, or a dict. mode: as for h5py.File ('r', 'w', 'a').
    Arrays become datasets, each with a checksum, which is verified when it is read; strings, numbers and lists become
    attributes (long lists in several). Reading a name that is not there makes a new group of that name, except in mode
    'r' (KeyError). Raises TypeError for another kind of path, DamagedFileError for what is damaged.
    """

    def __init__(self, path, mode="a"):
        self.read_only, self._is_file = mode == "r", False
        if isinstance(path, (dict, Group)) or is_h5py_group(path):
            self.data = path
        elif isinstance(path, (str, bytes, os.PathLike)):
            self.data = open_group(path, os.fsdecode(path)) if mode == "r" else import_h5py().File(path, mode)
            self._is_file = True
        else:
            raise TypeError(f"H5Dict: expected the name of a file, an h5py.Group or a dict, got {type(path).__name__}.")

    @staticmethod
    def is_supported_type(path):
        """Whether H5Dict takes this: a dict, an h5py.Group, or a name that is no open file."""
        return isinstance(path, (dict, str, bytes, os.PathLike)) or is_h5py_group(path)

    def __setitem__(self, name, value):
        if self.read_only:
            raise ValueError(f"H5Dict: {name!r} cannot be set in read-only mode.")
        if name in self:
            raise KeyError(f"H5Dict: there is something named {name!r} already.")
        if isinstance(self.data, dict):
            self.data[name] = value
        elif isinstance(value, (list, tuple)):
            write_list(self.data.attrs, name, value)
        elif isinstance(value, (np.ndarray, np.generic)):
            dataset = self.data.create_dataset(name, data=value)
            if value.dtype.kind in "biufc":
                dataset.attrs[_CHECKSUM] = np.uint32(checksum(value))
        else:
            # As bytes, since the readers of that time expect them.
            self.data.attrs[name] = value.encode("utf8") if isinstance(value, str) else value

    def __getitem__(self, name):
        found = self._find(name)
        if found is None and name not in self:
            if self.read_only:
                raise KeyError(f"H5Dict: there is nothing named {name!r} here.")
            found = self.data.setdefault(name, {}) if isinstance(self.data, dict) else self.data.create_group(name)
        is_tree = isinstance(found, (dict, Group)) or is_h5py_group(found)
        return H5Dict(found, "r" if self.read_only else "a") if is_tree else found

    def _find(self, name):
        """What has this name: a dict or a group, an array, a list or a single value. None where there is nothing."""
        if isinstance(self.data, dict):
            return self.data.get(name)
        attrs = self.data.attrs
        item = None if name in attrs else _member(self.data, name)
        if item is not None:
            return _read_dataset(item) if hasattr(item, "dtype") else item
        value = attrs.get(name)
        if value is None or getattr(value, "ndim", 0):
            return read_list(attrs, name)
        # h5py marks bytes that are no UTF-8 by surrogates: give back the bytes, whoever wants text sees what is wrong.
        return value.encode("utf8", "surrogateescape") if isinstance(value, str) else value

    def __contains__(self, name):
        if isinstance(self.data, dict):
            return name in self.data
        return name in self.data.attrs or f"{name}0" in self.data.attrs or _member(self.data, name) is not None

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return iter(self.data)

    def iter(self):
        """The names of groups and arrays."""
        return iter(self.data)

    def get(self, key, default=None):
        return self[key] if key in self else default  # noqa: SIM401

    def update(self, *args):
        """Set several values: from dicts, or from lists of (name, value)."""
        for values in args:
            for name, value in dict(values).items():
                self[name] = value

    def close(self):
        if self._is_file:
            self.data.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


h5dict = H5Dict


def save_to_binary_h5py(save_function, stream):
    """Call save_function on an h5py file in memory, and write its bytes to a binary stream."""
    buffer = io.BytesIO()
    with import_h5py().File(buffer, "w") as file:
        result = save_function(file)
    stream.write(buffer.getvalue())
    return result


def load_from_binary_h5py(load_function, stream):
    """What load_function returns for the h5py file whose bytes a binary stream holds."""
    with import_h5py().File(io.BytesIO(stream.read()), "r") as file:
        return load_function(file)


class HDF5Matrix:
    """Rows [start, end) of a dataset in an HDF5 file, read when they are used; `fit` takes it as an array.

    datapath: the file. dataset: name of the dataset. normalizer: function applied to what is read.
    Shuffled training on it should use shuffle='batch'. Raises IndexError for rows out of range.
    """

    refs = defaultdict(int)          # the open files, shared by their matrices

    def __init__(self, datapath, dataset, start=0, end=None, normalizer=None):
        if datapath not in self.refs:
            self.refs[datapath] = import_h5py().File(datapath, "r")
        self.data = self.refs[datapath][dataset]
        self.start, self.end = start, self.data.shape[0] if end is None else end
        self.normalizer = normalizer

    def __len__(self):
        return self.end - self.start

    def __getitem__(self, key):
        if isinstance(key, slice):
            if max(key.start or 0, key.stop or 0) > len(self):
                raise IndexError(f"HDF5Matrix: the slice {key.start}:{key.stop} is out of range for {len(self)} rows.")
            first, last, step = key.indices(len(self))
            rows = self.data[self.start + first:self.start + max(first, last):step]
        elif np.ndim(key) == 0:
            rows = self.data[self._rows(np.asarray([key]))[0]]
        else:
            # h5py wants each row once, in order.
            wanted, where = np.unique(self._rows(np.asarray(key)), return_inverse=True)
            rows = self.data[wanted][where]
        return rows if self.normalizer is None else self.normalizer(rows)

    def _rows(self, indices):
        if indices.size and not -len(self) <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"HDF5Matrix: rows {indices.min()} to {indices.max()} are out of range for "
                             f"{len(self)} rows.")
        return np.where(indices < 0, indices + len(self), indices).astype("int64") + self.start

    @property
    def shape(self):
        return (len(self), *(np.shape(self[0]) if self.normalizer and len(self) else self.data.shape[1:]))

    @property
    def dtype(self):
        return self[0:1].dtype if self.normalizer and len(self) else self.data.dtype

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return int(np.prod(self.shape))
