"""Event files, which TensorBoard reads: a record an event, in the wire format of Protocol Buffers.

Source: tensorflow/core/util/event.proto and summary.proto for the fields; RFC 3720, B.4 for the checksum CRC-32C.
"""
import os
import socket
import struct
import time

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
        return _varint(number << 3) + _varint(value)
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


class EventWriter:
    """Writes scalars and histograms into a new event file in the folder `log_dir`."""

    def __init__(self, log_dir):
        os.makedirs(log_dir, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{os.urandom(3).hex()}"
        self.file = open(os.path.join(log_dir, name), "wb")  # noqa: SIM115 (till close)
        self._event(_field(3, b"brain.Event:2", "bytes"))

    def scalars(self, values, step):
        """Write a dict of numbers at a step."""
        self._summary([(name, _field(2, float(value), "float")) for name, value in values.items()], step)

    def histograms(self, arrays, step):
        """Write the histograms of a dict of arrays at a step."""
        self._summary([(name, _field(5, _histogram(array), "bytes")) for name, array in arrays.items()], step)

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
