"""The older name of the container of layers: `Network`."""

from .topology import *
