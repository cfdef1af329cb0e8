"""One contestant on one workload, in a process of its own: it answers a line of JSON with a line of JSON.

    python -m benchmarks.worker MODULE WORKLOAD

The first line that it prints is {"import_s", "build_s", "first_step_s"}; then it takes {"do": name, ...arguments}.
"""

import importlib
import json
import os
import resource
import sys
import time


def timed(action):
    """(result, seconds)"""
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


class Worker:
    def __init__(self, module, workload):
        self.module, imported = timed(lambda: importlib.import_module(module))
        from .workloads import WORKLOADS  # after the module, so that the import of numpy counts as the module's

        self.workload = WORKLOADS[workload]
        self.x, self.y = self.workload.data()
        self.trainer, built = timed(lambda: self.module.Trainer(self.workload))
        _, first = timed(lambda: self.trainer.train_on_batch(*self.batch(0)))
        self.start = {"import_s": imported, "build_s": built, "first_step_s": first}

    def batch(self, i):
        part = slice(i * self.workload.batch, (i + 1) * self.workload.batch)
        return self.x[part], self.y[part]

    def check(self, steps):
        """Losses of the first steps, with no dropout."""
        trainer = self.module.Trainer(self.workload, check=True)
        return [trainer.train_on_batch(*self.batch(i)) for i in range(steps)]

    def fit(self, passes):
        """Seconds for that many passes over the data."""
        return timed(lambda: [self.trainer.fit(self.x, self.y, self.workload.batch) for _ in range(passes)])[1]

    def train_on_batch(self, passes):
        """The same batch by batch; each loss is looked at."""
        batches = [self.batch(i) for i in range(self.workload.batches)] * passes
        return timed(lambda: [self.trainer.train_on_batch(*batch) for batch in batches])[1]

    def fit_overhead(self):
        return self.trainer.fit_overhead(self.x, self.y, self.workload.batch)

    def peak_mb(self):
        """The most memory that this process has had, in MB."""
        if os.path.exists("/proc/self/status"):  # of this program alone: getrusage also counts what it was forked from
            with open("/proc/self/status") as lines:
                return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main(module, workload):
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    worker = Worker(module, workload)
    print(json.dumps(worker.start), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(worker, request.pop("do"))(**request)), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
