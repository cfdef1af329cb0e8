"""Pictures turned, moved, sheared, scaled, and changed in colour. All take and return an array with three axes.

row_axis, col_axis, channel_axis: where they are. fill_mode: what lies beyond the edges of the picture a b c d:
"nearest" (aaaa|abcd|dddd), "reflect" (abcddcba|abcd|dcbaabcd), "wrap" (abcdabcd|abcd|abcdabcd), or "constant", cval.
interpolation_order: of the spline that gives values between pixels, from 0 (the nearest pixel's) to 5.
The `random_` functions draw from NumPy's global generator.
"""

import numpy as np

from ...utils.generic_utils import one_of
from .pictures import array_to_img, img_to_array, needed

# scipy's own "wrap" leaves out one of the two pixels that meet at the edge.
FILL_MODES = {"nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap", "constant": "constant"}


def apply_affine_transform(x, theta=0, tx=0, ty=0, shear=0, zx=1, zy=1, row_axis=0, col_axis=1, channel_axis=2,
                           fill_mode="nearest", cval=0.0, order=1):  # fmt: skip
    """x turned by theta degrees, moved by tx rows and ty columns, sheared by `shear` degrees, and scaled.

    The pixel at p, counted from the centre, comes from R(theta) T(tx, ty) S(shear) Z(zx, zy) p in x, so that zx = 2
    shows the picture at half its height, and tx > 0 moves it up. Raises ValueError for other axes than those of x, and
    for another fill_mode.
    """
    axes = (channel_axis, row_axis, col_axis)
    if x.ndim != 3 or {axis % 3 for axis in axes} != {0, 1, 2}:
        raise ValueError(f"An image has three axes: row, column and channel; got shape {x.shape} and axes {row_axis}, "
                         f"{col_axis}, {channel_axis}.")
    one_of("fill_mode", fill_mode, FILL_MODES)
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    theta, shear = np.deg2rad(theta), np.deg2rad(shear)
    turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    matrix = turn @ np.array([[1, -np.sin(shear)], [0, np.cos(shear)]]) @ np.diag([zx, zy])
    channels = np.moveaxis(x, axes, (0, 1, 2))
    centre = (np.array(channels.shape[1:]) - 1) / 2
    offset = centre + turn @ [tx, ty] - matrix @ centre
    out = np.empty_like(channels)
    working = "float32" if x.dtype == "float16" else x.dtype         # scipy has no half precision
    for source, target in zip(channels.astype(working, copy=False), out, strict=True):
        target[...] = needed("scipy.ndimage").affine_transform(source, matrix, offset, order=order,
                                                               mode=FILL_MODES[fill_mode], cval=cval)  # fmt: skip
    return np.moveaxis(out, (0, 1, 2), axes)


def _about_zero(limit):
    return np.random.uniform(-limit, limit)


def _moved(x, common, theta=0, tx=0, ty=0, shear=0, zx=1, zy=1):
    return apply_affine_transform(x, theta, tx, ty, shear, zx, zy, *common)


def random_rotation(x, rg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0,
                    interpolation_order=1):  # fmt: skip
    """x turned by up to rg degrees either way."""
    return _moved(x, (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order), theta=_about_zero(rg))


def random_shift(x, wrg, hrg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0,
                 interpolation_order=1):  # fmt: skip
    """x moved by up to the fraction wrg of its width and hrg of its height, either way."""
    common = row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order
    return _moved(x, common, tx=_about_zero(hrg) * x.shape[row_axis], ty=_about_zero(wrg) * x.shape[col_axis])


def random_shear(x, intensity, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0,
                 interpolation_order=1):  # fmt: skip
    """x sheared by up to `intensity` degrees either way."""
    common = row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order
    return _moved(x, common, shear=_about_zero(intensity))


def random_zoom(x, zoom_range, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0,
                interpolation_order=1):  # fmt: skip
    """x scaled, rows and columns each by a factor drawn from zoom_range = (low, high); above 1 it gets smaller."""
    zx, zy = np.random.uniform(*checked_pair("zoom_range", zoom_range), 2)
    return _moved(x, (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order), zx=zx, zy=zy)


def checked_pair(name, value):
    """The two numbers of a range. Raises ValueError for anything else."""
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair of numbers (low, high), got {value!r}.")
    return value


def apply_channel_shift(x, intensity, channel_axis=0):
    """`intensity` added to all values, within the least and the largest of x, whatever the channel_axis."""
    return np.clip(x + intensity, x.min(), x.max())


def random_channel_shift(x, intensity_range, channel_axis=0):
    """`apply_channel_shift` by up to intensity_range either way."""
    return apply_channel_shift(x, _about_zero(intensity_range), channel_axis)


def apply_brightness_shift(x, brightness):
    """x stretched to 0 ... 255 (see `array_to_img`), times `brightness`, as whole numbers up to 255 in floatx.

    0 gives black, 1 changes nothing more. The data format is that of the settings.
    """
    return brighter(x, brightness, None)


def brighter(x, brightness, data_format):
    """`apply_brightness_shift` for a data format."""
    enhancer = needed("PIL.ImageEnhance").Brightness(array_to_img(x, data_format))
    return img_to_array(enhancer.enhance(brightness), data_format)


def random_brightness(x, brightness_range):
    """`apply_brightness_shift` by a factor drawn from brightness_range = (low, high)."""
    return apply_brightness_shift(x, np.random.uniform(*checked_pair("brightness_range", brightness_range)))
