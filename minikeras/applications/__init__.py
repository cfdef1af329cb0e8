"""The image classifiers of `keras-applications` 1.0.8, an optional package, built of minikeras layers.

    from minikeras.applications.resnet50 import ResNet50, decode_predictions, preprocess_input
    model = ResNet50(weights=None)               # or "imagenet", or the path of a file of weights

Each module has what the module of that name in keras_applications has, which is imported when a name is looked at.
Files of weights of Keras load. "imagenet" downloads them by `utils.get_file`, with their hash.
"""

import functools
import sys
import types
from importlib import import_module
from importlib.machinery import ModuleSpec

_ARCHITECTURES = {
    "densenet": "DenseNet121 DenseNet169 DenseNet201",
    "imagenet_utils": "",
    "inception_resnet_v2": "InceptionResNetV2",
    "inception_v3": "InceptionV3",
    "mobilenet": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "nasnet": "NASNetLarge NASNetMobile",
    "resnet": "ResNet101 ResNet152",
    "resnet50": "ResNet50",
    "resnet_v2": "ResNet50V2 ResNet101V2 ResNet152V2",
    "resnext": "ResNeXt50 ResNeXt101",
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "xception": "Xception",
}
_HOME_OF = {name: module for module, names in _ARCHITECTURES.items() for name in names.split()}

__all__ = sorted({*_ARCHITECTURES, *_HOME_OF, "keras_modules_injection"})


def keras_modules_injection(base_fun):
    """`base_fun` with the arguments backend, layers, models and utils, which keras-applications builds with, set to
    minikeras's modules."""

    @functools.wraps(base_fun)
    def wrapper(*args, **kwargs):
        modules = {name: import_module(f"minikeras.{name}") for name in ("backend", "layers", "models", "utils")}
        return base_fun(*args, **{**modules, **kwargs})

    return wrapper


class _Module(types.ModuleType):
    """A module whose functions are those of the module of its name in keras_applications."""

    keras_modules_injection = staticmethod(keras_modules_injection)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        try:
            found = import_module(f"keras_applications.{self.__name__.rpartition('.')[2]}")
        except ImportError as error:
            raise ImportError(f"{self.__name__}.{name} needs the package keras-applications: "
                              "pip install 'minikeras-multibackend[applications]'.") from error  # fmt: skip
        value = getattr(found, name)
        value = keras_modules_injection(value) if isinstance(value, types.FunctionType) else value
        setattr(self, name, value)
        return value


for _name in _ARCHITECTURES:
    globals()[_name] = sys.modules[f"{__name__}.{_name}"] = _Module(f"{__name__}.{_name}", __doc__)
    globals()[_name].__spec__ = ModuleSpec(f"{__name__}.{_name}", None)


def __getattr__(name):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(globals()[_HOME_OF[name]], name)


def __dir__():
    return [*globals(), *_HOME_OF]
