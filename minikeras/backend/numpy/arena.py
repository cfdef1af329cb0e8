"""The memory in which the linker places what steps make."""

import bisect
import math

import numpy as np

ALIGN = 64


class Arena:
    """Memory for values with limited lifetimes: what is free again is handed out, best fit first, and cut to size.

    Times are indices of steps. Memory that has another use from some step on can be lent until then.
    """

    def __init__(self):
        self.regions, self.ends = [], []  # uint8 arrays, and the steps at which they have to be free (own ones never)
        self.free = []  # (region, start, stop), sorted; no two of them touch
        self.spans = {}  # id of a block that was handed out -> the same of it

    def lend(self, memory, end=math.inf):
        """Gives the arena memory, a uint8 array, that has to be free at the step `end`."""
        start = -memory.ctypes.data % ALIGN
        stop = start + (len(memory) - start) // ALIGN * ALIGN
        self.regions.append(memory)
        self.ends.append(end)
        if start < stop:
            bisect.insort(self.free, (len(self.regions) - 1, start, stop))

    def take(self, nbytes, last):
        """A block that is in use up to the step `last`."""
        nbytes = -(-max(nbytes, 1) // ALIGN) * ALIGN
        fitting = [span for span in self.free if span[2] - span[1] >= nbytes and self.ends[span[0]] > last]
        if not fitting:
            self.lend(np.empty(nbytes + ALIGN, np.uint8))
            fitting = [span for span in self.free if span[0] == len(self.regions) - 1]
        # What is lent first: it serves for a shorter time.
        region, start, stop = best = min(fitting, key=lambda span: (self.ends[span[0]], span[2] - span[1]))
        self.free.remove(best)
        if stop - start > nbytes:
            bisect.insort(self.free, (region, start + nbytes, stop))
        block = self.regions[region][start : start + nbytes]
        self.spans[id(block)] = region, start, start + nbytes
        return block

    def lasts(self, block, last):
        """Whether the block can stay in use up to the step `last`."""
        return self.ends[self.spans[id(block)][0]] > last

    def give(self, block):
        region, start, stop = self.spans.pop(id(block))
        i = bisect.bisect(self.free, (region, start))
        if i < len(self.free) and self.free[i][:2] == (region, stop):
            stop = self.free.pop(i)[2]
        if i and self.free[i - 1][0] == region and self.free[i - 1][2] == start:
            start = self.free.pop(i - 1)[1]
        bisect.insort(self.free, (region, start, stop))
