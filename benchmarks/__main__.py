"""python -m benchmarks [--peers] [--compile] [--only NAME ...] [--backends NAME ...] [--rounds N] [--seconds S]"""

import argparse
import json
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import contest
from .contest import BACKENDS, COMPILED, OURS, PEERS, disagreement, number, ratio, table
from .workloads import WORKLOADS

RESULTS = Path(__file__).parent / "results"


def arguments():
    parser = argparse.ArgumentParser("python -m benchmarks", description="Training speed of minikeras.")
    parser.add_argument("--peers", action="store_true", help="compare with hand-written code, backend by backend")
    parser.add_argument("--compile", action="store_true", help="with --peers: PyTorch under torch.compile, too")
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), help="workloads")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one contestant in one round")
    parser.add_argument("--json", type=Path, help="where to write all numbers [benchmarks/results/...]")
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


def modes(workload):
    """`fit` for all; batch by batch only where a step is so short that the way of calling shows."""
    return ("fit", "train_on_batch") if workload.name == "mlp_small" else ("fit",)


def run(groups, options):
    """Each group of entries on each workload; progress to stderr. Returns [(workload, mode, records)]."""
    results = []
    for workload in (WORKLOADS[name] for name in options.only):
        for mode in modes(workload):
            for everybody in groups:
                entries = [e for e in everybody if e.takes(workload.name, mode)]
                print(workload.name, mode, *(e.title for e in entries), sep=" | ", file=sys.stderr, flush=True)
                records = contest.contest(entries, workload, mode, options.rounds, options.seconds)
                results.append((workload, mode, records))
    return results


def label(workload, mode):
    return workload.name if mode == "fit" else f"{workload.name}, {mode}"


def warn_of_different_losses(results):
    """Print the workloads on which the contestants do not compute the same. Returns whether there are any."""
    wrong = [(w, m, records) for w, m, records in results if disagreement(records) > contest.CHECK_TOLERANCE]
    for workload, mode, records in wrong:
        print(f"\nThe losses of {label(workload, mode)} differ by {disagreement(records):.2%}:")
        for r in records:
            print(f"  {r['entry']:32}", *(f"{loss:.6f}" for loss in r["losses"]))
    return bool(wrong)


def backends_table(results):
    header = ["workload", "backend", "steps/s", "first step s", "import s", "peak MB"]
    rows = [
        [label(w, m), r["entry"].split(", ")[1], number(r["steps_per_s"]),
         f"{r['first_step_s']:.2f}", f"{r['import_s']:.2f}", f"{r['peak_mb']:.0f}"]
        for w, m, records in results for r in records
    ]  # fmt: skip
    return table(header, rows)


def peers_table(results):
    header = ["workload", "minikeras on", "steps/s", "peer", "steps/s", "minikeras / peer", "peak MB", "peer's"]
    rows = [
        [label(w, m), ours["entry"].split(", ")[1], number(ours["steps_per_s"]), peer["entry"],
         number(peer["steps_per_s"]), f"{ratio(ours, peer):.2f}", f"{ours['peak_mb']:.0f}", f"{peer['peak_mb']:.0f}"]
        for w, m, (ours, *peers) in results for peer in peers
    ]  # fmt: skip
    return table(header, rows)


def extras(entries):
    """What `fit` adds to a batch of mlp_small, and how long ResNet-50 takes to build: one record a backend."""
    records = []
    for entry in entries:
        contestant = contest.Contestant(entry, WORKLOADS["mlp_small"])
        overhead = contestant.ask("fit_overhead")
        contestant.close()
        code = "import benchmarks.resnet50 as r, json, minikeras; print(json.dumps(r.measure(minikeras)))"
        command = [sys.executable, "-c", code]
        resnet = subprocess.run(command, env=contest.environment(entry), check=True, capture_output=True, text=True)
        records.append({"entry": entry.title, "fit_overhead_us": overhead, "resnet50": json.loads(resnet.stdout)})
    return records


def extras_table(records):
    header = ["backend", "fit adds us/batch", "ResNet-50 graph s", "its training graph s"]
    return table(header, [
        [r["entry"].split(", ")[1], f"{r['fit_overhead_us']:.0f}", f"{r['resnet50']['build_s']:.2f}",
         f"{r['resnet50']['train_graph_s']:.2f}"]
        for r in records
    ])  # fmt: skip


def groups(options):
    """Who is measured against whom: all our backends together, or each with its peers."""
    backends = [name for name in options.backends if OURS[name].installed]
    if not options.peers:
        return [[OURS[name] for name in backends]]
    peers = {name: [p for p in PEERS[name] if p.installed] for name in backends}
    if options.compile and "torch" in peers:
        peers["torch"].append(COMPILED)
    return [[OURS[name], *peers[name]] for name in backends]


def write(options, document):
    name = f"{'peers' if options.peers else 'backends'}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path = options.json or RESULTS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\nAll numbers: {path}", file=sys.stderr)


def main():
    options = arguments()
    document = {"command": " ".join(["python -m benchmarks", *sys.argv[1:]]), "machine": machine()}
    print(", ".join(f"{k} {v}" for k, v in document["machine"].items()), end="\n\n")
    results = run(groups(options), options)
    print((peers_table if options.peers else backends_table)(results))
    document["records"] = [record for _, _, records in results for record in records]
    if not options.peers:
        document["extras"] = extras([entry for group in groups(options) for entry in group])
        print("\n" + extras_table(document["extras"]))
    write(options, document)
    return 1 if warn_of_different_losses(results) else 0


if __name__ == "__main__":
    sys.exit(main())
