"""Programs that say `import keras`: `as_keras()` inside one, and the code behind `python -m minikeras run`.

`import keras.layers.core` then gives the module minikeras.layers.core, the same object, whatever else is installed by
the name of keras; and so for tensorflow.keras, tensorflow.python.keras and keras_preprocessing.
"""

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types

OURS = __package__
KERAS_VERSION = "2.3.1"
_ROOTS = {"keras": "", "tensorflow.keras": "", "tensorflow.python.keras": "", "tensorflow.compat.v1.keras": "",
          "keras_preprocessing": ".preprocessing"}  # fmt: skip
# Paths of Keras 1 and 2 under which minikeras has no module, and where what was in them is.
_MOVED = {"backend.common": "backend.config", "backend.load_backend": "backend", "backend.tensorflow_backend":
          "backend", "initializations": "initializers", "utils.training_utils": "utils.multi_gpu_utils",
          "utils.visualize_util": "utils.vis_utils"}  # fmt: skip
# Modules of Keras import names for their own use, so that scripts have these from there, too: where we look for them.
_HOMES = ("engine.base_layer engine.input_layer engine.network engine.saving engine.training engine.training_utils "
          "layers.core layers.merge layers.recurrent layers.wrappers legacy.layers models utils.data_utils "
          "utils.generic_utils utils.io_utils utils.layer_utils").split()  # fmt: skip
_RENAMED = {"AtrousConv1D": "AtrousConvolution1D", "AtrousConv2D": "AtrousConvolution2D",
            "print_layer_summary": "print_summary"}  # fmt: skip

# TensorFlow: modules that may be walked through, on the way to the name that is not there; and what to use then, unless
# K has an op of the same name.
_TF_MODULES = set("compat contrib image initializers logging losses math nn python random train v1 v2".split())
_TF_INSTEAD = {
    "K.variable": "Variable get_variable", "K.permute_dimensions": "transpose", "K.constant": "convert_to_tensor",
    "K.pool2d": "max_pool avg_pool", "K.clip": "clip_by_value", "K.switch": "cond", "K.concatenate": "concat",
    "K.resize_images": "resize resize_images resize_bilinear",
    "K.function, or K.eval and K.get_value": "Session InteractiveSession get_default_session "
                                             "global_variables_initializer",
    "np.random.seed, which all random numbers come from": "set_random_seed set_seed",
    "nothing of the kind: memory and devices are the backend's own": "ConfigProto GPUOptions device client config",
    "the optimizers and callbacks of keras": "Optimizer AdamOptimizer GradientDescentOptimizer Saver summary",
}  # fmt: skip


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds keras.x.y, and loads it by giving the module minikeras.x.y."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] == "tensorflow" and _ours(fullname) is None:
            if fullname.split(".")[-1] not in _TF_MODULES | {"tensorflow"}:
                raise ImportError(_no_tensorflow(fullname), name=fullname)
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        name = _ours(fullname)
        if name is None or (fullname.startswith(OURS) and name == fullname):
            return None
        try:
            found = name == OURS or importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True) if found else None

    def create_module(self, spec):
        name = _ours(spec.name)
        if name is None:
            return _TensorFlow(spec.name)
        if name == OURS:
            return _Keras(spec.name)
        module = importlib.import_module(name)
        module._minikeras_spec = module.__spec__  # the import system puts the alias's in its place
        return module

    def exec_module(self, module):
        if hasattr(module, "_minikeras_spec"):
            module.__spec__ = module.__dict__.pop("_minikeras_spec")
            _complete(module)


def _ours(fullname):
    """The name of the module of minikeras that `fullname` stands for, or None."""
    for root, place in {**_ROOTS, OURS: ""}.items():
        if fullname == root or fullname.startswith(f"{root}."):
            path = (place + fullname[len(root) :]).lstrip(".")
            return f"{OURS}.{_MOVED.get(path, path)}".rstrip(".")
    return None


def _complete(module):
    """Let the module pass on what Keras's module has from other modules."""
    path = module.__name__[len(OURS) + 1 :]
    if path == "backend":
        module.tensorflow_backend = module
        # Until Keras 2.2 the layouts of images had these names, too.
        module.image_dim_ordering = lambda: "tf" if module.image_data_format() == "channels_last" else "th"
        module.set_image_dim_ordering = lambda name: module.set_image_data_format(
            {"tf": "channels_last", "th": "channels_first"}.get(name, name))  # fmt: skip
    elif ("." in path or path == "activations") and "__getattr__" not in vars(module):
        module.__getattr__ = functools.partial(_passed_on, module.__name__)


def _passed_on(module, name):
    for home in () if name.startswith("_") else _HOMES:
        names = vars(importlib.import_module(f"{OURS}.{home}"))
        if _RENAMED.get(name, name) in names:
            return names[_RENAMED.get(name, name)]
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


class _Keras(types.ModuleType):
    """The package `keras`: minikeras's, with the version of Keras that it stands for."""

    __version__ = KERAS_VERSION

    def __getattr__(self, name):
        if name in importlib.import_module(OURS)._MODULES:
            return importlib.import_module(f"{self.__name__}.{name}")
        return getattr(importlib.import_module(OURS), name)

    def __dir__(self):
        return dir(importlib.import_module(OURS))


class _TensorFlow(types.ModuleType):
    """What `import tensorflow` gives: `keras`, which is minikeras, and for all else an error that says what to use."""

    __version__ = "1.15.0"

    def __getattr__(self, name):
        fullname = f"{self.__name__}.{name}"
        if name == "keras" or name in _TF_MODULES:
            return importlib.import_module("keras" if name == "keras" else fullname)
        raise AttributeError(_no_tensorflow(fullname), name=name, obj=self)


def _no_tensorflow(fullname):
    parts = fullname.split(".")[1:]
    instead = [use for part in parts for use, names in _TF_INSTEAD.items() if part in names.split()]
    name = parts[-1].removeprefix("reduce_")
    if not instead and hasattr(importlib.import_module(f"{OURS}.backend"), name):
        instead = [f"K.{name}"]
    if instead:
        use = f"Take {instead[0]}" + " (K is keras.backend)." * ("K." in instead[0])
    else:
        use = ("Write it with ops of keras.backend; a function of NumPy, JAX or PyTorch arrays becomes one by "
               "keras.backend.native.")  # fmt: skip
    return f"{fullname}: `keras` is minikeras here, and there is no TensorFlow under it. {use}"


def as_keras():
    """Let `import keras`, in this process and from now on, give minikeras, and return the module that it gives.

    Every module path of Keras 2.3.1, and the usual ones of older versions, is that of minikeras: the same objects.
    tensorflow.keras and tensorflow.python.keras resolve likewise. Of TensorFlow itself there is nothing: the error
    says what to use. Raises RuntimeError when another keras or tensorflow was imported before.
    """
    if not any(isinstance(finder, _Alias) for finder in sys.meta_path):
        for name in ("keras", "tensorflow", "keras_preprocessing"):
            if name in sys.modules:
                raise RuntimeError(f"as_keras: another package {name} is imported already. Call it before that.")
        sys.meta_path.insert(0, _Alias())
    return importlib.import_module("keras")


def run(path, arguments=(), backend=None):
    """Run a script of Keras 2 as Python would: as `__main__`, with its folder first on sys.path.

    path: the script. arguments: strings, its sys.argv[1:]. backend: "numpy", "jax", "torch" or None, the default.
    Returns the exit status: 0, or 1 after an exception, whose traceback is printed. SystemExit passes.
    """
    if backend:
        os.environ["MINIKERAS_BACKEND"] = backend  # also for the processes that it starts
    as_keras()
    sys.argv[:] = [os.fspath(path), *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    main = types.ModuleType("__main__")
    # A process that multiprocessing spawns imports the main module by this name: there the script is run again.
    main.__spec__ = importlib.machinery.ModuleSpec(f"{OURS}._spawned", None)
    os.environ["MINIKERAS_SCRIPT"] = os.path.abspath(path)
    main.__file__, main.__builtins__ = sys.argv[0], __builtins__
    sys.modules["__main__"] = main
    try:
        execute(path, vars(main))
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_globals is not vars(main):
            trace = trace.tb_next  # a reader of the traceback wants the script's part of it
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1
    return 0


def execute(path, namespace):
    """Run the file `path` with the dict `namespace` for its globals."""
    with open(path, "rb") as file:
        exec(compile(file.read(), os.fspath(path), "exec", dont_inherit=True), namespace)


USAGE = """usage: python -m minikeras run [--backend numpy|jax|torch] script.py [arguments]

Run a script that imports keras, or tensorflow.keras, on minikeras. --backend may stand after the script.
`--` ends the options of this command."""


def main(arguments):
    """The command line `python -m minikeras ...`: returns the exit status."""
    words, script, backend = list(arguments), None, None
    if words[:1] != ["run"]:
        print(USAGE, file=sys.stderr)
        return 0 if words[:1] in (["-h"], ["--help"]) else 2
    del words[0]
    while words:
        if words[0].startswith("--backend"):
            option, _, backend = words.pop(0).partition("=")
            backend = backend or (words.pop(0) if words else "")
            if option != "--backend" or not backend:
                print(f"{USAGE}\n\nerror: --backend needs a name", file=sys.stderr)
                return 2
        elif words[0] == "--" or script is not None:
            words = words[1:] if words[0] == "--" else words
            break
        else:
            script = words.pop(0)
    script = script or (words.pop(0) if words else None)
    if script is None or not os.path.isfile(script):
        print(f"{USAGE}\n\nerror: no such script: {script!r}", file=sys.stderr)
        return 2
    return run(script, words, backend)

