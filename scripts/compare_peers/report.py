"""From records to the table. Pure: nothing is measured here."""
import statistics
from dataclasses import dataclass, field

import ratios
import rows
import variants


FULL_ROUNDS = 5  # a row with fewer says so


@dataclass(frozen=True)
class Figure:
    """A contestant's best way."""
    name: str
    way: str
    median: float


@dataclass(frozen=True)
class Summary:
    row: rows.Row
    bar: float
    ratio: object = None  # ratios.Ratio; None where nothing was measured
    met: object = None
    figures: list = field(default_factory=list)  # the row's own contestant first
    beside: dict = field(default_factory=dict)  # {other contestant: the ratio to it}
    rounds: int = 0
    notes: dict = field(default_factory=dict)
    agreement: dict = field(default_factory=dict)


def summarize(row, record, machine):
    """`record`: the data of store.Record, or None."""
    bar = row.bar(machine)
    if record is None or not record["rounds"]:
        return Summary(row, bar, notes=record["notes"] if record else {})
    best = {}
    for name, ways in record["rounds"].items():
        way = (slowest if row.lower_is_better else ratios.fastest)(ways)
        best[name] = (way, ways[way])
    figures = [Figure(name, way, statistics.median(values)) for name, (way, values) in best.items()]
    own, *others = best
    mine = best[own][1]
    beside = {name: ratios.paired(mine, best[name][1]) for name in others}
    if row.kind in ("build", "load"):
        ratio = ratios.bootstrap(mine)  # the bar is of seconds
    else:  # to the strongest: the largest ratio of costs, the smallest of speeds
        ratio = (max if row.lower_is_better else min)(beside.values(), key=lambda r: r.median)
    return Summary(row, bar, ratio, ratios.reaches(ratio, bar, row.lower_is_better), figures, beside, len(mine), record["notes"],
                   record["agreement"])


def slowest(figures):
    return min(figures, key=lambda name: statistics.median(figures[name]))


# ---- text ------------------------------------------------------------------------------------------------------------


def number(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def amount(row, value):
    if row.kind == "latency":
        return f"{number(1e3 / value)} ms"
    if row.kind == "memory":
        return f"{value / 2**20:.0f} MiB"
    if row.kind in ("build", "load"):
        return f"{number(value)} s"
    return number(value)


def ratio_text(ratio):
    digits = 2 if ratio.median >= 0.05 else 4  # the seconds of loading
    return f"{ratio.median:.{digits}f} ({ratio.low:.{digits}f}-{ratio.high:.{digits}f})"


def bar_text(row, bar):
    return f"<= {bar:g}{' s' if row.kind in ('build', 'load') else ''}" if row.lower_is_better else f"{bar:g}"


def verdict(summary):
    if summary.met is None:
        return "not measured"
    few = f" ({summary.rounds} rounds)" if summary.rounds < FULL_ROUNDS else ""
    return ("met" if summary.met else "**not met**") + few


def figure_text(summary, name):
    figures = {figure.name: figure for figure in summary.figures}
    if name not in figures:
        return ""
    figure = figures[name]
    ratio = f"; {ratio_text(summary.beside[name])}" if name in summary.beside else ""
    return f"{amount(summary.row, figure.median)} ({figure.way}){ratio}"


def cells(summary):
    """Of one row: network, bar, ratio, verdict, and a column each for Octet and the peers."""
    names = [variants.OCTET, *variants.PEERS]
    own = [figure.name for figure in summary.figures if figure.name not in names]
    if own:  # Octet against itself
        columns = ["; ".join(f"{name}: {figure_text(summary, name).split(';')[0]}" for name in own), "", ""]
    else:
        columns = [figure_text(summary, name) for name in names]
    if summary.met is None:
        columns[0] = "; ".join(summary.notes.values())
    ratio = ratio_text(summary.ratio) if summary.ratio else ""
    return [summary.row.network, bar_text(summary.row, summary.bar), ratio, verdict(summary), *columns]


HEAD = ["", "bar", "ratio (95 %)", "", "Octet", "ONNX Runtime", "OpenVINO"]


def markdown(summaries, heading):
    """One table, with a line that names the group before its rows."""
    lines = [heading, "", line(HEAD), line(["---"] * len(HEAD))]
    group = None
    for summary in summaries:
        if summary.row.group != group:
            group = summary.row.group
            lines.append(line([f"**{rows.TITLES[group]}**"] + [""] * (len(HEAD) - 1)))
        lines.append(line(cells(summary)))
    met = sum(summary.met is True for summary in summaries)
    measured = sum(summary.met is not None for summary in summaries)
    lines += ["", *agreements(summaries)]
    lines += [f"- {summary.row.name}, {name}: {note}" for summary in summaries if summary.met is not None
              for name, note in summary.notes.items()]
    lines += ["", f"{met} of {measured} bars met; {len(summaries) - measured} rows not measured."]
    return "\n".join(lines)


def agreements(summaries):
    """The worst that any contestant's outputs agreed with Octet's direct FP32, by precision."""
    worst = {}
    for summary in summaries:
        if summary.row.kind in ("throughput", "latency"):  # the others have contestants of several precisions
            of_precision = worst.setdefault(summary.row.precision, {})
            for name, ways in summary.agreement.items():
                of_precision.setdefault(name, []).extend(ways.values())
    for precision, contestants in worst.items():
        said = [f"{variants.NAMES[name]} {agreement_text(found)}" for name, found in contestants.items() if found]
        if said:
            yield f"- {precision} outputs against Octet's direct FP32, the worst of the networks: {'; '.join(said)}"


def agreement_text(found):
    error, cosine = max(each["error"] for each in found), min(each["cosine"] for each in found)
    return f"cosine {cosine:.4f}, largest error {error:.1e} of the range"


def heading(records, column, seconds):
    """On what the figures were made: all that is said by any record."""
    known = [record for record in records if record]
    if not known:
        return "Nothing has been measured yet."

    def every(values):
        return "; ".join(sorted(set(values)))

    versions = every(version for record in known for name, version in record["conditions"].items() if name != "all")
    return (f"{every(record['date'] for record in known)}; {every(record['conditions']['all'] for record in known)}; {versions}. Bars: "
            f"machines with {column}. Interleaved rounds of {seconds:g} s of each engine in its best way; images/s (latency: ms, medians), and "
            "after each peer the ratio of Octet to it, with its 95 % interval.")


def line(columns):
    return "| " + " | ".join(columns) + " |"


def as_json(summary, record):
    return {"row": summary.row.name, "title": rows.TITLES[summary.row.group], "bar": summary.bar, "met": summary.met,
            "ratio": vars(summary.ratio) if summary.ratio else None, "rounds": summary.rounds,
            "best": {figure.name: {"way": figure.way, "median": figure.median} for figure in summary.figures},
            "beside": {name: vars(ratio) for name, ratio in summary.beside.items()}, "record": record}
