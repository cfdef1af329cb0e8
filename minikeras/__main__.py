"""`python -m minikeras run script.py`: a script of Keras 2 on minikeras."""

import sys

from .scripts import main

sys.exit(main(sys.argv[1:]))
