"""Callbacks that keep and show what happens: averages, history, progress bar, files, a remote monitor."""
import csv
import json
import os
import warnings
from collections.abc import Iterable

import numpy as np

from ..utils.progbar import Progbar
from .base import Callback


class Averages:
    """Means over the batches, weighted by their sizes. Nothing is looked at, no device waited for, before `fold`."""

    def __init__(self, stateful):
        self.stateful = stateful
        self.totals, self.last, self.seen = {}, {}, 0
        self._pending = []

    def add(self, size, logs):
        self._pending.append((size, logs))
        if len(self._pending) >= 10_000:            # bounds the memory of an endless epoch
            self.fold()

    def fold(self):
        if not self._pending:
            return
        last = self._pending[-1][1]
        sizes = np.array([size for size, _ in self._pending], "float64")
        self.seen += float(sizes.sum())
        for name in last:
            if name in self.stateful:
                self.last[name] = last[name]
            elif name not in ("batch", "size", "num_steps"):
                values = np.array([logs.get(name, 0.0) for _, logs in self._pending], "float64")
                # One after the other: the sum does not depend on how often it is looked at.
                self.totals[name] = float(np.cumsum([self.totals.get(name, 0.0), *sizes * values])[-1])
        self._pending.clear()

    def get_state(self):
        self.fold()
        return {"totals": self.totals, "last": self.last, "seen": self.seen}

    def set_state(self, state):
        vars(self).update(state, _pending=[])

    def means(self):
        self.fold()
        return {**{name: total / max(1, self.seen) for name, total in self.totals.items()}, **self.last}


class BaseLogger(Callback):
    """Puts the epoch's means of the batches' values into its logs; `fit` uses it first of all.

    stateful_metrics: names of values that are means already, and taken as they are at the epoch's end.
    """

    def __init__(self, stateful_metrics=None):
        super().__init__()
        self.stateful_metrics = set(stateful_metrics or ())

    def on_epoch_begin(self, epoch, logs=None):
        self._averages = Averages(self.stateful_metrics)

    def on_batch_end(self, batch, logs=None):
        logs = logs or {}
        self._averages.add(logs.get("size", 0), logs)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            means = self._averages.means()
            logs.update((name, means[name]) for name in self.params.get("metrics", ()) if name in means)


class History(Callback):
    """What `fit` returns: `epoch`, a list of epochs, and `history`, a dict of lists with the values of each epoch."""

    def on_train_begin(self, logs=None):
        self.epoch, self.history = [], {}

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class ProgbarLogger(Callback):
    """The progress bar of `fit`.

    count_mode: 'samples' or 'steps', what the bar counts. stateful_metrics: names of values not to be averaged.
    Raises ValueError for another count_mode.
    """

    def __init__(self, count_mode="samples", stateful_metrics=None):
        super().__init__()
        if count_mode not in ("samples", "steps"):
            raise ValueError(f"ProgbarLogger: count_mode must be 'samples' or 'steps', got {count_mode!r}.")
        self.use_steps = count_mode == "steps"
        self.stateful_metrics = set(stateful_metrics or ())

    def on_train_begin(self, logs=None):
        self.verbose = self.params.get("verbose", 0)
        self.epochs = self.params.get("epochs")

    def on_epoch_begin(self, epoch, logs=None):
        self.seen = 0
        self.target = self.params.get("steps" if self.use_steps else "samples")
        self._averages = Averages(self.stateful_metrics)
        if self.verbose:
            print(f"Epoch {epoch + 1}/{self.epochs or 'Unknown'}")
            self.progbar = Progbar(self.target, verbose=self.verbose, stateful_metrics=self.stateful_metrics)

    def on_batch_end(self, batch, logs=None):
        if not self.verbose:
            return
        steps = logs.get("num_steps", 1)
        size = steps if self.use_steps else logs.get("size", 0) * steps
        self.seen += size
        self._averages.add(size, logs)
        # The last line waits for the epoch's end, when the validation's values are there.
        if (self.target is None or self.seen < self.target) and self.progbar.due(self.seen):
            self._show(self._averages.means(), finished=False)

    def on_epoch_end(self, epoch, logs=None):
        if self.verbose:
            self._show(logs or {}, finished=True)

    def _show(self, values, finished):
        self.progbar.stateful_metrics.update(values)          # they are means already
        shown = [(name, values[name]) for name in self.params.get("metrics", ()) if name in values]
        self.progbar.update(self.seen, shown, finished)


class CSVLogger(Callback):
    """Writes the values of each epoch as a line of a CSV file.

    filename: the file. separator: between values. append: go on with a file that is there, rather than write it anew.
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename, self.sep, self.append = filename, separator, append
        self.writer = self.keys = self.csv_file = None

    def on_train_begin(self, logs=None):
        self.append_header = not (self.append and os.path.exists(self.filename) and os.path.getsize(self.filename))
        mode = "a" if self.append else "w"
        self.csv_file = open(self.filename, mode, newline="", encoding="utf-8")  # noqa: SIM115 (till on_train_end)
        self.writer = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
        if self.writer is None:
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], delimiter=self.sep)
            if self.append_header:
                self.writer.writeheader()
        # A training that was stopped may lack the validation's values.
        self.writer.writerow({"epoch": epoch, **{k: _cell(logs[k]) if k in logs else "NA" for k in self.keys}})
        self.csv_file.flush()

    def get_state(self):
        with open(self.filename, newline="", encoding="utf-8") as file:
            return {"keys": self.keys, "begun": self.writer is not None, "header": self.append_header,
                    "text": file.read()}  # fmt: skip

    def set_state(self, state):
        """The file becomes what it was, without what was written since."""
        self.keys, self.append_header = state["keys"], state["header"]
        self.csv_file.seek(0)
        self.csv_file.truncate()
        self.csv_file.write(state["text"])
        self.csv_file.flush()
        if state["begun"]:
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], delimiter=self.sep)

    def on_train_end(self, logs=None):
        self.csv_file.close()
        self.writer = None


def _cell(value):
    if isinstance(value, str) or not isinstance(value, Iterable) or np.ndim(value) == 0:
        return value
    return '"[{}]"'.format(", ".join(map(str, value)))


class RemoteMonitor(Callback):
    """Posts the values of each epoch to a server, as JSON.

    root, path: the address is root + path. field: the form field for the JSON text, unless send_as_json sends it as
    the body. headers: of the request, a dict. A server that cannot be reached gives a warning and no error.
    """

    def __init__(self, root="http://localhost:9000", path="/publish/epoch/end/", field="data", headers=None,
                 send_as_json=False):
        super().__init__()
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch, logs=None):
        import urllib.error
        import urllib.parse
        import urllib.request
        body = json.dumps({"epoch": epoch, **(logs or {})}, default=lambda value: value.tolist())
        headers = {"Content-Type": "application/json"} if self.send_as_json else {}
        body = body if self.send_as_json else urllib.parse.urlencode({self.field: body})
        request = urllib.request.Request(self.root + self.path, body.encode(), {**headers, **(self.headers or {})})
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError:
            pass  # it was reached; what it answers is its own affair
        except OSError:
            warnings.warn(f"RemoteMonitor: the server at {self.root} could not be reached.", stacklevel=2)
