"""Callbacks, with a stand-in for the model: what they do at which event."""
import csv
import http.server
import json
import socket
import threading
import types
import urllib.parse
import warnings

import numpy as np
import pytest

from minikeras import callbacks
from minikeras.callbacks import (
    BaseLogger,
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    ModelCheckpoint,
    ProgbarLogger,
    RemoteMonitor,
    TerminateOnNaN,
)


class Model:
    """What the callbacks use of a model."""

    def __init__(self):
        self.weights, self.stop_training, self.saved, self.optimizer = 0, False, [], None

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights

    def save(self, path, overwrite):
        self.saved.append(path)

    def save_weights(self, path, overwrite):
        self.saved.append(("weights", path))


def run(callback, epochs, batches=(), n_epochs=1, **params):
    """Run a callback through epochs (their logs) of batches (their logs), until it stops the training."""
    model = Model()
    names = list(epochs[0]) if epochs else []
    listed = callback if isinstance(callback, CallbackList) else CallbackList([callback])
    listed.set_model(model)
    listed.set_params({"metrics": names, "epochs": n_epochs, "verbose": 1, **params})
    listed.on_train_begin()
    for epoch, logs in enumerate(epochs):
        listed.on_epoch_begin(epoch)
        for i, batch_logs in enumerate(batches):
            listed.on_train_batch_begin(i, {"batch": i})
            listed.on_train_batch_end(i, {"batch": i, **batch_logs})
        model.weights = epoch
        listed.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    listed.on_train_end()
    return model


def values(*numbers, name="val_loss"):
    return [{name: number} for number in numbers]


# ---- the list

def test_hooks_that_nobody_overrides_are_not_called():
    listed = CallbackList([Callback(), History()])
    listed.on_train_begin()
    assert listed._on_train_batch_end == []
    assert len(listed._on_epoch_end) == 1


@pytest.mark.parametrize("name", ["on_batch_end", "on_train_batch_end"])
def test_both_names_of_a_batch_hook_are_called_once_a_batch(name):
    calls = []
    callback = type("Mine", (Callback,), {name: lambda self, batch, logs=None: calls.append(batch)})()
    run(callback, values(1), batches=[{}, {}])
    assert calls == [0, 1]


def test_hooks_of_evaluation_and_prediction_are_called():
    calls = []
    hooks = {f"on_{mode}_{event}": lambda *a, n=f"{mode}_{event}", **k: calls.append(n)
             for mode in ("test", "predict") for event in ("begin", "end", "batch_begin", "batch_end")}
    listed = CallbackList([type("Mine", (Callback,), hooks)()])
    for mode in ("test", "predict"):
        getattr(listed, f"on_{mode}_begin")()
        getattr(listed, f"on_{mode}_batch_begin")(0)
        getattr(listed, f"on_{mode}_batch_end")(0)
        getattr(listed, f"on_{mode}_end")()
    assert calls == [f"{m}_{e}" for m in ("test", "predict") for e in ("begin", "batch_begin", "batch_end", "end")]


def test_a_hook_assigned_at_the_start_of_training_is_called():
    seen = []

    class Late(Callback):
        def on_train_begin(self, logs=None):
            self.on_epoch_end = lambda epoch, logs=None: seen.append(epoch)

    run(Late(), values(1, 2))
    assert seen == [0, 1]


def test_objects_with_only_some_hooks_are_callbacks_too():
    seen = []
    callback = types.SimpleNamespace(set_model=lambda m: None, set_params=lambda p: None,
                                     on_batch_end=lambda batch, logs: seen.append(batch))
    run(callback, values(1), batches=[{}])
    assert seen == [0]


def test_lambda_callback_calls_its_functions():
    seen = []
    run(LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["val_loss"]),
                       on_train_batch_end=lambda batch, logs: seen.append("batch")), values(3), batches=[{}])
    assert seen == ["batch", 3]


# ---- loggers

def test_base_logger_averages_by_batch_size_and_takes_stateful_values_last():
    logs = {}
    logger = BaseLogger(stateful_metrics=["acc"])
    run(logger, [logs], [{"size": 3, "loss": 1.0, "acc": 0.2}, {"size": 1, "loss": 5.0, "acc": 0.4}],
        metrics=["loss", "acc", "val_loss"])
    assert logs == {"loss": 2.0, "acc": 0.4}


def test_base_logger_does_not_look_at_values_during_the_epoch():
    class Unseen(dict):
        looked = False

        def __getitem__(self, name):
            Unseen.looked = Unseen.looked or name == "loss"
            return super().__getitem__(name)

    logger = BaseLogger()
    logger.set_params({"metrics": ["loss"]})
    logger.on_epoch_begin(0)
    logger.on_batch_end(0, Unseen(size=1, loss=2.0))
    assert not Unseen.looked
    logs = {}
    logger.on_epoch_end(0, logs)
    assert logs == {"loss": 2.0}


def test_history_holds_a_list_for_each_value():
    history = History()
    run(history, [{"loss": 1, "acc": 2}, {"loss": 3, "acc": 4}])
    assert history.epoch == [0, 1]
    assert history.history == {"loss": [1, 3], "acc": [2, 4]}


def test_progbar_logger_shows_epochs_and_their_values(capsys):
    run(ProgbarLogger(), [{"loss": 1.5, "val_loss": 0.25}], [{"size": 2, "loss": 1.0}, {"size": 2, "loss": 2.0}],
        samples=4, n_epochs=3)
    shown = capsys.readouterr().out
    assert shown.startswith("Epoch 1/3\n")
    assert "4/4 [==============================]" in shown
    assert "loss: 1.5000 - val_loss: 0.2500" in shown


def test_progbar_logger_counts_steps_and_is_silent_when_told(capsys):
    run(ProgbarLogger("steps"), values(1), [{"size": 32}] * 3, steps=3)
    assert "3/3 [" in capsys.readouterr().out
    run(ProgbarLogger("steps"), values(1), [{"size": 32}] * 3, steps=3, verbose=0)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="count_mode"):
        ProgbarLogger("epochs")


def test_csv_logger_writes_a_line_an_epoch_and_appends(tmp_path):
    path = tmp_path / "log.tsv"
    run(CSVLogger(path, separator="\t"), [{"loss": 1.5, "acc": np.float32(0.5)}, {"loss": 1.0}])
    run(CSVLogger(path, separator="\t", append=True), [{"loss": 0.5, "acc": 1}])
    with open(path, newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert rows == [["epoch", "acc", "loss"], ["0", "0.5", "1.5"], ["1", "NA", "1.0"], ["0", "1", "0.5"]]


@pytest.fixture
def server():
    """(address, list of what was posted) of a server on this machine, which answers each with an error."""
    posted = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posted.append((self.path, dict(self.headers), body))
            self.send_error(500)

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", posted
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("as_json", [True, False])
def test_remote_monitor_posts_the_values_of_each_epoch(server, as_json):
    address, posted = server
    monitor = RemoteMonitor(address, "/here/", "values", {"X-Key": "abc"}, as_json)
    run(monitor, [{"loss": np.float32(0.5), "list": np.arange(2)}])
    ((path, headers, body),) = posted
    assert (path, headers["X-Key"]) == ("/here/", "abc")
    assert headers["Content-Type"] == ("application/json" if as_json else "application/x-www-form-urlencoded")
    body = body if as_json else urllib.parse.parse_qs(body)["values"][0]
    assert json.loads(body) == {"epoch": 0, "loss": 0.5, "list": [0, 1]}


def test_remote_monitor_survives_a_dead_server():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        root = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.warns(UserWarning, match=f"{root} could not be reached"):
            RemoteMonitor(root).on_epoch_end(2, {"loss": 1.0})


# ---- those that steer

@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_terminate_on_nan_stops(loss, capsys):
    assert run(TerminateOnNaN(), values(1), [{"loss": loss}]).stop_training
    assert not run(TerminateOnNaN(), values(1), [{"loss": 1.0}]).stop_training


def test_early_stopping_waits_for_its_patience_and_restores_the_best_weights():
    stopper = EarlyStopping(patience=2, restore_best_weights=True)
    model = run(stopper, values(3, 1, 2, 2, 0))
    assert (stopper.stopped_epoch, model.weights) == (3, 1)
    assert stopper.best == 1


def test_early_stopping_is_usable_again():
    stopper = EarlyStopping(patience=1)
    for _ in range(2):
        run(stopper, values(1, 2, 3))
        assert stopper.stopped_epoch == 1


def test_early_stopping_takes_accuracy_for_something_to_maximise():
    stopper = EarlyStopping(monitor="val_accuracy")
    run(stopper, values(0.5, 0.6, 0.6, name="val_accuracy"))
    assert stopper.stopped_epoch == 2


@pytest.mark.parametrize(("options", "stopped"), [({"min_delta": 0.5, "patience": 2}, 2), ({"baseline": 0.1}, 0),
                                                  ({"mode": "max", "patience": 1}, 1), ({"patience": 5}, 0)])
def test_early_stopping_options(options, stopped):
    stopper = EarlyStopping(**options)
    run(stopper, values(1.0, 0.9, 0.8, 0.7))
    assert stopper.stopped_epoch == stopped


def test_a_monitor_that_is_not_there_gives_a_warning_with_those_that_are():
    with pytest.warns(RuntimeWarning, match="'val_loss'.*: loss, acc"):
        run(EarlyStopping(), [{"loss": 1, "acc": 2}])


def test_an_unknown_mode_gives_a_warning_and_auto():
    with pytest.warns(RuntimeWarning, match="'sideways'"):
        assert EarlyStopping(mode="sideways").mode == "min"


def test_checkpoint_saves_each_period_under_the_formatted_name():
    model = run(ModelCheckpoint("{epoch:02d}-{val_loss:.1f}.h5", period=2), values(4, 3, 2, 1))
    assert model.saved == ["02-3.0.h5", "04-1.0.h5"]


def test_checkpoint_saves_only_the_best(capsys):
    model = run(ModelCheckpoint("{epoch}", save_best_only=True, verbose=1), values(3, 4, 2))
    assert model.saved == ["1", "3"]
    assert "improved from 3.00000 to 2.00000" in capsys.readouterr().out


def test_checkpoint_saves_weights_alone():
    assert run(ModelCheckpoint("{epoch}", save_weights_only=True), values(3)).saved == [("weights", "1")]


def test_reduce_lr_on_plateau_refuses_a_factor_of_one_and_takes_the_old_name_of_min_delta():
    with pytest.raises(ValueError, match="below 1"):
        callbacks.ReduceLROnPlateau(factor=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert callbacks.ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
    with pytest.raises(TypeError, match="patients"):
        callbacks.ReduceLROnPlateau(patients=3)
