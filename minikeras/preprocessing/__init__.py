"""From pictures, sequences and texts to arrays."""

from . import image, sequence, text
