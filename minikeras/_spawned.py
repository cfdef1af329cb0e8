"""The main module of a process that a script's `multiprocessing` spawns: the script, up to its `__name__` check."""

import os
import sys

from minikeras.scripts import as_keras, execute

if __name__ == "__mp_main__":
    as_keras()
    sys.argv[0] = os.environ["MINIKERAS_SCRIPT"]
    execute(sys.argv[0], globals())
