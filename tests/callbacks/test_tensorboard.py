"""Event files, read back by the format's own rules."""
import struct

import numpy as np
import pytest

from minikeras.callbacks import TensorBoard
from minikeras.callbacks.events import EventWriter, _masked_crc, crc32c
from minikeras.layers import Dense
from minikeras.models import Sequential


def fields(message):
    """[(number, value)] of a message in the wire format."""
    found, at = [], 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            found.append((number, varint()))
            continue
        size = {1: 8, 5: 4}.get(kind) or varint()
        found.append((number, message[at:at + size]))
        at += size
    return found


def events(folder):
    """[(step, {tag: number or histogram fields})] of the only event file in a folder."""
    data, read = next(folder.iterdir()).read_bytes(), []
    while data:
        length = struct.unpack("<Q", data[:8])[0]
        assert data[8:12] == _masked_crc(data[:8])
        event, data = data[12:12 + length], data[12 + length:]
        assert data[:4] == _masked_crc(event)
        data = data[4:]
        content = dict(fields(event))
        values = [dict(fields(value)) for _, value in fields(content.get(5, b""))]
        read.append((content.get(2), {v[1].decode(): struct.unpack("<f", v[2])[0] if 2 in v else dict(fields(v[5]))
                                      for v in values}))
    return read


def test_the_checksum_is_the_standard_one():
    assert crc32c(b"123456789") == 0xE3069283


def test_scalars_and_histograms_are_written(tmp_path):
    writer = EventWriter(tmp_path)
    writer.scalars({"loss": 0.5, "acc": np.float32(2)}, 300)
    writer.histograms({"w": np.arange(10)}, 1)
    writer.close()
    version, scalars, histograms = events(tmp_path)
    assert version == (None, {})
    assert scalars == (300, {"loss": 0.5, "acc": 2.0})
    histogram = histograms[1]["w"]
    assert [struct.unpack("<d", histogram[i])[0] for i in range(1, 6)] == [0, 9, 10, 45, 285]
    assert np.frombuffer(histogram[7]).sum() == 10


@pytest.mark.parametrize(("update_freq", "steps"), [("epoch", [0, 1]), ("batch", [4, 8, 10, 10, 14, 18, 20, 20]),
                                                    (8, [8, 10, 18, 20])])
def test_the_callback_writes_as_often_as_told(tmp_path, update_freq, steps):
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    board = TensorBoard(str(tmp_path), update_freq=update_freq)
    history = model.fit(np.ones((10, 3)), np.ones((10, 1)), batch_size=4, epochs=2, verbose=0, callbacks=[board])
    written = events(tmp_path)[1:]
    assert [step or 0 for step, _ in written] == steps
    assert written[-1][1]["loss"] == pytest.approx(history.history["loss"][-1])


def test_the_callback_writes_histograms_of_the_weights(tmp_path):
    model = Sequential([Dense(1, input_shape=(3,), name="d")])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, callbacks=[TensorBoard(str(tmp_path), histogram_freq=1)])
    assert set(events(tmp_path)[-1][1]) == {"d/kernel:0", "d/bias:0"}


def test_what_is_not_offered_is_refused():
    with pytest.raises(ValueError, match="write_images"):
        TensorBoard(write_images=True)
