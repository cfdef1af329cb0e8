"""The image classifiers of `keras-applications` 1.0.8, an optional package, built of minikeras layers.

    from minikeras.applications.resnet50 import ResNet50, decode_predictions, preprocess_input
    model = ResNet50(weights=None)               # or "imagenet", or the path of a file of weights

The package is imported at the first call. Weights files of Keras load, by their layers' names as well.
"""

import functools
import sys
import types
from importlib import import_module

# module: the architectures in it. Each module also has preprocess_input and decode_predictions.
_ARCHITECTURES = {
    "densenet": ["DenseNet121", "DenseNet169", "DenseNet201"],
    "imagenet_utils": [],
    "inception_resnet_v2": ["InceptionResNetV2"],
    "inception_v3": ["InceptionV3"],
    "mobilenet": ["MobileNet"],
    "mobilenet_v2": ["MobileNetV2"],
    "nasnet": ["NASNetLarge", "NASNetMobile"],
    "resnet": ["ResNet50", "ResNet101", "ResNet152"],
    "resnet50": ["ResNet50"],
    "resnet_v2": ["ResNet50V2", "ResNet101V2", "ResNet152V2"],
    "resnext": ["ResNeXt50", "ResNeXt101"],
    "vgg16": ["VGG16"],
    "vgg19": ["VGG19"],
    "xception": ["Xception"],
}


def keras_modules_injection(base_fun):
    """`base_fun` with the arguments backend, layers, models and utils, which keras-applications builds with, set to
    minikeras's modules."""

    @functools.wraps(base_fun)
    def wrapper(*args, **kwargs):
        modules = {name: import_module(f"minikeras.{name}") for name in ("backend", "layers", "models", "utils")}
        return base_fun(*args, **{**modules, **kwargs})

    return wrapper


def _function(module, name):
    def wrapper(*args, **kwargs):
        try:
            found = import_module(f"keras_applications.{module}")
        except ImportError as error:
            raise ImportError(f"{name} needs the package keras-applications: pip install "
                              "'minikeras-multibackend[applications]'.") from error  # fmt: skip
        return keras_modules_injection(getattr(found, name))(*args, **kwargs)

    wrapper.__name__, wrapper.__qualname__, wrapper.__module__ = name, name, f"{__name__}.{module}"
    wrapper.__doc__ = f"`{name}` of keras_applications.{module}, with minikeras's modules. Arguments as there."
    return wrapper


def _module(name):
    module = types.ModuleType(f"{__name__}.{name}", f"keras_applications.{name} on minikeras.")
    for function in (*_ARCHITECTURES[name], "preprocess_input", "decode_predictions"):
        setattr(module, function, _function(name, function))
    sys.modules[module.__name__] = module
    return module


for _name, _models in _ARCHITECTURES.items():
    globals()[_name] = _module(_name)
    globals().update({model: getattr(globals()[_name], model) for model in _models})
ResNet50 = globals()["resnet50"].ResNet50

__all__ = sorted({*_ARCHITECTURES, *(model for models in _ARCHITECTURES.values() for model in models),
                  "keras_modules_injection"})  # fmt: skip
