"""ONNX's conformance cases on Octet, as a table in docs/onnx-conformance.md (scripts/onnx-node-suite).

The cases of single nodes are made by the `onnx` package in memory; they are written as folders, with those of small
networks that lie in the package, and the program onnx_node_suite runs them all. Models of operator sets that Octet does
not read are converted by the package's own converter.
"""
import argparse
import collections
import difflib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-peers/bin/python"
MISSING = 77
if importlib.util.find_spec("onnx") is None:
    if ENVIRONMENT.exists() and pathlib.Path(sys.prefix) != ENVIRONMENT.parent.parent:
        os.execv(ENVIRONMENT, [str(ENVIRONMENT), *sys.argv])
    print("SKIPPED: the package onnx is not installed; scripts/onnx-node-suite installs it, as pinned")
    sys.exit(MISSING)

import numpy  # noqa: E402
import onnx  # noqa: E402
from onnx import numpy_helper, version_converter  # noqa: E402
from onnx.backend.test.case import node as node_cases  # noqa: E402

FIRST_OPSET, LAST_OPSET = 7, 27
PACKAGED = ("simple", "pytorch-operator", "pytorch-converted")
REPORT = ROOT / "docs/onnx-conformance.md"
RESULTS = ("passed", "folded", "failed", "not supported")


def readable(model):
    """The model in an operator set that Octet reads, or as it is where there is no way to one."""
    version = {entry.domain: entry.version for entry in model.opset_import}.get("", 0)
    nearest = min(max(version, FIRST_OPSET), LAST_OPSET)
    if version == nearest:
        return model
    try:
        return version_converter.convert_version(model, nearest)
    except Exception:  # the converter's errors are of many kinds; Octet then names the operator set
        return model


def write_values(folder, kind, values):
    """input_0.pb ...; what is no tensor (a sequence, nothing) ends the list, and Octet says that inputs are missing."""
    for number, value in enumerate(values):
        if isinstance(value, (numpy.ndarray, numpy.generic)):
            value = numpy_helper.from_array(numpy.asarray(value))
        if not isinstance(value, onnx.TensorProto):
            return
        (folder / f"{kind}_{number}.pb").write_bytes(value.SerializeToString())


def write_packaged_cases(data, folder):
    """Copies, since some are of an operator set that Octet does not read."""
    for kind in PACKAGED:
        for source in sorted((data / kind).iterdir()):
            place = folder / source.name
            shutil.copytree(source, place)
            model = onnx.load(source / "model.onnx")
            (place / "model.onnx").write_bytes(readable(model).SerializeToString())


def write_node_cases(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = node_cases.collect_testcases(None)
    for case in cases:
        place = folder / case.name
        place.mkdir()
        (place / "model.onnx").write_bytes(readable(case.model).SerializeToString())
        for number, (inputs, outputs) in enumerate(case.data_sets):
            data = place / f"test_data_set_{number}"
            data.mkdir()
            write_values(data, "input", inputs)
            write_values(data, "output", outputs)


def run(program, folder):
    finished = subprocess.run([program, str(folder)], stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode not in (0, 1):
        sys.exit(f"{program}: exit status {finished.returncode}")
    return [line.split("\t") for line in finished.stdout.splitlines()], finished.returncode


def operators_read():
    """The names in the importer's table."""
    table = (ROOT / "src/import/onnx/operators.cc").read_text(encoding="utf-8")
    return set(re.findall(r'^      \{"(\w+)"', table, re.MULTILINE))


def short(reason):
    """What a message says behind where ("model.onnx: node 'y' (Conv, opset 13): ..."), for any names and shapes."""
    reason = re.sub(r"^.*?opset \d+\): |^model\.onnx: ", "", reason)
    reason = re.sub(r"; Octet reads Add, .*$", "", reason)
    reason = re.sub(r"'[^']*'", "...", reason)
    reason = re.sub(r"is of u?int\d+;", "is of integers;", re.sub(r"element type \d+", "a small element type", reason))
    return re.sub(r"\b\d+(x\d+)+\b|\b\d+\b(?= and a constant)", "...", reason).replace("|", "\\|")


def listed(names):
    most = 12
    text = ", ".join(name.removeprefix("test_") for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def rows(groups):
    """Of {label: Counter of results}."""
    return [f"| {label} | " + " | ".join(str(counts[result]) for result in RESULTS) + " |" for label, counts in groups.items()]


def report(lines):
    read = operators_read()
    groups = collections.defaultdict(collections.Counter)
    total, several, others = collections.Counter(), collections.Counter(), collections.Counter()
    why = collections.defaultdict(list)
    for name, operators, result, reason in lines:
        known = read.issuperset(operators.split("+"))
        (total if known else others)[result] += 1
        if not known:
            continue
        group = operators if operators in read else "several of these"
        (several if operators not in read else groups[group])[result] += 1
        if result in ("failed", "not supported"):
            why[group, short(reason)].append(name)
    text = [
        "# ONNX conformance",
        "",
        f"Made by `scripts/onnx-node-suite` from the cases in the Python package `onnx` {onnx.__version__}: those of single nodes, and the",
        f"small networks of {', '.join(PACKAGED)}. A case has passed if every instruction set of the machine gave",
        "the expected values in FP32 within ONNX's own bound (1e-7 + 1e-3 of the value; bfloat16 its own rounding). *Folded* are those that a network of images cannot",
        "have (the batch changes places, integers are added), but its shapes and constants can: there all inputs are constants, and Octet",
        "computes the output at import.",
        "",
        f"| operator | {' | '.join(RESULTS)} |",
        f"|---|{'---:|' * len(RESULTS)}",
        *rows({**dict(sorted(groups.items())), "several of these": several, "**all of these**": total, "other operators": others}),
        "",
        "What is not supported of the operators that are read, and why:",
        "",
        "| operator | why not | cases | |",
        "|---|---|---|---:|",
    ]
    for (operator, reason), names in sorted(why.items()):
        text.append(f"| {operator} | {reason} | {listed(names)} | {len(names)} |")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/release/bin/onnx_node_suite")
    parser.add_argument("--lines", type=pathlib.Path, help="also write the program's lines to this file")
    parser.add_argument("--check", action="store_true", help="compare with the table instead of writing it")
    options = parser.parse_args()
    pinned = re.search(r"^onnx==(\S+)", (ROOT / "scripts/requirements-peers.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
    if onnx.__version__ != pinned:
        print(f"SKIPPED: the package onnx is {onnx.__version__}, the table is of {pinned}")
        return MISSING
    data = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
    with tempfile.TemporaryDirectory() as folder:
        write_node_cases(pathlib.Path(folder))
        write_packaged_cases(data, pathlib.Path(folder))
        lines, status = run(options.program, folder)
    if options.lines:
        options.lines.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    failed = [f"failed: {name}: {reason}" for name, _, result, reason in lines if result == "failed"]
    print("\n".join([f"{len(lines)} cases, {len(failed)} failed", *failed]))
    made = report(lines)
    if not options.check:
        REPORT.write_text(made, encoding="utf-8")
        return status
    difference = list(difflib.unified_diff(REPORT.read_text(encoding="utf-8").splitlines(), made.splitlines(), REPORT.name, "now", lineterm="", n=0))
    if difference:
        print("\n".join([*difference, "scripts/onnx-node-suite writes the table anew"]))
    return 1 if difference else status


if __name__ == "__main__":
    sys.exit(main())
