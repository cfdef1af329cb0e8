"""Short forms of what `nox -s fuzz` and `nox -s crash` do at length, in processes without threads, which can fork."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def run(script, *arguments):
    command = [sys.executable, "-W", "ignore", Path(__file__).with_name(script), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MINIKERAS_BACKEND": "numpy"})
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_files_with_mutations_load_or_raise_our_error():
    pytest.importorskip("h5py")
    pytest.importorskip("yaml")
    found = run("fuzzing.py", 100, 3)
    assert set(found["outcomes"]) == {"loaded", "refused"}


def test_a_killed_save_leaves_a_whole_file():
    pytest.importorskip("h5py")
    found = run("killed_saves.py", 30)
    assert found["saves"] > 0
    assert found["last told"] + found["one more"] == 30
