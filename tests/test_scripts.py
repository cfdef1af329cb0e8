"""Scripts that say `import keras`: what their imports give, and how they are run."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minikeras import backend as K
from minikeras import scripts

BACKENDS = [name for name in ("numpy", "jax", "torch") if importlib.util.find_spec(name)]
SHEET = json.loads((Path(__file__).parent / "data" / "keras_2_3_1_api.json").read_text())


IMPORTS = """
import importlib
import keras
import minikeras
for path in PATHS:
    module = importlib.import_module("keras." + path)
    assert module is importlib.import_module("minikeras." + path), path
    assert module.__name__ == module.__spec__.name == "minikeras." + path, path
    for root in ("tensorflow.keras", "tensorflow.python.keras"):
        assert importlib.import_module(f"{root}.{path}") is module
assert keras.__version__ == "2.3.1"
assert keras.layers.Dense is minikeras.layers.Dense and keras.Model is minikeras.models.Model
import keras.backend as K
import keras.backend.tensorflow_backend as T
from keras.backend import tensorflow_backend as U
assert K is T is U is K.tensorflow_backend is minikeras.backend
K.set_image_dim_ordering("th")
assert K.image_dim_ordering() == "th" and K.image_data_format() == "channels_first"
from keras.engine.topology import load_weights_from_hdf5_group
import keras.utils.training_utils
from keras.layers.recurrent import Recurrent
from keras.layers.convolutional import AtrousConvolution2D
from keras.engine.training import slice_arrays
import tensorflow as tf
assert tf.keras.layers.Dense is keras.layers.Dense
from keras_preprocessing.sequence import pad_sequences
assert pad_sequences is keras.preprocessing.sequence.pad_sequences
import keras.applications.vgg16
assert keras.applications.vgg16 is minikeras.applications.vgg16
"""


def run(tmp_path, code, *arguments, options=(), name="script.py", backend="numpy"):
    """The finished process of `python -m minikeras run`."""
    (tmp_path / name).write_text(code)
    command = [sys.executable, "-m", "minikeras", "run", *options, str(tmp_path / name), *arguments]
    if backend:
        command[4:4] = ["--backend", backend]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])


def test_every_module_of_keras_is_the_module_of_minikeras(tmp_path):
    paths = sorted(path for path in SHEET if path and not path.startswith("applications."))
    result = run(tmp_path, f"PATHS = {paths!r}\n" + IMPORTS)
    assert result.returncode == 0, result.stderr


def test_a_script_sees_what_python_would_show_it(tmp_path):
    (tmp_path / "neighbour.py").write_text("value = 42")
    code = """
import os, sys
import keras.backend as K
from neighbour import value
class Here: pass
print([sys.argv[1:], __name__, os.path.basename(sys.argv[0]), __file__ == sys.argv[0], value, K.backend(),
       Here.__module__, sys.path[0] == os.path.dirname(__file__), sys.modules["__main__"].Here is Here])
import pickle
assert isinstance(pickle.loads(pickle.dumps(Here())), Here)
"""
    expected = "[['-x', '--backend', '1'], '__main__', 'script.py', True, 42, 'numpy', '__main__', True, True]"
    assert run(tmp_path, code, "--", "-x", "--backend", "1").stdout.strip() == expected
    assert run(tmp_path, code, "-x", "--backend", "1").stdout.strip() == expected


@pytest.mark.parametrize("name", BACKENDS)
def test_the_option_picks_the_backend(tmp_path, name):
    code = "import keras; print(keras.backend.backend())"
    assert run(tmp_path, code, f"--backend={name}", backend=None).stdout.strip() == name


@pytest.mark.parametrize("name", BACKENDS)
def test_a_script_in_the_manner_of_keras_2_learns(name):
    script = Path(__file__).parent / "data" / "keras_2_scripts" / "attention.py"
    result = subprocess.run([sys.executable, "-W", "ignore", "-m", "minikeras", "run", "--backend", name, str(script),
                             "--epochs", "4"], capture_output=True, text=True, check=False,
                            cwd=Path(__file__).parents[1])  # fmt: skip
    assert result.returncode == 0, result.stderr
    _, best, *_, of_file = result.stdout.splitlines()[-1].split()
    assert float(best) > 0.9 and float(of_file) == pytest.approx(float(best), abs=1e-6)


def test_exit_statuses_and_tracebacks_are_those_of_python(tmp_path):
    assert run(tmp_path, "import sys; sys.exit(3)").returncode == 3
    failed = run(tmp_path, "def f():\n    raise KeyError('k')\nf()\n")
    assert failed.returncode == 1
    plain = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=False)
    assert failed.stderr == plain.stderr
    failed = run(tmp_path, "x = (")
    assert failed.returncode == 1 and "scripts.py" not in failed.stderr and "SyntaxError" in failed.stderr
    assert run(tmp_path, "", name="a.py", options=["--nonsense"]).returncode == 2
    message = run(tmp_path, "import sys; sys.exit('the reason')")
    assert message.returncode == 1 and message.stderr == "the reason\n"


def test_spawned_processes_see_keras_too(tmp_path):
    code = """
import keras
def f(x):
    return x + 1, keras.__version__
if __name__ == "__main__":
    import multiprocessing
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(f, [1]))
"""
    assert run(tmp_path, code).stdout.strip() == "[(2, '2.3.1')]"


def test_what_is_of_tensorflow_says_what_to_use(tmp_path):
    code = """
import tensorflow as tf
def error(f):
    try:
        f()
    except (AttributeError, ImportError) as error:
        print(type(error).__name__, error)
def client():
    from tensorflow.python.client import device_lib
def session():
    from tensorflow import Session
error(lambda: tf.reduce_sum)
error(lambda: tf.nn.softmax)
error(lambda: tf.set_random_seed(1))
error(lambda: tf.nonsense)
error(client)
error(session)
assert not hasattr(tf, "contrib_") and tf.__version__ == "1.15.0"
"""
    lines = run(tmp_path, code).stdout.splitlines()
    expected = ["tensorflow.reduce_sum: .*K.sum", "tensorflow.nn.softmax: .*K.softmax", ".*np.random.seed",
                ".*keras.backend.native", "tensorflow.python.client: .*devices", "tensorflow.Session: .*K.function"]
    assert len(lines) == len(expected)
    for i, (line, pattern) in enumerate(zip(lines, expected, strict=True)):
        assert re.match(f"{'ImportError' if i > 3 else 'AttributeError'} {pattern}", line), line


@pytest.mark.parametrize("name", [n for use, names in scripts._TF_INSTEAD.items() if use.startswith("K.")
                                  for n in ([use[2:]] if "{}" not in use else names.split())])  # fmt: skip
def test_what_the_errors_name_is_in_the_backend(name):
    assert all(hasattr(K, word.removeprefix("K.").strip(",")) for word in name.split() if word not in ("or", "and"))


def test_another_keras_that_is_there_already_is_an_error():
    code = """
import sys, types
sys.modules["keras"] = types.ModuleType("keras")
import minikeras
try:
    minikeras.as_keras()
except RuntimeError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "another package keras is imported already" in result.stdout


def test_as_keras_gives_the_package_that_import_keras_gives():
    code = """
import minikeras
keras = minikeras.as_keras()
assert minikeras.as_keras() is keras
import keras as imported
assert imported is keras and "layers" in dir(keras) and keras.layers is minikeras.layers
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
