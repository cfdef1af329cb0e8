"""Pictures as arrays, changed at random, in batches for training. Needs Pillow and scipy (the extra `images`)."""

# ruff: noqa: I001
from .files import BatchFromFilesMixin, DataFrameIterator, DirectoryIterator
from .generator import ImageDataGenerator
from .iterators import Iterator, NumpyArrayIterator
from .pictures import array_to_img, img_to_array, load_img, save_img
from .transforms import apply_affine_transform, apply_brightness_shift, apply_channel_shift, random_brightness
from .transforms import random_channel_shift, random_rotation, random_shear, random_shift, random_zoom
