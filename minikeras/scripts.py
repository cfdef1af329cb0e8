"""Programs that say `import keras`: `as_keras()` inside one, and the code behind `python -m minikeras run`.

`import keras.layers.core` then gives the module minikeras.layers.core, the same object, whatever else is installed by
the name of keras.
"""

import importlib
import importlib.abc
import importlib.util
import os
import runpy
import sys
import types

from . import __name__ as OURS

KERAS_VERSION = "2.3.1"
# Paths of Keras 2 under which minikeras keeps a module by another name.
_ELSEWHERE = {"keras.backend.common": "backend.config", "keras.utils.vis_utils": "utils.vis_utils"}
_TENSORFLOW = {
    "tensorflow": "Take what the script uses of it from keras.backend: K.function instead of sessions, K ops instead of "
                  "tf ops, K.native for functions of NumPy, JAX or PyTorch arrays.",
    "tensorflow_backend": "Import keras.backend: there is one for all engines. Its sessions have no counterpart.",
    "theano_backend": "Import keras.backend: there is one for all engines.",
    "cntk_backend": "Import keras.backend: there is one for all engines.",
}  # fmt: skip
