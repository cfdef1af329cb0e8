"""One contestant on one workload, in a process of its own: it answers a line of JSON with a line of JSON.

    python -m benchmarks.worker MODULE WORKLOAD CLOCK

CLOCK: wall, or cpu for the processor time of this process, which is then held to one core. The first line that it
prints is {"import_s", "build_s", "first_step_s"}; then it takes {"do": name, ...arguments}. What is timed (`fit`,
`train_on_batch`, `predict`, `predict_one`) answers [steps, seconds].
"""

import importlib
import json
import os
import resource
import sys
import time

ROWS = 200  # calls that make a pass of `predict_one`


class Worker:
    def __init__(self, module, workload, clock):
        self.now = {"wall": time.perf_counter, "cpu": time.process_time}[clock]
        self.module, imported = self.timed(lambda: importlib.import_module(module))
        from .workloads import WORKLOADS  # after the module, so that the import of numpy counts as the module's

        self.workload = WORKLOADS[workload]
        self.x, self.y = self.workload.data()
        self.trainer, built = self.timed(lambda: self.module.Trainer(self.workload))
        _, first = self.timed(lambda: self.trainer.train_on_batch(*self.batch(0)))
        self.start = {"import_s": imported, "build_s": built, "first_step_s": first}

    def timed(self, action):
        """(result, seconds)"""
        start = self.now()
        result = action()
        return result, self.now() - start

    def batch(self, i):
        i %= self.workload.batches
        part = slice(i * self.workload.batch, (i + 1) * self.workload.batch)
        return self.x[part], self.y[part]

    def check(self, steps):
        """Losses of the first steps, with no dropout; then the outputs for two rows, where those are predicted."""
        trainer = self.module.Trainer(self.workload, check=True)
        losses = [trainer.train_on_batch(*self.batch(i)) for i in range(steps)]
        if "predict" in self.workload.modes:
            losses += trainer.predict(self.x[:2], 2).ravel().tolist()
        if "predict_one" in self.workload.modes:
            losses += trainer.predict_one(self.x[:1]).ravel().tolist()
        return losses

    def fit(self, passes):
        """That many passes over the data."""
        return self.steps(passes, lambda: self.trainer.fit(self.x, self.y, self.workload.batch))

    def train_on_batch(self, passes):
        """The same batch by batch; each loss is looked at."""
        batches = [self.batch(i) for i in range(self.workload.batches)]
        return self.steps(passes, lambda: [self.trainer.train_on_batch(*batch) for batch in batches])

    def predict(self, passes):
        """The outputs for all data."""
        return self.steps(passes, lambda: self.trainer.predict(self.x, self.workload.batch))

    def predict_one(self, passes):
        """The outputs for one row, many times over."""
        rows = [self.x[i : i + 1] for i in range(len(self.x))]
        rows = (rows * ROWS)[:ROWS]
        _, seconds = self.timed(lambda: [self.trainer.predict_one(row) for _ in range(passes) for row in rows])
        return passes * ROWS, seconds

    def steps(self, passes, action):
        _, seconds = self.timed(lambda: [action() for _ in range(passes)])
        return passes * self.workload.batches, seconds

    def peak_mb(self):
        """The most memory that this process has had, in MB."""
        if os.path.exists("/proc/self/status"):  # of this program alone: getrusage also counts what it was forked from
            with open("/proc/self/status") as lines:
                return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main(module, workload, clock):
    if clock == "cpu" and hasattr(os, "sched_setaffinity"):  # for pools of threads that no variable bounds
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    worker = Worker(module, workload, clock)
    print(json.dumps(worker.start), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(worker, request.pop("do"))(**request)), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
