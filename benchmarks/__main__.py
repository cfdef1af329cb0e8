"""python -m benchmarks [--peers | --growth] [--only NAME ...] [--backends NAME ...] [--rounds N] [--seconds S] ..."""

import argparse
import json
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import contest, costs, growth, report
from .contest import BACKENDS, OURS, RIVALS
from .workloads import WORKLOADS

RESULTS = Path(__file__).parent / "results"


def arguments():
    parser = argparse.ArgumentParser("python -m benchmarks", description="Speed of minikeras.")
    parser.add_argument("--peers", action="store_true", help="compare with hand-written code, backend by backend")
    parser.add_argument("--without", nargs="+", default=[], metavar="WORD", help="leave out peers so named")
    parser.add_argument("--growth", action="store_true", help="how time and memory grow with the size of a model")
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), help="workloads")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.25, help="of one contestant in one round")
    parser.add_argument("--cpu", action="store_true", help="processor time of one thread: for a busy machine")
    parser.add_argument("--json", type=Path, help="where to write all numbers, and beside it the chart")
    return parser.parse_args()


def machine():
    """What the numbers hang on."""

    def installed(name):
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    names = (line.split(":")[1].strip() for line in cpu_info() if line.startswith("model name"))
    cpu = next(names, platform.processor())
    libraries = {name: installed(name) for name in ("numpy", "jax", "torch", "autograd", "keras")}
    return {"cpu": cpu, "python": platform.python_version(), **{k: v for k, v in libraries.items() if v}}


def cpu_info():
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def tell(*words):
    """A line of progress."""
    print(*words, sep=" | ", file=sys.stderr, flush=True)


def groups(options):
    """Who is measured against whom: all our backends together, or each with its peers."""
    backends = [name for name in options.backends if OURS[name].installed]
    if not options.peers:
        return [[OURS[name] for name in backends]]
    peers = {b: [entry for rival in RIVALS[b] for entry in rival.entries if entry.installed] for b in backends}
    return [[OURS[b], *(p for p in peers[b] if not any(w in p.title for w in options.without))] for b in backends]


def run(options, clock):
    """Each group of entries on each workload; progress to stderr. Returns the records."""
    records, start = [], time.perf_counter()
    for workload in (WORKLOADS[name] for name in options.only):
        for everybody in groups(options):
            entries = [e for e in everybody if any(e.takes(workload.name, mode) for mode in workload.modes)]
            tell(f"{time.perf_counter() - start:5.0f} s", workload.name, *(e.title for e in entries))
            records += contest.contest(entries, workload, options.rounds, options.seconds, clock, tell)
    return records


def main():
    options = arguments()
    if options.cpu:  # the libraries' pools of threads, where they read it
        contest.ONE_THREAD.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    clock = "cpu" if options.cpu else "wall"
    document = {"command": " ".join(["python -m benchmarks", *sys.argv[1:]]), "machine": machine()}
    print(", ".join(f"{k} {v}" for k, v in document["machine"].items()))
    print("Processor time of one thread.\n" if options.cpu else "Wall time.\n")
    backends = [name for name in options.backends if OURS[name].installed]
    kind = "growth" if options.growth else "peers" if options.peers else "backends"
    path = options.json or RESULTS / f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if options.growth:
        document["growth"] = growth.measure(backends, tell)
        print(growth.table(document["growth"]))
        draw, wrong = growth.draw, False
    else:
        document["records"] = records = run(options, clock)
        path.write_text(json.dumps(document, indent=1) + "\n")  # it took long: whatever happens next
        document["costs"] = [costs.measure(OURS[b], clock) for b in backends]
        for part in report.tables(records, document["costs"], backends, options.peers):
            print(part, end="\n\n")
        draw = report.draw
        wrong = report.warn_of_different_values(records)
    path.write_text(json.dumps(document, indent=1) + "\n")
    tell(f"All numbers: {path}")
    if (chart := path.with_suffix(".png")) and draw(document, chart):
        tell(f"Chart: {chart}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
