"""The generator of changed pictures: what may be changed, how much, and how values are scaled."""

import numbers
import warnings

import numpy as np

from ... import backend as K
from ...utils.generic_utils import one_of
from .files import DataFrameIterator, DirectoryIterator
from .iterators import NumpyArrayIterator, batch_random, warn_of_channels
from .transforms import FILL_MODES, apply_affine_transform, apply_channel_shift, brighter, checked_pair

_EPSILON = 1e-6  # added to what is divided by


class ImageDataGenerator:
    """Batches of pictures, each changed at random, then scaled.

    Changed, in this order:
    rotation_range: degrees, either way. width_shift_range, height_shift_range: a float is a fraction of the size where
    below 1, else pixels, drawn from -r to r; an int n whole pixels from -(n-1) to n-1; a list its values, either way.
    shear_range: degrees. zoom_range: (low, high), or z for (1-z, 1+z), for rows and columns each. fill_mode, cval,
    interpolation_order: see `apply_affine_transform`. channel_shift_range: what may be added to all values.
    horizontal_flip, vertical_flip: whether half of the pictures are flipped. brightness_range: (low, high), factors.

    Scaled, in this order:
    preprocessing_function: array -> array of the same shape. rescale: a factor. samplewise_center,
    samplewise_std_normalization: each picture to mean 0 and deviation 1. featurewise_center,
    featurewise_std_normalization: the same with mean and deviation of each channel of the data given to `fit`.
    zca_whitening, zca_epsilon: decorrelate the pixels, as learnt by `fit`.

    data_format: 'channels_last' or 'channels_first'. validation_split: the share that subset='validation' takes, the
    first of the pictures; subset='training' takes the rest. dtype: of the batches. Raises ValueError for bad arguments.
    """

    def __init__(self, featurewise_center=False, samplewise_center=False, featurewise_std_normalization=False,
                 samplewise_std_normalization=False, zca_whitening=False, zca_epsilon=1e-06, rotation_range=0,
                 width_shift_range=0.0, height_shift_range=0.0, brightness_range=None, shear_range=0.0, zoom_range=0.0,
                 channel_shift_range=0.0, fill_mode="nearest", cval=0.0, horizontal_flip=False, vertical_flip=False,
                 rescale=None, preprocessing_function=None, data_format="channels_last", validation_split=0.0,
                 interpolation_order=1, dtype="float32"):  # fmt: skip
        vars(self).update({name: value for name, value in locals().items() if name != "self"})
        self.data_format = data_format = K.normalize_data_format(data_format)
        self.channel_axis, self.row_axis, self.col_axis = (3, 1, 2) if data_format == "channels_last" else (1, 2, 3)
        self.mean = self.std = self.principal_components = None
        one_of("ImageDataGenerator: fill_mode", fill_mode, FILL_MODES)
        if not 0 <= validation_split < 1:
            raise ValueError(f"ImageDataGenerator: validation_split must be in [0, 1), got {validation_split}.")
        if isinstance(zoom_range, numbers.Real):
            self.zoom_range = [1 - zoom_range, 1 + zoom_range]
        checked_pair("ImageDataGenerator: zoom_range", self.zoom_range)
        if brightness_range is not None:
            checked_pair("ImageDataGenerator: brightness_range", brightness_range)
        if zca_whitening:
            self._imply("zca_whitening", "featurewise_center", True)
            self._imply("zca_whitening", "featurewise_std_normalization", False)
        for kind in ("featurewise", "samplewise"):
            if getattr(self, f"{kind}_std_normalization"):
                self._imply(f"{kind}_std_normalization", f"{kind}_center", True)

    def _imply(self, option, other, value):
        if bool(getattr(self, other)) is not value:
            warnings.warn(f"ImageDataGenerator: {option} needs {other}={value}, which is set.", stacklevel=3)
            setattr(self, other, value)

    def flow(self, x, y=None, batch_size=32, shuffle=True, sample_weight=None, seed=None, save_to_dir=None,
             save_prefix="", save_format="png", subset=None):  # fmt: skip
        """Batches from arrays: a NumpyArrayIterator."""
        return NumpyArrayIterator(**self._with_own(locals()))

    def flow_from_directory(self, directory, target_size=(256, 256), color_mode="rgb", classes=None,
                            class_mode="categorical", batch_size=32, shuffle=True, seed=None, save_to_dir=None,
                            save_prefix="", save_format="png", follow_links=False, subset=None,
                            interpolation="nearest"):  # fmt: skip
        """Batches from a folder with a folder for each class: a DirectoryIterator."""
        return DirectoryIterator(**self._with_own(locals()))

    def flow_from_dataframe(self, dataframe, directory=None, x_col="filename", y_col="class", weight_col=None,
                            target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical",
                            batch_size=32, shuffle=True, seed=None, save_to_dir=None, save_prefix="",
                            save_format="png", subset=None, interpolation="nearest", validate_filenames=True,
                            **kwargs):  # fmt: skip
        """Batches from the files that a table names: a DataFrameIterator.

        kwargs: has_ext, sort and drop_duplicates, which older versions took, are left unused, with a warning.
        """
        for name in kwargs:
            if name not in ("has_ext", "sort", "drop_duplicates"):
                raise TypeError(f"flow_from_dataframe has no argument {name!r}.")
            warnings.warn(f"flow_from_dataframe: {name} has no effect any more.", DeprecationWarning, stacklevel=2)
        if class_mode == "other":
            warnings.warn('flow_from_dataframe: class_mode="other" is now called "raw".', DeprecationWarning, 2)
            class_mode = "raw"
        return DataFrameIterator(**self._with_own(locals()))

    def _with_own(self, given):
        """The arguments of a `flow` method, with the generator and its own."""
        given = {name: value for name, value in given.items() if name not in ("self", "kwargs", "name")}
        return {**given, "image_data_generator": self, "data_format": self.data_format, "dtype": self.dtype}

    def standardize(self, x):
        """x scaled. x: a picture, or a batch of them, of floats. Returns a new array."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        x = x * self.rescale if self.rescale else np.array(x)
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + _EPSILON
        if self.featurewise_center and self._fitted("featurewise_center", self.mean):
            x -= self.mean
        if self.featurewise_std_normalization and self._fitted("featurewise_std_normalization", self.std):
            x /= self.std + _EPSILON
        if self.zca_whitening and self._fitted("zca_whitening", self.principal_components):
            x = (x.reshape(-1, self.principal_components.shape[0]) @ self.principal_components).reshape(x.shape)
        return x

    def _fitted(self, option, statistic):
        if statistic is None:
            warnings.warn(f"ImageDataGenerator: {option} has no effect before fit(x) was called.", stacklevel=3)
        return statistic is not None

    def get_random_transform(self, img_shape, seed=None):
        """A dict of what to change about a picture of this shape, for `apply_transform`.

        seed: an int, or a RandomState to draw from. By default draws come from NumPy's global generator.
        Keys: theta, tx, ty, shear, zx, zy, flip_horizontal, flip_vertical, channel_shift_intensity and brightness.
        """
        random = seed if hasattr(seed, "uniform") else batch_random(seed)
        within = lambda limit: random.uniform(-limit, limit) if limit else 0
        done = {
            "theta": within(self.rotation_range),
            "tx": _shift(random, self.height_shift_range, img_shape[self.row_axis - 1]),
            "ty": _shift(random, self.width_shift_range, img_shape[self.col_axis - 1]),
            "shear": within(self.shear_range),
        }
        low, high = self.zoom_range
        done["zx"], done["zy"] = (1, 1) if low == high == 1 else random.uniform(low, high, 2)
        for flip in ("horizontal", "vertical"):
            done[f"flip_{flip}"] = bool((random.random_sample() < 0.5) * getattr(self, f"{flip}_flip"))
        done["channel_shift_intensity"] = within(self.channel_shift_range) if self.channel_shift_range else None
        done["brightness"] = random.uniform(*self.brightness_range) if self.brightness_range is not None else None
        return done

    def apply_transform(self, x, transform_parameters):
        """A picture changed as the dict says; a key that is missing changes nothing. x: a picture of floats."""
        given = transform_parameters.get
        row, col, channel = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        move = [given(name, 0) for name in ("theta", "tx", "ty", "shear")] + [given("zx", 1), given("zy", 1)]
        x = apply_affine_transform(x, *move, row, col, channel, self.fill_mode, self.cval, self.interpolation_order)
        if given("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given("channel_shift_intensity"), channel)
        if given("flip_horizontal"):
            x = np.flip(x, col)
        if given("flip_vertical"):
            x = np.flip(x, row)
        if given("brightness") is not None:
            x = brighter(x, given("brightness"), self.data_format).astype(x.dtype, copy=False)
        return x

    def random_transform(self, x, seed=None):
        """A picture changed at random. See `get_random_transform`."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x, augment=False, rounds=1, seed=None):
        """Learn mean, deviation and principal components of some data, as the options need.

        x: [samples, rows, columns, channels] (or channels first). augment, rounds, seed: learn from that many randomly
        changed versions of x instead. Raises ValueError unless x has four axes.
        """
        x = np.array(x, self.dtype)
        if x.ndim != 4:
            raise ValueError(f"ImageDataGenerator.fit: expected data with four axes, got shape {x.shape}.")
        warn_of_channels(x, self.data_format)
        if augment:
            random = batch_random(seed)
            x = np.stack([self.random_transform(image, random) for _ in range(rounds) for image in x])
        over = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = x.mean(over, keepdims=True)[0]
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(over, keepdims=True)[0]
            x /= self.std + _EPSILON
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            directions, variances, _ = np.linalg.svd(flat.T @ flat / len(flat))
            self.principal_components = directions / np.sqrt(variances + self.zca_epsilon) @ directions.T


def _shift(random, shift_range, size):
    """Pixels to move by along an axis."""
    if not np.any(shift_range):
        return 0
    if isinstance(shift_range, numbers.Real) and not isinstance(shift_range, numbers.Integral):
        shift = random.uniform(-shift_range, shift_range)
    else:
        shift = random.choice(shift_range) * random.choice([-1, 1])
    return shift * size if np.max(shift_range) < 1 else shift
