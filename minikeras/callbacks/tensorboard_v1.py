"""The callback that logs for TensorBoard."""
from .. import backend as K
from .base import Callback
from .events import EventWriter


class TensorBoard(Callback):
    """Logs loss, metrics and weights for TensorBoard: `tensorboard --logdir=./logs` shows them.

    log_dir: folder of the event file, new for each training. update_freq: 'epoch', 'batch', or after how many samples
    the values of the batch are written besides those of the epochs. histogram_freq: after how many epochs the
    histograms of all weights are written; 0: never. batch_size, write_graph: accepted for compatibility, no graph is
    written. Raises ValueError for write_grads, write_images and embeddings_freq, which are not offered.
    """

    def __init__(self, log_dir="./logs", histogram_freq=0, batch_size=32, write_graph=True, write_grads=False,
                 write_images=False, embeddings_freq=0, embeddings_layer_names=None, embeddings_metadata=None,
                 embeddings_data=None, update_freq="epoch"):
        super().__init__()
        if write_grads or write_images or embeddings_freq:
            raise ValueError("TensorBoard: write_grads, write_images and embeddings_freq are not offered; log scalars "
                             "and, with histogram_freq, histograms of the weights.")
        self.log_dir, self.histogram_freq, self.batch_size = log_dir, histogram_freq, batch_size
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.samples_seen = self.samples_seen_at_last_write = 0
        self.writer = None

    def on_train_begin(self, logs=None):
        self.writer = EventWriter(self.log_dir)

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
            arrays = K.batch_get_value(weights)
            self.writer.histograms({w.name: a for w, a in zip(weights, arrays, strict=True)}, epoch)

    def _write(self, logs, step):
        self.writer.scalars({name: logs[name] for name in logs if name not in ("batch", "size", "num_steps")}, step)

    def on_train_end(self, _=None):
        self.writer.close()
