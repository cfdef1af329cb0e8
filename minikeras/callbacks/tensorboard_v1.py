"""The callback that logs for TensorBoard."""
import os

import numpy as np

from .. import backend as K
from .base import Callback
from .events import EventWriter


class TensorBoard(Callback):
    """Logs loss, metrics, graph, weights and embeddings for TensorBoard: `tensorboard --logdir=./logs` shows them.

    log_dir: folder of the event file, new for each training. update_freq: 'epoch', 'batch', or after how many samples
    the values of the batch are written besides those of the epochs. write_graph: the ops of the model and of its loss.
    histogram_freq: after how many epochs the histograms of all weights are written; 0: never. With arrays as validation
    data, those of the layers' outputs for the first batch_size samples come with them, and, with write_grads, those of
    the gradients of their loss. write_images: the weights as images, too.
    embeddings_freq: after how many epochs what the layers embeddings_layer_names (by default every Embedding) make of
    embeddings_data, which is as for `predict`, is written for the projector. embeddings_metadata: the name of a file in
    log_dir with a label for each sample, or a dict of layer -> file.
    Raises ValueError for write_grads without such data, and for embeddings_freq without embeddings_data.
    """

    def __init__(self, log_dir="./logs", histogram_freq=0, batch_size=32, write_graph=True, write_grads=False,
                 write_images=False, embeddings_freq=0, embeddings_layer_names=None, embeddings_metadata=None,
                 embeddings_data=None, update_freq="epoch"):
        super().__init__()
        if embeddings_freq and embeddings_data is None:
            raise ValueError("TensorBoard: embeddings_freq needs embeddings_data, the samples to show.")
        self.log_dir, self.histogram_freq, self.batch_size = str(log_dir), histogram_freq, batch_size or 32
        self.write_graph, self.write_grads, self.write_images = write_graph, write_grads, write_images
        self.embeddings_freq, self.embeddings_data = embeddings_freq, embeddings_data
        self.embeddings_layer_names, self.embeddings_metadata = embeddings_layer_names, embeddings_metadata
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.samples_seen = self.samples_seen_at_last_write = 0
        self.writer = None

    def get_state(self):
        return {"samples_seen": self.samples_seen, "samples_seen_at_last_write": self.samples_seen_at_last_write}

    def on_train_begin(self, logs=None):
        if self.histogram_freq and self.write_grads and not self.validation_data:
            raise ValueError("TensorBoard: write_grads needs arrays as validation data.")
        self.writer = EventWriter(self.log_dir)
        self._watched = None
        if self.write_graph:
            self.writer.graph(nodes_of([*self.model.outputs, self.model.total_loss]))

    def on_batch_end(self, batch, logs=None):
        if self.update_freq == "epoch":
            return
        self.samples_seen += logs["size"]
        if self.samples_seen - self.samples_seen_at_last_write >= self.update_freq:
            self._write(logs, self.samples_seen)
            self.samples_seen_at_last_write = self.samples_seen

    def on_epoch_end(self, epoch, logs=None):
        self._write(logs or {}, epoch if self.update_freq == "epoch" else self.samples_seen)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            weights = self.model.weights
            arrays = dict(zip([w.name for w in weights], K.batch_get_value(weights), strict=True))
            self.writer.histograms({**arrays, **self._outputs_and_gradients()}, epoch)
            if self.write_images:
                self.writer.images(dict(image for item in arrays.items() for image in _images_of(*item)), epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()

    def _write(self, logs, step):
        self.writer.scalars({name: logs[name] for name in logs if name not in ("batch", "size", "num_steps")}, step)

    def _outputs_and_gradients(self):
        """{tag: array} for the first samples of the validation data, if there are any."""
        if not self.validation_data:
            return {}
        model = self.model
        if self._watched is None:
            self._watched = {f"{layer.name}_out": layer.output for layer in model.layers
                             if len(layer._inbound_nodes) == 1 and K.is_tensor(layer.output)}
            if self.write_grads:
                weights = model.trainable_weights
                found = zip(weights, K.gradients(model.total_loss, weights), strict=True)
                self._watched.update((f"{w.name}_grad", g) for w, g in found if g is not None)
            self._watch = model._function(model._feed_inputs + model._feed_targets, model._feed_sample_weights, 0,
                                          list(self._watched.values()), [], "histograms")
        feeds = model._feeds([array[:self.batch_size] for array in self.validation_data])
        return dict(zip(self._watched, self._watch(feeds), strict=True))

    def _write_embeddings(self):
        from ..layers import Embedding
        model, metadata = self.model, self.embeddings_metadata
        names = self.embeddings_layer_names or [la.name for la in model.layers if isinstance(la, Embedding)]
        data, _, _ = model._standardized(self.embeddings_data)
        function = K.function([*model._feed_inputs, K.learning_phase()], [model.get_layer(n).output for n in names])
        parts = [function([*(a[at:at + self.batch_size] for a in data), 0])
                 for at in range(0, len(data[0]), self.batch_size)]
        config = []
        for name, arrays in zip(names, zip(*parts, strict=True), strict=True):
            rows = np.concatenate(arrays)
            np.savetxt(os.path.join(self.log_dir, f"{name}.tsv"), rows.reshape(len(rows), -1), "%.7g", "\t")
            entries = {"tensor_name": name, "tensor_path": f"{name}.tsv"}
            labels = metadata.get(name) if isinstance(metadata, dict) else metadata
            entries.update({"metadata_path": labels} if labels else {})
            lines = "".join(f"  {key}: \"{value}\"\n" for key, value in entries.items())
            config.append(f"embeddings {{\n{lines}}}\n")
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
            file.write("".join(config))

    def on_train_end(self, _=None):
        self.writer.close()


def nodes_of(roots):
    """[(name, kind, names of what it reads, shapes)] of all that the tensors `roots` depend on, in the order of making.

    The names begin with those of the layers, so that these can be shown as boxes.
    """
    makers, stack = {}, list(roots)
    while stack:
        tensor = stack.pop()
        maker = tensor.owner or tensor
        if maker not in makers:
            makers[maker] = None
            stack.extend(getattr(maker, "inputs", ()))
    ordered = sorted(makers, key=lambda maker: getattr(maker, "serial", -1))
    taken = {}
    for maker in ordered:
        leaf = not hasattr(maker, "op")
        path = maker.scope.path if not leaf and maker.scope else ""
        name = base = maker.name.split(":")[0] if leaf else path + maker.op.name
        while name in taken:
            taken[base] += 1
            name = f"{base}_{taken[base]}"
        taken[name], makers[maker] = 0, name
    return [_node_of(maker, makers) for maker in ordered]


def _node_of(maker, names):
    if not hasattr(maker, "op"):
        return names[maker], type(maker).__name__, [], [maker.shape]
    inputs = [names[t.owner or t] + (f":{t.index}" if t.index else "") for t in maker.inputs]
    return names[maker], maker.op.name, inputs, [t.shape for t in maker.outputs]


def _images_of(name, array):
    """(tag, array [height, width]) of a weight that can be shown: kernels of convolutions as their first three slices,
    wide rather than high otherwise."""
    array = np.squeeze(array)
    if array.ndim < 3:
        array = np.atleast_2d(array)
        yield name, array if array.shape[0] <= array.shape[1] else array.T
    elif array.ndim == 3:
        slices = np.moveaxis(array, -1, 0) if K.image_data_format() == "channels_last" else array
        yield from ((f"{name}/{i}", slices[i]) for i in range(min(3, len(slices))))
