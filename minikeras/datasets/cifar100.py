"""CIFAR-100: colour photographs of a hundred kinds of things in twenty groups, 32 x 32."""

import os

from ..utils.data_utils import get_file
from ..utils.generic_utils import one_of
from .cifar import ORIGIN, arrange, load_batch


def load_data(label_mode="fine"):
    """(x_train, y_train), (x_test, y_test): 50,000 and 10,000 images uint8, labels uint8 [n, 1].

    label_mode: "fine" (labels from 0 to 99) or "coarse" (0 to 19); anything else is a ValueError.
    Images are [n, 32, 32, 3], or [n, 3, 32, 32] where the image data format is "channels_first".
    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).
    """
    one_of("cifar100.load_data: label_mode", label_mode, ("fine", "coarse"))
    digest = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
    name = "cifar-100-python"
    folder = get_file(name, origin=ORIGIN + name + ".tar.gz", untar=True, file_hash=digest)
    train, test = (load_batch(os.path.join(folder, part), f"{label_mode}_labels") for part in ("train", "test"))
    return arrange(*train), arrange(*test)
