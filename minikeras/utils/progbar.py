"""The progress bar."""
import sys
import time


class Progbar:
    """A progress bar that redraws its line at most once per `interval`.

    target: number of steps, None when unknown. width: of the bar, in characters.
    verbose: 1 a bar, 2 one line when done, 0 silent.
    interval: least time between two drawings, in seconds.
    stateful_metrics: names of values that are shown as they come; the others are averaged over the steps.

    On a terminal or in a notebook the bar is redrawn in place; written to a file it is one line, when done.
    """

    def __init__(self, target, width=30, verbose=1, interval=0.05, stateful_metrics=None):
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.stateful_metrics = set(stateful_metrics or ())
        self._values = {}              # name -> [sum of value * steps, steps], or the value for a stateful one
        self._seen_so_far = 0
        self._start = time.time()
        self._next_draw = 0.0
        self._drawn_width = 0
        self._out = sys.stdout
        self._in_place = getattr(self._out, "isatty", bool)() or "ipykernel" in sys.modules

    def due(self, current):
        """Whether `update(current, ...)` would draw now. Costs a fraction of a microsecond."""
        if self.target is not None and current >= self.target:
            return bool(self.verbose)
        return self.verbose == 1 and self._in_place and time.time() >= self._next_draw

    def update(self, current, values=None, finished=None):
        """Go to step `current`, with `values`, a list of (name, value) that hold since the last call.

        finished: whether to end the line; by default when the target is reached.
        """
        steps = current - self._seen_so_far
        for name, value in values or ():
            self._note(name, value, steps)
        self._seen_so_far = current
        if finished is None:
            finished = self.target is not None and current >= self.target
        if self.verbose and (finished or self.due(current)):
            self._draw(current, finished)

    def add(self, n, values=None):
        """Go `n` steps further."""
        self.update(self._seen_so_far + n, values)

    def _note(self, name, value, steps):
        if name in self.stateful_metrics:
            self._values[name] = value
            return
        total = self._values.setdefault(name, [0.0, 0])
        total[0] += value * steps
        total[1] += steps

    def _draw(self, current, finished):
        now = time.time()
        line = self._line(current, now, finished)
        if self.verbose == 1 and self._in_place:
            # Blanks wipe what is left of a longer line.
            line, self._drawn_width = "\r" + line.ljust(self._drawn_width), len(line)
        self._out.write(line + "\n" if finished else line)
        self._out.flush()
        # Measured from the end of the drawing, so that a slow terminal costs at most half of the time.
        done = time.time()
        self._next_draw = done + max(self.interval, done - now)

    def _line(self, current, now, finished):
        elapsed = now - self._start
        per_step = elapsed / max(1, current)
        if finished:
            shown = f"{elapsed:.0f}s {_per_step(per_step)}/step"
        else:
            shown = f"{elapsed:.0f}s" if self.target is None else "ETA: " + _eta(per_step * (self.target - current))
        bar = self._bar(current) + " " if self.verbose == 1 else ""
        return bar + "- " + shown + "".join(f" - {n}: {_number(self._value(n))}" for n in self._values)

    def _bar(self, current):
        if self.target is None:
            return f"{current:7d}/Unknown"
        count = f"{current:{len(str(self.target))}d}/{self.target}"
        filled = int(self.width * min(1.0, current / self.target)) if self.target else self.width
        arrow = "=" * filled if filled == self.width else "=" * max(0, filled - 1) + ">" * (filled > 0)
        return f"{count} [{arrow.ljust(self.width, '.')}]"

    def _value(self, name):
        value = self._values[name]
        return value[0] / max(1, value[1]) if isinstance(value, list) else value


def _number(value):
    try:
        value = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"


def _eta(seconds):
    minutes, secs = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}" if minutes else f"{secs}s"


def _per_step(seconds):
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
