"""Weights in files of the format safetensors: a JSON text that lists the arrays, then their bytes.

An array is named layer/weight. What else our files know is in `__metadata__`, which takes text only: the names of
layers and weights in order, and the checksums. Source: github.com/huggingface/safetensors, "Format".
"""
import json
import math
import os
import struct

import numpy as np

from ..utils.files import check_sum, checksum, damages

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
           "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"}
_NAMES = {code: name for name, code in _DTYPES.items() if name != "BF16"}
_LONGEST_HEADER = 1 << 24              # bytes


def write_safetensors(file, weights):
    """Write weights, a dict as save_weights_to_hdf5_group makes it, to a binary file."""
    header, arrays, sums, end = {}, [], {}, 0
    for layer in weights["layer_names"]:
        for name in weights[layer]["weight_names"]:
            array = np.asarray(weights[layer][name])
            array = array.astype(array.dtype.newbyteorder("<"), "C", copy=False)
            code = array.dtype.str.replace("|b1", "?").replace("|", "")
            key, start, end = f"{layer}/{name}", end, end + array.nbytes
            header[key] = {"dtype": _NAMES[code], "shape": array.shape, "data_offsets": [start, end]}
            arrays.append(array)
            sums[key] = checksum(array)
    facts = {name: weights[name] for name in ("keras_version", "backend")}
    facts["layers"] = json.dumps({layer: weights[layer]["weight_names"] for layer in weights["layer_names"]})
    text = json.dumps({"__metadata__": {**facts, "crc32": json.dumps(sums)}, **header}).encode()
    text += b" " * (-len(text) % 8)    # the arrays begin at a multiple of 8
    for part in (struct.pack("<Q", len(text)), text, *arrays):
        file.write(part)


def read_safetensors(file, name):
    """The weights in a binary file, as a dict for load_weights_from_hdf5_group. name: for messages.

    In files without the metadata, what is before the first slash is the layer. Raises DamagedFileError.
    """
    with damages(name):
        size, _ = file.seek(0, os.SEEK_END), file.seek(0)
        length, = struct.unpack("<Q", file.read(8))
        if length > min(size - 8, _LONGEST_HEADER):
            raise ValueError(f"its header should have {length:,} bytes, but the file has {size:,}")
        header = json.loads(file.read(length))
        facts = header.pop("__metadata__", {})
        arrays = _read_arrays(file, header, size - 8 - length)
        for key, expected in json.loads(facts.get("crc32", "{}")).items():
            check_sum(arrays[key], expected, f"{name}: {key}")
        layers = json.loads(facts.get("layers", "null")) or _layers_of(header)
        weights = {layer: {"weight_names": names, **{n: arrays[f"{layer}/{n}"] for n in names}}
                   for layer, names in layers.items()}
        return {"layer_names": list(layers), "keras_version": str(facts.get("keras_version", "2")),
                "backend": str(facts.get("backend", "tensorflow")), **weights}


def _read_arrays(file, header, size):
    """The arrays that the header lists. They fill the file, one after the other: none can claim what is not there."""
    arrays, end = {}, 0
    for key, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(map(int, entry["shape"]))
        (start, stop), claimed = entry["data_offsets"], math.prod(shape) * dtype.itemsize
        if start != end or stop > size or min(shape, default=0) < 0 or stop - start != claimed:
            raise ValueError(f"{key} of shape {shape} cannot be at {start} to {stop} of {size:,} bytes")
        array, end = np.empty(shape, dtype), stop
        if file.readinto(array.reshape(-1).view("uint8")) != array.nbytes:
            raise ValueError(f"it ends before {key}")
        # The other half of a float32 is the upper half of its bits.
        arrays[key] = (array.astype("u4") << 16).view("f4") if entry["dtype"] == "BF16" else array
    if end != size:
        raise ValueError(f"its arrays should have {end:,} bytes, but {size:,} are there")
    return arrays


def _layers_of(keys):
    layers = {}
    for key in keys:
        layer, slash, name = key.partition("/")
        if not slash:
            raise ValueError(f"the name {key} is not of the form layer/weight")
        layers.setdefault(layer, []).append(name)
    return layers
