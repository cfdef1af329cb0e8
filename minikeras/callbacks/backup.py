"""BackupAndRestore: a training that was killed goes on as if nothing had happened."""

import contextlib
import json
import os
import warnings

import numpy as np

from .. import backend as K
from ..backend.draws import Draws, global_state, set_global_state
from ..backend.ops.random import rng
from ..utils.files import atomic_file
from .base import Callback

MAGIC = b"minikeras backup 1\n"  # then a SHA-256 of the rest, the length of a JSON text, this, and the arrays' bytes


class BackupAndRestore(Callback):
    """Keeps all that `fit` needs to go on in one file; a `fit` that finds the file goes on from there, bit for bit.

    filepath: the file (JSON and arrays, with a checksum), or a folder for it. The file is replaced as a whole, and the
    one before is kept as `<filepath>.previous`: whatever breaks off when, one of them is sound. save_freq: 'epoch', or
    every so many batches; what was trained after the last save is trained again, with the same result.
    delete_checkpoint: whether the files go when `fit` is over; if they stay, running the script again finds a training
    that is over.

    In the file: weights, state and settings of the optimizer, metrics, states of random ops and of the generators of
    NumPy, Python and PyTorch, the place in the data, the state of the other callbacks (`Callback.get_state`), and, if
    threadpoolctl is installed, how many threads BLAS and OpenMP use, which is kept so while `fit` runs.

    The script has to do the same again up to `fit`: build the same model on the same data. It need not set seeds.
    Generators and Sequences cannot be entered in the middle: their earlier batches are drawn again, and dropped. A
    generator is drawn from in the thread of the training, whatever `workers` says, as what several threads draw from a
    common generator of random numbers depends on their timing; so it does with several workers of a Sequence. Each
    `fit` of a script needs a file of its own. Raises ValueError for a file of another model or of other data. Warns
    about a file from another backend, other versions or another machine: then the last bits may differ.
    """

    def __init__(self, filepath, save_freq="epoch", delete_checkpoint=True):
        super().__init__()
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ValueError(f"BackupAndRestore: save_freq must be 'epoch' or a number of batches, got {save_freq!r}.")
        filepath = os.path.join(filepath, "training.backup") if os.path.isdir(filepath) else os.fspath(filepath)
        self.filepath, self.save_freq, self.delete_checkpoint = filepath, save_freq, delete_checkpoint
        self._limits = self._at_epoch = self._start = None

    # What `fit` calls

    def prepare(self):
        """Before any data are drawn: read the file if there is one, and let them be drawn as they were."""
        self._saved = saved = self._load()
        self._start = saved["start"] if saved else {"epoch": None, "random": global_state()}
        if saved:
            set_global_state(self._start["random"])

    def begin(self, callbacks, batches, validation, initial_epoch):
        """Before the first epoch: read the file if there is one. Returns the number of the epoch to begin with."""
        self._callbacks = [c for c in callbacks if c is not self]
        self._batches = batches
        sources = [batches, *([validation.batches] if validation else [])]
        if self._start is None:
            self.prepare()
        for source in sources:
            if source.replay and not source.sequence:
                source.workers = 0
        self._variables, self._draws = _variables_of(self.model), Draws(_roots(self.model))
        saved = self._saved
        self._environment, self._threads = _environment(), _threads()
        threads = saved["threads"] if saved else self._threads
        if threads is not None and _threadpools():
            self._limits = _threadpools().threadpool_limits(threads)  # they stay as they are
        if saved is None:
            self._start["epoch"] = initial_epoch
            self._save(initial_epoch, 0)
            return initial_epoch
        self._check(saved)
        if any(source.replay for source in sources):
            for epoch in range(self._start["epoch"], saved["epoch"]):
                _drain(batches)
                if validation and validation.due(epoch):
                    _drain(validation.batches)
        if not saved["batch"]:
            self._restore()
        return saved["epoch"]

    def enter(self, epoch, batches):
        """Once an epoch has begun: skip the batches (an iterator) that are done."""
        self.epoch = epoch
        self._at_epoch = self._saved["at_epoch"] if self._saved else global_state()
        if self._saved:
            if not self._batches.replay:
                set_global_state(self._at_epoch)
            for _ in range(self._saved["batch"]):
                next(batches)
            self._restore()

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq != "epoch" and (batch + 1) % self.save_freq == 0:
            self._save(self.epoch, batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        self._at_epoch = None
        self._save(epoch + 1, 0)

    def on_train_end(self, logs=None):
        if self.delete_checkpoint:
            for path in (self.filepath, self._previous):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def close(self):
        """However the training ended: threads are free again."""
        self._start = None
        if self._limits is not None:
            self._limits.restore_original_limits()
            self._limits = None

    # The file

    @property
    def _previous(self):
        return self.filepath + ".previous"

    def _save(self, epoch, batch):
        state = {
            "epoch": epoch, "batch": batch, "stop": self.model.stop_training, "start": self._start,
            "at_epoch": self._at_epoch, "random": global_state(), "draws": self._draws.get_state(),
            "data": _facts(self._batches), "environment": self._environment, "threads": self._threads,
            "callbacks": [[type(c).__name__, _state_of(c)] for c in self._callbacks],
            "variables": [[v.name, value] for v, value in
                          zip(self._variables, K.batch_get_value(self._variables), strict=True)],
        }  # fmt: skip
        os.makedirs(os.path.dirname(os.path.abspath(self.filepath)), exist_ok=True)
        with atomic_file(self.filepath) as file:
            file.writelines(packed(state))
            if os.path.exists(self.filepath):
                os.replace(self.filepath, self._previous)

    def _load(self):
        """The state in the file, or in the previous one if that is damaged or missing; None without any."""
        damaged = []
        for path in (self.filepath, self._previous):
            if os.path.exists(path):
                try:
                    with open(path, "rb") as file:
                        return unpacked(file.read())
                except ValueError as error:
                    damaged.append(f"{path}: {error}")
        if damaged:
            raise ValueError("BackupAndRestore: no file can be read. Delete them to begin anew. " + "; ".join(damaged))
        return None

    def _check(self, saved):
        given = [(tuple(np.shape(value))) for _, value in saved["variables"]]
        own = [tuple(K.int_shape(v)) for v in self._variables]
        if given != own or len(saved["draws"]) != len(self._draws.ops):
            raise ValueError(
                f"{self.filepath} is the backup of another model: it has {len(given)} variables of shapes "
                f"{given[:20]} and {len(saved['draws'])} random ops; the model has {len(own)} of shapes {own[:20]} and "
                f"{len(self._draws.ops)}. Delete the file to begin anew.")  # fmt: skip
        if saved["data"] != _facts(self._batches):
            raise ValueError(f"{self.filepath} is the backup of a training on other data: {saved['data']} there, "
                             f"{_facts(self._batches)} here. Delete the file to begin anew.")  # fmt: skip
        differ = {name: (saved["environment"].get(name), value) for name, value in self._environment.items()
                  if saved["environment"].get(name) != value}  # fmt: skip
        if differ:
            warnings.warn(f"The training goes on in another environment than before, so the last bits may differ "
                          f"(before, now): {differ}", RuntimeWarning, stacklevel=5)  # fmt: skip

    def _restore(self):
        saved, self._saved = self._saved, None
        K.batch_set_value([(v, value) for v, (_, value) in zip(self._variables, saved["variables"], strict=True)])
        self._draws.set_state(saved["draws"])
        states = {}
        for kind, state in saved["callbacks"]:
            states.setdefault(kind, []).append(state)
        fresh = []
        for callback in self._callbacks:
            kind = type(callback).__name__
            if states.get(kind):
                set_state = getattr(callback, "set_state", vars(callback).update)  # it may be no Callback
                set_state(states[kind].pop(0))
            elif kind != "ProgbarLogger":  # it comes and goes with `verbose`
                fresh.append(kind)
        if fresh:
            warnings.warn(f"{self.filepath} has no state of the callbacks {fresh}; they start anew.", RuntimeWarning,
                          stacklevel=6)  # fmt: skip
        self.model.stop_training = saved["stop"]
        # Workers draw ahead of the training: where they do, the generators are where the replay has left them.
        if getattr(self._batches, "enqueuer", None) is None:
            set_global_state(saved["random"])

    def get_state(self):
        return {}


def _drain(batches):
    for _ in batches.epoch():
        pass


def _roots(model):
    """All that training and evaluation compute."""
    model._make_test_function()
    functions = (model.train_function, model.test_function)
    return [t for function in functions if function is not None for t in function.roots()]


def _variables_of(model):
    """All variables that training reads or changes, in an order that depends on the model alone."""
    updated = [t.variable for t in _roots(model) if hasattr(t, "new_value")]
    of_optimizer = [v for v in vars(model.optimizer).values() if K.is_variable(v)]
    of_metrics = [weight for metric in model.metrics for weight in metric.weights]
    listed = [*model.weights, *getattr(model.optimizer, "weights", ()), *of_optimizer, *of_metrics, *updated]
    return list({id(v): v for v in listed}.values())


def _facts(batches):
    return {"samples": batches.samples, "batch_size": batches.batch_size, "steps": batches.steps}


def _environment():
    import importlib.metadata
    import platform

    try:
        version = importlib.metadata.version(K.backend())
    except importlib.metadata.PackageNotFoundError:  # a third party's, by another name
        version = None
    pools = _threadpools().threadpool_info() if _threadpools() else []
    libraries = [[pool["internal_api"], pool["version"], pool.get("architecture")] for pool in pools]
    return {"backend": K.backend(), "version": version, "numpy": np.__version__, "machine": platform.machine(),
            "cores": os.cpu_count(), "noise": rng(), "libraries": libraries}  # fmt: skip


def _threadpools():
    """The module threadpoolctl; None where it is not installed."""
    try:
        import threadpoolctl
    except ImportError:
        return None
    return threadpoolctl


def _threads():
    """{kind of library: number of threads}; None without threadpoolctl."""
    return _threadpools() and {pool["user_api"]: pool["num_threads"] for pool in _threadpools().threadpool_info()}


# ---- plain data as bytes ---------------------------------------------------------------------------------------------


def packed(value):
    """Plain data as a list of bytes and arrays of bytes: None, bools, numbers, text, arrays; lists, tuples and dicts of
    these. Raises TypeError for others."""
    arrays = []
    text = json.dumps(_encoded(value, arrays)).encode()
    content = [len(text).to_bytes(8, "little"), text, *map(_bytes_of, arrays)]
    return [MAGIC, _checksum(*content), *content]


def _checksum(*parts):
    import hashlib  # brings OpenSSL, of 3.5 MB

    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def _bytes_of(array):
    # Large ones are not copied.
    return array.tobytes() if array.nbytes < 4096 else np.ascontiguousarray(array).reshape(-1).view("uint8")


def unpacked(data):
    """What `packed` was given, from all of its bytes. Raises ValueError for other bytes, damaged ones among them."""
    content = memoryview(data)[len(MAGIC) + 32 :]
    if data[: len(MAGIC)] != MAGIC or data[len(MAGIC) : len(MAGIC) + 32] != _checksum(content):
        raise ValueError("it is damaged, or no file of this version.")
    start = 8 + int.from_bytes(content[:8], "little")
    return _decoded(json.loads(bytes(content[8:start])), content, [start])


def _encoded(value, arrays):
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufcSU":
        arrays.append(value)
        return {"scalar" if isinstance(value, np.generic) else "array": [value.dtype.str, value.shape]}
    if type(value) is list:
        return [_encoded(item, arrays) for item in value]
    if type(value) is tuple:
        return {"tuple": [_encoded(item, arrays) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_encoded(k, arrays), _encoded(v, arrays)] for k, v in value.items()]}
    raise TypeError(f"{type(value).__name__} is no plain data.")


def _decoded(form, content, at):
    """at: [where in the content the next array begins]"""
    if isinstance(form, list):
        return [_decoded(item, content, at) for item in form]
    if not isinstance(form, dict):
        return form
    ((kind, inner),) = form.items()
    if kind == "dict":
        return {_decoded(k, content, at): _decoded(v, content, at) for k, v in inner}
    if kind == "tuple":
        return tuple(_decoded(item, content, at) for item in inner)
    dtype, shape = inner
    array = np.frombuffer(content, dtype, int(np.prod(shape)), at[0]).reshape(shape).copy()
    at[0] += array.nbytes
    return array[()] if kind == "scalar" else array


def _state_of(callback):
    state = callback.get_state() if hasattr(callback, "get_state") else vars(callback)
    return {name: value for name, value in state.items() if _is_plain(value)}


def _is_plain(value):
    try:
        _encoded(value, [])
    except TypeError:
        return False
    return True
