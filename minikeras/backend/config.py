"""Settings of the process: float type, fuzz factor, image layout, and which backend starts.

They come from the environment, else from `$MINIKERAS_HOME/minikeras.json` (default `~/.minikeras/minikeras.json`),
else from the defaults below. The file is only read, never written.
"""

import json
import os

DEFAULTS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last", "backend": "numpy"}
FLOATS = ("float16", "float32", "float64")
DATA_FORMATS = ("channels_last", "channels_first")


def _read_file():
    home = os.environ.get("MINIKERAS_HOME") or os.path.join(os.path.expanduser("~"), ".minikeras")
    path = os.path.join(home, "minikeras.json")
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError:
        return {}
    except ValueError as error:
        raise ValueError(f"The settings file {path} is not valid JSON ({error}). Mend or remove it.") from None
    return {key: found[key] for key in DEFAULTS if key in found}


_settings = {**DEFAULTS, **_read_file()}
if os.environ.get("MINIKERAS_BACKEND"):
    _settings["backend"] = os.environ["MINIKERAS_BACKEND"]
_optimize = 1


def start_backend():
    """Name of the backend that the process starts on."""
    return _settings["backend"]


def epsilon():
    """The fuzz factor that keeps divisions and logarithms finite (1e-7 unless set)."""
    return _settings["epsilon"]


def set_epsilon(e):
    """Sets the fuzz factor. e: a positive float."""
    _settings["epsilon"] = float(e)


def floatx():
    """The default float type: 'float16', 'float32' or 'float64'."""
    return _settings["floatx"]


def set_floatx(floatx):
    """Sets the default float type. Raises ValueError for anything but 'float16', 'float32' and 'float64'."""
    if floatx not in FLOATS:
        raise ValueError(f"set_floatx: expected one of {FLOATS}, got {floatx!r}.")
    _settings["floatx"] = str(floatx)


def image_data_format():
    """The default layout of images: 'channels_last' or 'channels_first'."""
    return _settings["image_data_format"]


def set_image_data_format(data_format):
    """Sets the default layout of images. Raises ValueError for an unknown one."""
    if data_format not in DATA_FORMATS:
        raise ValueError(f"set_image_data_format: expected one of {DATA_FORMATS}, got {data_format!r}.")
    _settings["image_data_format"] = str(data_format)


def normalize_data_format(value):
    """The layout `value` in lower case; None stands for `image_data_format()`. Raises ValueError for an unknown one."""
    name = image_data_format() if value is None else str(value).lower()
    if name not in DATA_FORMATS:
        raise ValueError(f"data_format: expected one of {DATA_FORMATS} or None, got {value!r}.")
    return name


def optimize(level=None):
    """How much programs are rewritten before they run.

    level: 0 for none (dead code and host values only: for debugging, and to compare), 1 for all; None only asks.
    Returns the level. Functions compiled before keep what they were compiled with until they are called again.
    """
    global _optimize
    if level is not None:
        if level not in (0, 1):
            raise ValueError(f"optimize: expected level 0 or 1, got {level!r}.")
        _optimize = level
    return _optimize


# The settings files of Keras validate on load as well: a wrong value is found at import, not in the first model.
set_floatx(_settings["floatx"])
set_image_data_format(_settings["image_data_format"])
set_epsilon(_settings["epsilon"])
