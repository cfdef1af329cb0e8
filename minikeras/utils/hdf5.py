"""HDF5 files from strangers, read by pyfive, which is Python: nothing they hold can crash the process or run.

pyfive reads what describes the data, the data themselves are read here. No second file is opened. How much is read of
the descriptions, the time that this takes, and the memory of all arrays together are limited by the size of the file.
"""
import functools
import math
import os
import struct
import time
import zlib
from contextlib import contextmanager

import numpy as np

from .files import DamagedFileError, damages

_SPARE = 1 << 22                       # what a file may have of anything, whatever its size
_ARRAYS = 1 << 26                      # and of arrays
_GZIP, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_NO_ADDRESS = (1 << 64) - 1
_EXTERNAL_FILES = 7                    # type of the header message that says in which other files the data are
_TRUSTED = "If you know where the file comes from, load it with trusted=True, by h5py."


def open_hdf5(file, name):
    """The root Group of an HDF5 file. file: binary, seekable. name: for messages. Raises DamagedFileError."""
    try:
        import pyfive.misc_low_level as pyfive
    except ImportError as error:
        raise ImportError("HDF5 files need pyfive and h5py: pip install 'minikeras-multibackend[h5]'.") from error
    source = _Source(file, name)
    with damages(name):
        if source.read(8) != pyfive.FORMAT_SIGNATURE:
            raise ValueError("it does not begin with the signature of HDF5")
        block = pyfive.SuperBlock(source, 0)
        end, base = block._contents["end_of_file_address"], block._contents["base_address"]
        if base or end > source.size:
            raise ValueError(f"it should begin at byte {base} and have {end:,} bytes, but it has {source.size:,}")
        root = block.offset_to_dataobjects
    return source.item(root, "/")


class _Source:
    """The file as pyfive sees it. An honest file's description is read about once, so its size limits what is read."""

    closed = False

    def __init__(self, file, name):
        self.file, self.name, self.items, self.heaps = file, name, {}, {}
        self.size, self.position = file.seek(0, os.SEEK_END), 0
        self.left, self.arrays = self.size + _SPARE, 2 * self.size + _ARRAYS
        self.deadline = time.thread_time() + 5 + self.size / 2e6       # s; honest files need a tenth of it

    def seek(self, offset, whence=os.SEEK_SET):
        self.position = offset if whence == os.SEEK_SET else self.size + offset

    def tell(self):
        return self.position

    def read(self, n):
        n = max(0, min(n, self.size - self.position))
        self.charge(n)
        self.file.seek(min(self.position, self.size))
        self.position += n
        return self.file.read(n)

    def charge(self, n):
        """Count n bytes of description. The time is looked at too, since going through a few may take long."""
        self.left -= n
        if self.left < 0 or time.thread_time() > self.deadline:
            raise DamagedFileError(f"{self.name}: there is more to read in the descriptions of the data than the file "
                                   f"can have. It is damaged, or made to keep a reader busy.")

    @contextmanager
    def at_most(self, n):
        """Let no more than n bytes of description be read in the block."""
        spared = max(0, self.left - n)
        self.left -= spared
        yield
        self.left += spared

    def read_into(self, array, offset):
        """Fill an array with the bytes of the file from offset on."""
        self.file.seek(offset)
        if self.file.readinto(array.reshape(-1).view("uint8")) != array.nbytes:
            raise ValueError("the file ends before it")

    def item(self, address, name):
        """The Group or Dataset at an address."""
        if address not in self.items:
            with damages(f"{self.name}: {name}"):
                self.seek(address)
                # Newer headers may have messages of 4 bytes, of which pyfive makes more than a hundredfold.
                with self.at_most(1 << 20 if self.read(1) == b"O" else 1 << 24):
                    header = _header_class()(self, address, global_heaps=self.heaps)
                kind = Dataset if header.is_dataset else Group
                self.items[address] = kind(self, name, header)
        return self.items[address]


@functools.cache
def _header_class():
    from pyfive.btree import BTreeV1Groups
    from pyfive.dataobjects import DataObjects
    from pyfive.misc_low_level import Heap, SymbolTable
    from pyfive.p5t import P5SequenceType, P5VlenStringType

    class Header(DataObjects):
        """The header of an object, by pyfive, with limits where a few bytes could ask for much. fh: a _Source."""

        def _attr_value(self, ptype, buf, count, offset):
            size = 16 if isinstance(ptype, P5VlenStringType) else max(1, ptype.dtype.itemsize)
            if isinstance(ptype, P5SequenceType) or count * size > len(buf) - offset:
                raise ValueError("an attribute is neither text nor numbers, or longer than what holds it")
            value = super()._attr_value(ptype, buf, count, offset)
            self.fh.charge(sum(len(text or b"") for text in value) if size == 16 and value.dtype == "O" else 0)
            return value

        def _parse_attribute_msg(self, buffer, offset):
            self.fh.charge(0 if offset else len(buffer))            # offset 0: from a heap, where many may be the same
            return super()._parse_attribute_msg(buffer, offset)

        def _decode_link_msg(self, data, offset):
            self.fh.charge(0 if offset else len(data))
            if data[offset + 1] & 8 and data[offset + 2] > 1:       # links to other files are written as soft links are
                data = data[:offset + 2] + b"\1" + data[offset + 3:]
            return super()._decode_link_msg(data, offset)

        def _iter_links_btree_v1(self, btree_address, heap_address):
            names = Heap(self.fh, heap_address).data
            for address in BTreeV1Groups(self.fh, btree_address).symbol_table_addresses():
                for entry in SymbolTable(self.fh, address).entries:
                    start = entry["link_name_offset"]
                    end = names.index(b"\0", start)
                    self.fh.charge(end - start)
                    yield names[start:end].decode(), entry["object_header_address"] if entry["cache_type"] < 2 else "?"

    return Header


def check_content(where, dataset, elsewhere):
    """Raise DamagedFileError for a data set that has its data `elsewhere`, in another file, or holds no numbers."""
    if elsewhere:
        raise DamagedFileError(f"{where} takes its data from another file. Such files are not loaded.")
    if dataset.shape is None or dataset.dtype.kind not in "biufS":
        raise DamagedFileError(f"{where} holds {dataset.dtype}, but numbers were expected.")


class Group:
    """A group: its attributes `attrs`, and by child(name) the groups and data sets in it."""

    def __init__(self, source, name, header):
        self.source, self.name = source, name
        self.attrs, self.links = header.get_attributes(), dict(header.iter_links())

    def __len__(self):
        return len(self.links)

    def __iter__(self):
        return iter(self.links)

    def child(self, name):
        """The Group or Dataset of this name, None if there is none. Links are refused."""
        address = self.links.get(name)
        path = f"{self.name.rstrip('/')}/{name}"
        if isinstance(address, str):
            raise DamagedFileError(f"{self.source.name}: {path} is a link. Files with links are not loaded; copy the "
                                   f"data into the file instead.")
        return None if address is None else self.source.item(address, path)

    def close(self):
        self.source.file.close()


class Dataset:
    """A data set, described; read() reads it."""

    def __init__(self, source, name, header):
        self.source, self.name, self.attrs = source, name, header.get_attributes()
        self.where = f"{source.name}: the data set {name}"
        self.shape, self.dtype = header.shape, header.ptype.dtype
        self.filters = header.filter_pipeline or []
        _, self.layout, at = header.get_id_storage_params()
        self.elsewhere = self.layout == 3 or bool(header.find_msg_type(_EXTERNAL_FILES))
        self.address, self.content, self.chunks, self.fill = _NO_ADDRESS, None, None, 0
        if self.layout == 0:
            size, = struct.unpack_from("<H", header.msg_data, at)
            self.content = header.msg_data[at + 2:at + 2 + size]
        elif self.layout == 1:
            self.address, = struct.unpack_from("<Q", header.msg_data, at)
        elif self.layout == 2:
            self.chunks, self.address = header.chunks, header._chunk_address
        if self.address == _NO_ADDRESS or self.chunks:
            self.fill = header.fillvalue

    def read(self):
        """The array. Raises DamagedFileError, before it takes any memory, when the file cannot have it."""
        check_content(self.where, self, self.elsewhere)
        unknown = {entry["filter_id"] for entry in self.filters} - {_GZIP, _SHUFFLE, _FLETCHER32}
        if unknown:
            raise DamagedFileError(f"{self.where} went through filters that are not known here: {unknown}. {_TRUSTED}")
        with damages(self.where):
            self._claim(math.prod(self.shape) * self.dtype.itemsize)
            if self.chunks and self.address != _NO_ADDRESS and math.prod(self.shape):
                return self._read_chunks()
            if self.address == _NO_ADDRESS and self.content is None:
                return np.full(self.shape, self.fill, self.dtype)
            array = np.empty(self.shape, self.dtype)
            if self.content is None:
                self.source.read_into(array, self.address)
            else:
                array.reshape(-1).view("uint8")[:] = np.frombuffer(self.content, "uint8")
            return array

    def _claim(self, n):
        self.source.arrays -= n
        if self.source.arrays < 0:
            raise DamagedFileError(f"{self.where} of shape {self.shape} claims {n:,} bytes, but the whole file has "
                                   f"{self.source.size:,}. It is damaged, or made to fill the memory. {_TRUSTED}")

    def _read_chunks(self):
        from pyfive.btree import BTreeV1RawDataChunks
        size = math.prod(self.chunks) * self.dtype.itemsize
        grid = [range(0, n, c) for n, c in zip(self.shape, self.chunks, strict=True)]
        self._claim(size)
        with self.source.at_most(_SPARE):
            tree = BTreeV1RawDataChunks(self.source, self.address, len(self.shape) + 1)
        stored = {key["chunk_offset"][:-1]: (key, address) for node in tree.all_nodes[0]
                  for key, address in zip(node["keys"], node["addresses"], strict=True)}
        self._claim(max(0, size * len(stored) - math.prod(self.shape) * self.dtype.itemsize))
        if sum(key["chunk_size"] for key, _ in stored.values()) > self.source.size:
            raise ValueError("its parts have more bytes than the file")
        array = np.full(self.shape, self.fill, self.dtype)
        for corner, (key, address) in stored.items():
            if not all(i in axis for i, axis in zip(corner, grid, strict=True)):
                raise ValueError(f"there is no place for a part at {corner}")
            data = np.empty(key["chunk_size"], "uint8")
            self.source.read_into(data, address)
            part = np.frombuffer(self._unpacked(data, key["filter_mask"], size), self.dtype).reshape(self.chunks)
            place = array[tuple(slice(i, i + c) for i, c in zip(corner, self.chunks, strict=True))]
            place[...] = part[tuple(map(slice, place.shape))]
        return array

    def _unpacked(self, data, mask, size):
        from pyfive.btree import BTreeV1RawDataChunks
        for i, entry in reversed(list(enumerate(self.filters))):
            if mask >> i & 1:
                continue
            if entry["filter_id"] == _GZIP:
                data = zlib.decompressobj().decompress(data, size + 4)      # 4: of a checksum
            else:
                data = BTreeV1RawDataChunks._filter_chunk(bytes(data), 0, [entry], self.dtype.itemsize)
        return data
