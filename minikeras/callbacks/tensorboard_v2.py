"""The callback that logs for TensorBoard, with the signature it has on TensorFlow 2."""
from .tensorboard_v1 import TensorBoard as _TensorBoard


class TensorBoard(_TensorBoard):
    """As that of tensorboard_v1. kwargs: what TensorFlow 2 takes besides (profile_batch, ...) has no meaning here."""

    def __init__(self, log_dir="./logs", histogram_freq=0, batch_size=None, write_graph=True, write_grads=False,
                 write_images=False, embeddings_freq=0, embeddings_layer_names=None, embeddings_metadata=None,
                 embeddings_data=None, update_freq="epoch", **kwargs):
        super().__init__(log_dir, histogram_freq, batch_size, write_graph, write_grads, write_images, embeddings_freq,
                         embeddings_layer_names, embeddings_metadata, embeddings_data, update_freq)
