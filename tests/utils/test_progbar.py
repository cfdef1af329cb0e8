"""The progress bar."""
import types

import pytest

from minikeras.utils import Progbar, progbar


class Terminal:
    def __init__(self, is_a_tty=True):
        self.text, self.is_a_tty = "", is_a_tty

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return self.is_a_tty


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal()
    # What pytest captures is swapped between set-up and test, so the module gets a system of its own.
    monkeypatch.setattr(progbar, "sys", types.SimpleNamespace(stdout=terminal, modules={}))
    return terminal


def test_values_are_averaged_over_the_steps_and_stateful_ones_shown_as_they_come(terminal):
    bar = Progbar(4, interval=0, stateful_metrics=["acc"])
    bar.update(1, [("loss", 1.0), ("acc", 0.5)])
    bar.update(4, [("loss", 3.0), ("acc", 0.75)])
    assert "4/4 [==============================]" in terminal.text
    assert "loss: 2.5000 - acc: 0.7500\n" in terminal.text


def test_a_line_is_redrawn_in_place_with_the_time_left(terminal):
    bar = Progbar(2, interval=0)
    bar.add(1)
    assert terminal.text.startswith("\r1/2 [==============>...............] - ETA: ")
    bar.add(1)
    assert terminal.text.endswith("\n")


def test_a_shorter_line_wipes_a_longer_one(terminal):
    bar = Progbar(None, interval=0, stateful_metrics=["x"])
    bar.update(1, [("x", "a rather long value")])
    bar.update(2, [("x", 1.0)], finished=True)
    first, second = terminal.text.split("\r")[1:]
    assert len(first) == len(second.rstrip("\n"))


def test_drawing_is_throttled_except_for_the_last_line(terminal):
    bar = Progbar(1000, interval=60)
    for _ in range(999):
        bar.add(1)
    assert terminal.text.count("\r") == 1
    bar.add(1)
    assert terminal.text.count("\r") == 2


def test_a_file_gets_one_line_when_done(terminal):
    terminal.is_a_tty = False
    bar = Progbar(100, interval=0)
    for _ in range(100):
        bar.add(1, [("loss", 0.5)])
    assert terminal.text.count("\n") == 1
    assert "\r" not in terminal.text


def test_verbose_2_shows_no_bar_and_0_nothing(terminal):
    Progbar(1, verbose=2).update(1, [("loss", 0.5)])
    assert "[" not in terminal.text
    assert terminal.text.endswith("loss: 0.5000\n")
    Progbar(1, verbose=0).update(1)
    assert terminal.text.count("\n") == 1


def test_an_unknown_target_is_shown_as_such_and_ends_when_said(terminal):
    bar = Progbar(None, interval=0)
    bar.update(7)
    bar.update(8, finished=True)
    assert "8/Unknown" in terminal.text
    assert terminal.text.endswith("\n")


def test_small_values_are_shown_with_exponents(terminal):
    Progbar(1).update(1, [("loss", 1.5e-5)])
    assert "loss: 1.5000e-05" in terminal.text
