"""Octet beside ONNX Runtime and OpenVINO: the table of bars, with every ratio.

Each engine runs in a process of its own, loaded once and warm; in each round every one runs for some seconds in turn, so that slow
drifts of the machine meet all alike. Ratios are taken round by round; printed are their median and its 95 % bootstrap
interval, and a bar is met when the interval reaches it. The ratio that counts is the one to the better peer.

Every engine runs in its best way: before the rounds a short search tries, for each, the forms of the INT8 model (ONNX Runtime's QDQ
and QOperator; for OpenVINO that of its own quantizer NNCF as well), the ways of making requests (all threads on one
batch; OpenVINO's streams, ONNX Runtime with a caller a thread, Octet with a rank a core) and the batches 1, 8, 32 and 128; a batch that would take
longer than --longest-call is left out. What comes within 5 % of the best (two at most) goes into the rounds.

Same network, synthetic weights, threads and input in memory: FP32 N x C x H x W; in the rows "u8" pictures, bytes N x H x W x C, of which
OpenVINO's preprocessor, nodes in ONNX Runtime's graph or numpy, and Octet's first layer make what they need. Conversions
are in the time. Outputs of all are compared with Octet's direct FP32 before the rounds (models.py says how).

What was measured is kept under --folder, so a long table can be made in portions: --budget ends a run in time, and the next run
goes on (exit code 3: there is more to do). A new Octet starts its rows' rounds again.
"""
import argparse
import json
import pathlib
import sys
import time

import costs
import engines
import machine
import measure
import models
import report
import rows
import search
import store

UNFINISHED = 3


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/compare-peers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", metavar="LIST", help=f"of {', '.join(rows.TITLES)}; all if not given")
    parser.add_argument("--networks", default="", metavar="LIST", help="only these; all if not given")
    parser.add_argument("--pairs", type=int, default=10, help="interleaved rounds (default 10)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each engine in each round, one call at least (default 1)")
    parser.add_argument("--longest-call", type=float, default=6.0, metavar="S",
                        help="batches that would take longer are left out (default 6)")
    parser.add_argument("--threads", type=int, default=2, help="of every engine, on as many CPUs (default 2, for which the bars are)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.3 s at the batches 1 and 8: a look, not a result")
    parser.add_argument("--budget", type=float, metavar="S", help="end after so many seconds, to be gone on with")
    parser.add_argument("--prepare", action="store_true", help="only make the models and images, which takes minutes")
    parser.add_argument("--table", action="store_true", help="measure nothing: the table of what there is")
    parser.add_argument("--folder", type=pathlib.Path, default=engines.ROOT / "results/compare-peers",
                        help="models, images and records (default results/compare-peers)")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="also write the table to this file")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write all figures of all rounds to this file")
    settings = parser.parse_args(arguments)
    settings.batches = list(search.BATCHES)
    if settings.quick:
        settings.pairs, settings.seconds, settings.batches = 3, 0.3, [1, 8]
    settings.records = settings.folder / ("records-quick" if settings.quick else "records")
    settings.cpus = machine.cpus(settings.threads)
    if len(settings.cpus) < settings.threads:
        parser.error(f"--threads: expected at most the {len(settings.cpus)} CPUs of this process, got {settings.threads}")
    try:
        settings.chosen = rows.choose(names(settings.rows), names(settings.networks))
    except ValueError as error:
        parser.error(str(error))
    return settings


def names(text):
    return [name for name in text.split(",") if name]


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure_row(row, settings, budget):
    """Whether the row is finished."""
    record = store.Record(settings.records, row, machine.conditions(row, settings))
    of_row = models.Models(settings.folder / "models", row.network, row.precision, row.pictures)
    if row.kind in ("memory", "build", "load"):
        measurement = costs.CostRow(row, of_row, record, settings, budget, say)
    else:
        measurement = measure.SpeedRow(row, of_row, record, settings, budget, say, tried_on_planes(row, settings))
    say(row.name)
    try:
        if settings.prepare:
            measurement.prepare()
        else:
            measurement.run()
    except store.OutOfTime:
        return False
    return True


def tried_on_planes(row, settings):
    for other in rows.ROWS:
        if other.name == row.on_planes:
            return store.Record(settings.records, other, machine.conditions(other, settings)).tried
    return {}


def main(arguments):
    settings = parse(arguments)
    budget = store.Budget(settings.budget, time.monotonic)
    unfinished = []
    for row in settings.chosen:
        if settings.table:
            continue
        try:
            if not measure_row(row, settings, budget):
                unfinished.append(row.name)
        except engines.EngineError as error:
            say(f"  {error}")
            unfinished.append(row.name)
    if not settings.prepare:
        show(settings)
    if unfinished:
        say("to be gone on with: " + ", ".join(unfinished))
    return UNFINISHED if unfinished else 0


def show(settings):
    column = machine.describe()[1]
    records = [store.read(settings.records, row) for row in settings.chosen]
    summaries = [report.summarize(row, record, column) for row, record in zip(settings.chosen, records)]
    heading = report.heading(records, column, settings.seconds)
    table = report.markdown(summaries, heading)
    print(table)
    if settings.markdown:
        settings.markdown.write_text(table + "\n")
    if settings.json:
        settings.json.write_text(json.dumps({"heading": heading,
                                             "rows": [report.as_json(*each) for each in zip(summaries, records)]}, indent=1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
