"""Event files, read back by the format's own rules."""
import io
import struct

import numpy as np
import pytest
from PIL import Image

from minikeras.callbacks import TensorBoard
from minikeras.callbacks.events import EventWriter, _masked_crc, crc32c
from minikeras.callbacks.tensorboard_v1 import _images_of
from minikeras.layers import Conv2D, Dense, Dropout, Embedding, Flatten
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


def messages(folder):
    """The fields of each event of the only event file in a folder, its checksums checked."""
    (path,) = folder.glob("events*")
    data = path.read_bytes()
    while data:
        length = struct.unpack("<Q", data[:8])[0]
        assert data[8:12] == _masked_crc(data[:8])
        event, data = data[12:12 + length], data[12 + length:]
        assert data[:4] == _masked_crc(event)
        data = data[4:]
        yield fields(event)


def events(folder):
    """[(step, {tag: number, histogram fields or image fields})]"""
    read = []
    for event in messages(folder):
        content = dict(event)
        if 4 not in content:
            values = [dict(fields(value)) for _, value in fields(content.get(5, b""))]
            read.append((content.get(2), {v[1].decode(): struct.unpack("<f", v[2])[0] if 2 in v else
                                          dict(fields(v.get(5) or v[4])) for v in values}))
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


def graph_of(folder):
    """{name: (kind, inputs, [shape of each output])} of the graph in the event file."""
    graph = next(dict(event)[4] for event in messages(folder) if 4 in dict(event))
    nodes = {}
    for number, message in fields(graph):
        if number == 1:
            node = fields(message)
            attribute = dict(fields(dict(node)[5]))
            assert attribute[1] == b"_output_shapes"
            listed = fields(fields(attribute[2])[0][1])
            shapes = [[dict(fields(dim))[1] for _, dim in fields(shape)] for _, shape in listed]
            inputs = [value.decode() for key, value in node if key == 3]
            nodes[dict(node)[1].decode()] = (dict(node)[2].decode(), inputs, shapes)
    return nodes


def test_the_graph_is_written_in_boxes_of_layers(tmp_path):
    model = Sequential([Dense(2, input_shape=(3,), name="first", activation="relu"), Dropout(0.5, name="drop"),
                        Dense(1, name="last")])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, callbacks=[TensorBoard(tmp_path)])
    nodes = graph_of(tmp_path)
    assert all(source.split(":")[0] in nodes for _, inputs, _ in nodes.values() for source in inputs)
    assert nodes["first/kernel"] == ("Variable", [], [[3, 2]])
    _, inputs, shapes = nodes["first/matmul"]
    assert inputs[1:] == ["first/kernel"]
    assert shapes == [[2**64 - 1, 2]]  # -1: not known
    assert {name.split("/")[0] for name in nodes} >= {"first", "drop", "last", "loss"}


def test_outputs_gradients_and_images_come_with_validation_data(backend, tmp_path):
    model = Sequential([Conv2D(4, 3, input_shape=(5, 5, 2), name="conv"), Flatten(name="flat"), Dense(1, name="last")])
    model.compile("sgd", "mse")
    x, y = np.random.normal(size=(6, 5, 5, 2)), np.ones((6, 1))
    board = TensorBoard(tmp_path, histogram_freq=2, batch_size=4, write_grads=True, write_images=True)
    model.fit(x, y, verbose=0, callbacks=[board], validation_data=(x, y), epochs=2)
    histograms, images = [values for step, values in events(tmp_path) if len(values) > 2]
    weights = {w.name for w in model.weights}
    assert set(histograms) == {*weights, *(f"{w}_grad" for w in weights), "conv_out", "flat_out", "last_out"}
    assert struct.unpack("<d", histograms["last_out"][3]) == (4,)
    picture = Image.open(io.BytesIO(images["last/kernel:0"][4]))
    assert picture.size == (36, 1)
    assert picture.getextrema() == (0, 255)
    assert {tag for tag in images if "conv/bias" not in tag} == {"last/kernel:0", "last/bias:0"}
    with pytest.raises(ValueError, match="write_grads needs arrays"):
        model.fit(x, y, verbose=0, callbacks=[board])


def test_kernels_of_convolutions_are_shown_by_slices():
    kernel = np.random.normal(size=(3, 2, 1, 8))
    shown = dict(_images_of("k", kernel))
    assert list(shown) == ["k/0", "k/1", "k/2"]
    np.testing.assert_array_equal(shown["k/1"], kernel[:, :, 0, 1])
    assert [array.shape for _, array in _images_of("d", np.ones((5, 2)))] == [(2, 5)]
    assert not list(_images_of("c", np.ones((2, 3, 4, 5))))


def test_embeddings_are_written_for_the_projector(backend, tmp_path):
    model = Sequential([Embedding(10, 3, input_length=2, name="words"), Flatten(), Dense(1)])
    model.compile("sgd", "mse")
    data = np.arange(10).reshape(5, 2)
    board = TensorBoard(tmp_path, batch_size=2, embeddings_freq=1, embeddings_data=data,
                        embeddings_metadata="labels.tsv")
    model.fit(data, np.ones((5, 1)), verbose=0, callbacks=[board])
    rows = np.loadtxt(tmp_path / "words.tsv", delimiter="\t")
    np.testing.assert_allclose(rows, model.layers[0].get_weights()[0].reshape(5, 6), rtol=1e-6)
    assert (tmp_path / "projector_config.pbtxt").read_text() == (
        'embeddings {\n  tensor_name: "words"\n  tensor_path: "words.tsv"\n  metadata_path: "labels.tsv"\n}\n')
    with pytest.raises(ValueError, match="embeddings_data"):
        TensorBoard(embeddings_freq=1)


def test_tensorboard_reads_the_files(tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    model = Sequential([Dense(2, input_shape=(3,), name="d")])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3)), np.ones((4, 2))
    board = TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    model.fit(x, y, verbose=0, callbacks=[board], validation_data=(x, y))
    found = loader.EventAccumulator(str(tmp_path))
    found.Reload()
    tags = found.Tags()
    assert set(tags["scalars"]) == {"loss", "val_loss"}
    assert set(tags["histograms"]) == {"d/kernel:0", "d/bias:0", "d_out"}
    assert set(tags["images"]) == {"d/kernel:0", "d/bias:0"}
    assert {"d/matmul", "d/kernel"} <= {node.name for node in found.Graph().node}
