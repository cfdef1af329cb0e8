from .losses import *  # noqa: F403  (the name of losses in Keras 0 and 1)
from .losses import deserialize_keras_object, serialize_keras_object  # noqa: F401
