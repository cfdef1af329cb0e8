"""Between picture files, Pillow's images, and arrays."""

import os
import warnings
from importlib import import_module

import numpy as np

from ... import backend as K
from ...utils.generic_utils import one_of

RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


def needed(module):
    """A module of Pillow or scipy."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"Pictures need {module}: pip install 'minikeras-multibackend[images]'.") from error


def load_img(path, grayscale=False, color_mode="rgb", target_size=None, interpolation="nearest"):
    """The picture in a file, as an image of Pillow.

    path: or an open file. grayscale: the old way to say color_mode="grayscale". color_mode: "grayscale" (8 bits, or
    as many as the file has), "rgb" or "rgba". target_size: (height, width) to bring it to. interpolation: "nearest",
    "bilinear", "bicubic", "hamming", "box" or "lanczos". Raises ValueError for other words.
    """
    if grayscale:
        warnings.warn('load_img: say color_mode="grayscale" instead of grayscale=True.', stacklevel=2)
        color_mode = "grayscale"
    one_of("load_img: color_mode", color_mode, CHANNELS)
    one_of("load_img: interpolation", interpolation, RESAMPLING)
    pil = needed("PIL.Image")
    with pil.open(path) as opened:
        mode = opened.mode if color_mode == "grayscale" and opened.mode in ("I", "I;16") else \
            {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}[color_mode]  # fmt: skip
        img = opened.convert(mode)
    if target_size is not None and img.size != (size := (target_size[1], target_size[0])):
        img = img.resize(size, pil.Resampling[interpolation.upper()])
    return img


def img_to_array(img, data_format=None, dtype=None):
    """The array of an image of Pillow: [height, width, channels], or [channels, height, width].

    data_format, dtype: by default those of the settings. Raises ValueError unless the image has two or three axes.
    """
    data_format = K.normalize_data_format(data_format)
    x = np.asarray(img, dtype or K.floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"img_to_array: an image has two or three axes, got shape {x.shape}.")
    x = x[..., None] if x.ndim == 2 else x
    # Not a view of the image's own memory, which cannot be written to.
    return np.array(x.transpose(2, 0, 1) if data_format == "channels_first" else x)


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """The image of Pillow that an array shows.

    x: [height, width, channels] or [channels, height, width], with 1, 3 or 4 channels. scale: whether to stretch its
    values to 0 ... 255, the least to 0 and the largest to 255. data_format, dtype: by default those of the settings.
    Raises ValueError for other shapes.
    """
    data_format = K.normalize_data_format(data_format)
    x = np.asarray(x, dtype or K.floatx())
    if x.ndim != 3:
        raise ValueError(f"array_to_img: expected an image with three axes, got shape {x.shape}.")
    if data_format == "channels_first":
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in CHANNELS.values():
        raise ValueError(f"array_to_img: an image has 1, 3 or 4 channels, got shape {x.shape} ({data_format}).")
    if scale:
        x = x - x.min(initial=np.inf)
        x = x / (x.max(initial=0) or 1) * 255
    pil = needed("PIL.Image")
    if x.shape[2] > 1:
        return pil.fromarray(x.astype("uint8"))
    return pil.fromarray(x[..., 0].astype("int32" if x.max(initial=0) > 255 else "uint8"))


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Write an array as a picture. path: or an open file. file_format: by default the path's ending.

    kwargs: for Pillow's `save`. The other arguments are those of `array_to_img`.
    """
    img = array_to_img(x, data_format, scale)
    kind = file_format or (os.path.splitext(path)[1][1:] if isinstance(path, (str, os.PathLike)) else "")
    if img.mode == "RGBA" and kind.lower() in ("jpg", "jpeg"):
        warnings.warn("save_img: JPEG has no transparency; it is left out.", stacklevel=2)
        img = img.convert("RGB")
    img.save(path, format="jpeg" if file_format == "jpg" else file_format, **kwargs)
