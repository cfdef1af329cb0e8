"""Tables and a chart from the records of a contest."""

import dataclasses

from .contest import CHECK_TOLERANCE, OURS, RIVALS, STEADY, disagreement, geometric_mean, ratio
from .workloads import WORKLOADS

NAMES = {"fit": "", "train_on_batch": ", train_on_batch", "predict": ", predict", "predict_one": ", predict one row"}


def label(record):
    return record["workload"] + NAMES[record["mode"]]


def pairs(records, backend, rival):
    """[(our record, [the rival's records])] in the modes that count."""
    titles = {entry.title for entry in rival.entries}
    found = []
    for ours in records:
        if ours["entry"] != OURS[backend].title or ours["mode"] not in rival.modes:
            continue
        same = (r for r in records if (r["workload"], r["mode"]) == (ours["workload"], ours["mode"]))
        if theirs := [r for r in same if r["entry"] in titles]:
            found.append((ours, theirs))
    return found


def summary_table(records, backends):
    """Backend by backend against each rival: the geometric mean over the workloads, and the worst."""
    rows = []
    for backend in backends:
        for rival in RIVALS[backend]:
            if found := pairs(records, backend, rival):
                ratios = {label(ours): ratio(ours, *theirs) for ours, theirs in found}
                worst = min(ratios, key=ratios.get)
                rows.append([backend, rival.title, len(ratios), f"{geometric_mean(ratios.values()):.2f}",
                             f"{ratios[worst]:.2f}", worst])  # fmt: skip
    return table(["backend", "against", "rows", "geometric mean", "worst", "where"], rows)


def workloads_table(records, backends):
    """One row a workload, mode and backend: our rate, and how many times each peer's it is."""
    header = ["workload", "on", "steps/s", "peer", "steps/s", "ours / peer", "MB", "peer's MB"]
    rows = []
    for ours in records:
        backend = next((b for b in backends if ours["entry"] == OURS[b].title), None)
        if not backend:
            continue
        titles = [entry.title for rival in RIVALS[backend] for entry in rival.entries]
        rows += [
            [label(ours), backend, number(ours["steps_per_s"]), peer["entry"], number(peer["steps_per_s"]),
             f"{ratio(ours, peer):.2f}", f"{ours['peak_mb']:.0f}", f"{peer['peak_mb']:.0f}"]
            for peer in records
            if peer["entry"] in titles and (peer["workload"], peer["mode"]) == (ours["workload"], ours["mode"])
        ]  # fmt: skip
    return table(header, rows)


def backends_table(records):
    header = ["workload", "backend", "steps/s", "first step s", "import s", "peak MB"]
    rows = [
        [label(r), r["entry"].split(", ")[1], number(r["steps_per_s"]), f"{r['build_s'] + r['first_step_s']:.2f}",
         f"{r['import_s']:.2f}", f"{r['peak_mb']:.0f}"]
        for r in records
    ]  # fmt: skip
    return table(header, rows)


def costs_table(records, costs, backends):
    """Everything but speed: the worst over the workloads, where there are several."""
    header = ["", *backends]
    by_backend = dict(zip(backends, costs, strict=True))
    rows = [["`import minikeras` and what a script needs, beyond the engine's own, s",
             *(f"{by_backend[b]['import_s']:.2f}" for b in backends)],
            ["`fit` adds to a batch of mlp_small over the train function, us",
             *(f"{by_backend[b]['fit_overhead_us']:.0f}" for b in backends)],
            ["the same with a metric and a progress bar, us",
             *(f"{by_backend[b]['fit_overhead_verbose_us']:.0f}" for b in backends)],
            ["ResNet-50: graph built, s", *(f"{by_backend[b]['resnet50']['build_s']:.2f}" for b in backends)],
            ["ResNet-50: ready to train (gradients, updates, linking), s",
             *(f"{by_backend[b]['resnet50']['link_s']:.2f}" for b in backends)]]  # fmt: skip

    def worst(mode, cost, unit="", best=min):
        """Ours / that of the hand-written (of several the best), where the quotient is greatest."""
        found = []
        for b in backends:
            rival = dataclasses.replace(RIVALS[b][0], modes=(mode,))
            all_of = [(cost(ours), best(map(cost, theirs)), ours["workload"])
                      for ours, theirs in pairs(records, b, rival)]  # fmt: skip
            a, c, at = max(all_of, key=lambda item: item[0] / item[1], default=(0, 0, None))
            found.append(f"{a / c:.2f} ({number(a)} / {number(c)}{unit}, {at})" if at else "")
        return found

    def start(r):
        return r["build_s"] + r["first_step_s"]

    rows += [
        ["build and first step / hand-written (that which compiles), the worst", *worst("fit", start, " s", max)],
        ["peak memory / hand-written, the worst", *worst("fit", lambda r: r["peak_mb"], " MB")],
        ["predict one row / the bare engine's call, the worst",
         *worst("predict_one", lambda r: 1e6 / r["steps_per_s"], " us")],
    ]
    return table(header, rows)


def tables(records, costs, backends, peers):
    """The tables to print, as Markdown."""
    if not peers:
        return [backends_table(records), costs_table(records, costs, backends)]
    return [summary_table(records, backends), workloads_table(records, backends), costs_table(records, costs, backends)]


def warn_of_different_values(records):
    """Print the workloads on which the contestants do not compute the same. Returns whether there are any."""
    wrong = False
    for name in WORKLOADS:
        found = {r["entry"]: r for r in records if r["workload"] == name}
        if found and (by := disagreement(found.values())) > CHECK_TOLERANCE:
            wrong = True
            print(f"The losses or outputs of {name} differ by {by:.2%}:")
            for entry, r in found.items():
                print(f"  {entry:32}", *(f"{value:.6f}" for value in r["checked"][:8]))
    return wrong


def draw(document, path):
    """Bars of ours / peer, backend by backend, into a PNG file. Returns whether matplotlib is there to do it."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return False
    records = document["records"]
    backends = [b for b in OURS if any(r["entry"] == OURS[b].title for r in records)]
    figure, axes = plt.subplots(1, len(backends), figsize=(5 * len(backends), 6), squeeze=False, sharey=True)
    labels = list(dict.fromkeys(label(r) for r in records if r["mode"] in STEADY))
    for axis, backend in zip(axes[0], backends, strict=True):
        rivals = RIVALS[backend]
        for i, rival in enumerate(rivals):
            ratios = {label(ours): ratio(ours, *theirs) for ours, theirs in pairs(records, backend, rival)}
            places = [labels.index(name) + (i - (len(rivals) - 1) / 2) * 0.8 / len(rivals) for name in ratios]
            axis.barh(places, [r - 1 for r in ratios.values()], 0.8 / len(rivals), left=1, label=rival.title)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set(xscale="log", title=f"minikeras on {backend}", xlabel="times as fast as")
        low, high = axis.get_xlim()
        ticks = [2.0**i for i in range(-4, 8) if low <= 2.0**i <= high]
        axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axis.minorticks_off()
        axis.set_yticks(range(len(labels)), labels)
        if axis.has_data():
            axis.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12))  # off the bars
    axes[0][0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return True


def table(header, rows):
    """Markdown; the first column to the left, the others to the right."""
    cells = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    line = lambda row: "| " + " | ".join(
        cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    ) + " |"  # fmt: skip
    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(header), rule, *map(line, cells[1:])])


def number(x):
    """Three significant digits, without an exponent."""
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"
