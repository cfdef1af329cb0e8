"""Event files, which TensorBoard reads: a record an event, in the wire format of Protocol Buffers.

Source: tensorflow/core/util/event.proto, framework/summary.proto and graph.proto for the fields; RFC 3720, B.4 for the
checksum CRC-32C; RFC 2083 for PNG.
"""
import os
import platform
import struct
import time
import zlib

import numpy as np


def _crc_table(polynomial=0x82F63B78):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (polynomial if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data):
    """The checksum CRC-32C of bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _masked_crc(data):
    # Turned by 15 bits and shifted by a constant, since a checksum over data with checksums in it says little.
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def _field(number, value, kind):
    """A field of a message. kind: 'int', 'float', 'double', or 'bytes' for text, messages and packed lists."""
    if kind == "int":
        return _varint(number << 3) + _varint(value & 0xFFFFFFFFFFFFFFFF)
    if kind == "double":
        return _varint(number << 3 | 1) + struct.pack("<d", value)
    if kind == "float":
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _histogram(values, bins=30):
    values = np.asarray(values, "float64").ravel()
    values = values[np.isfinite(values)]
    counts, edges = np.histogram(values, bins)
    facts = (values.min(initial=0.0), values.max(initial=0.0), values.size, values.sum(), (values ** 2).sum())
    return (b"".join(_field(i, float(fact), "double") for i, fact in enumerate(facts, 1))
            + _field(6, edges[1:].astype("<f8").tobytes(), "bytes")
            + _field(7, counts.astype("<f8").tobytes(), "bytes"))


def _png(picture):
    """The bytes of a PNG file. picture: [height, width], uint8, grey."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = picture.shape
    lines = b"".join(b"\0" + line.tobytes() for line in picture)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def _image(array):
    """The values [height, width] of an array as grey, from the least (black) to the greatest (white)."""
    array = np.nan_to_num(np.asarray(array, "float64"))
    span = np.ptp(array) or 1.0
    picture = np.rint(255 * (array - array.min(initial=array.max(initial=0.0))) / span).astype("uint8")
    return (_field(1, array.shape[0], "int") + _field(2, array.shape[1], "int") + _field(3, 1, "int")
            + _field(4, _png(picture), "bytes"))


def _node(name, kind, inputs, shapes):
    """A node of a graph. shapes: those of its outputs."""
    sizes = [[_field(2, _field(1, -1 if n is None else n, "int"), "bytes") for n in shape] for shape in shapes]
    listed = _field(1, b"".join(_field(7, b"".join(dims), "bytes") for dims in sizes), "bytes")
    attribute = _field(1, b"_output_shapes", "bytes") + _field(2, listed, "bytes")
    return (_field(1, name.encode(), "bytes") + _field(2, kind.encode(), "bytes")
            + b"".join(_field(3, item.encode(), "bytes") for item in inputs) + _field(5, attribute, "bytes"))


class EventWriter:
    """Writes scalars, histograms, images and graphs into a new event file in the folder `log_dir`."""

    def __init__(self, log_dir):
        os.makedirs(log_dir, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{platform.node()}.{os.getpid()}.{os.urandom(3).hex()}"
        self.file = open(os.path.join(log_dir, name), "wb")  # noqa: SIM115 (till close)
        self._event(_field(3, b"brain.Event:2", "bytes"))

    def scalars(self, values, step):
        """Write a dict of numbers at a step."""
        self._summary([(name, _field(2, float(value), "float")) for name, value in values.items()], step)

    def histograms(self, arrays, step):
        """Write the histograms of a dict of arrays at a step."""
        self._summary([(name, _field(5, _histogram(array), "bytes")) for name, array in arrays.items()], step)

    def images(self, arrays, step):
        """Write a dict of arrays [height, width] as grey images at a step."""
        self._summary([(name, _field(4, _image(array), "bytes")) for name, array in arrays.items()], step)

    def graph(self, nodes):
        """Write a graph: [(name, kind, names of what it reads, shapes of its outputs), ...]."""
        written = [_field(1, _node(*node), "bytes") for node in nodes]
        self._event(_field(4, b"".join(written) + _field(4, _field(1, 22, "int"), "bytes"), "bytes"))

    def _summary(self, tagged, step):
        values = [_field(1, _field(1, name.encode(), "bytes") + value, "bytes") for name, value in tagged]
        self._event(_field(2, int(step), "int") + _field(5, b"".join(values), "bytes"))

    def _event(self, content):
        event = _field(1, time.time(), "double") + content
        length = struct.pack("<Q", len(event))
        self.file.write(length + _masked_crc(length) + event + _masked_crc(event))
        self.file.flush()

    def close(self):
        self.file.close()
