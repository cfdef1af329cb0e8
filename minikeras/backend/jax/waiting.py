"""Waiting for results without sleep: to be woken can take a tenth of a small training step, or half of a prediction."""

import os
import time

PATIENCE = 5e-4  # seconds; a program that takes longer does not notice how long it takes to be woken


def until_ready(array):
    """Waits awake for an array of JAX, which takes the processor only while no other thread wants it.

    After PATIENCE it gives up, and at once where processors cannot be yielded. Arrays of NumPy are there already.
    """
    if not (hasattr(os, "sched_yield") and hasattr(array, "is_ready")):
        return
    end = time.perf_counter() + PATIENCE
    while not array.is_ready() and time.perf_counter() < end:
        os.sched_yield()
