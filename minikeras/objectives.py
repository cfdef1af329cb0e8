"""The losses, by the name that they had in Keras 0."""

from .losses import *  # noqa: F403
from .losses import deserialize_keras_object, serialize_keras_object  # noqa: F401
