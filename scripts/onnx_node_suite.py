"""ONNX's conformance cases on Octet, as a table in docs/onnx-conformance.md (scripts/onnx-node-suite).

The cases of single nodes are made by the `onnx` package in memory; they are written as folders, beside those of small
networks that lie in the package, and the program onnx_node_suite runs them all. Octet reads operator sets up to 21:
models of later ones are converted by the package's own converter.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx
from onnx import numpy_helper, version_converter
from onnx.backend.test.case import node as node_cases

LAST_OPSET = 21
PACKAGED = ("simple", "pytorch-operator", "pytorch-converted")
REPORT = pathlib.Path("docs/onnx-conformance.md")


def older(model):
    """The model in an operator set that Octet reads, or as it is where there is no way back."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    if versions.get("", 0) <= LAST_OPSET:
        return model
    try:
        return version_converter.convert_version(model, LAST_OPSET)
    except Exception:  # the converter's errors are of many kinds; Octet then names the operator set
        return model


def write_values(folder, kind, values):
    """input_0.pb ...; what is no tensor (a sequence, nothing) ends the list, and Octet says that inputs are missing."""
    for number, value in enumerate(values):
        if not isinstance(value, (numpy.ndarray, numpy.generic)):
            return
        (folder / f"{kind}_{number}.pb").write_bytes(numpy_helper.from_array(numpy.asarray(value)).SerializeToString())


def write_node_cases(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = node_cases.collect_testcases(None)
    for case in cases:
        place = folder / case.name
        place.mkdir()
        (place / "model.onnx").write_bytes(older(case.model).SerializeToString())
        for number, (inputs, outputs) in enumerate(case.data_sets):
            data = place / f"test_data_set_{number}"
            data.mkdir()
            write_values(data, "input", inputs)
            write_values(data, "output", outputs)


def run(program, folders):
    finished = subprocess.run([program, *map(str, folders)], stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode not in (0, 1):
        sys.exit(f"{program}: exit status {finished.returncode}")
    return [line.split("\t") for line in finished.stdout.splitlines()], finished.returncode


def operators_read():
    """The names in the importer's table."""
    table = pathlib.Path("src/import/onnx/operators.cc").read_text(encoding="utf-8")
    return set(re.findall(r'^      \{"(\w+)"', table, re.MULTILINE))


def short(reason):
    """What a message says behind where: "net.onnx: node 'y' (Conv, opset 13): ..."."""
    return re.sub(r"^.*?opset \d+\): ", "", reason).replace("|", "\\|")


def report(lines):
    read = operators_read()
    by_operator = collections.defaultdict(collections.Counter)
    not_supported = collections.defaultdict(lambda: collections.defaultdict(list))
    for name, operator, result, reason in lines:
        by_operator[operator][result] += 1
        if result != "passed":
            not_supported[operator][short(reason)].append(name)
    results = ("passed", "failed", "not supported")
    known = sorted(operator for operator in by_operator if operator in read)
    text = [
        "# ONNX conformance",
        "",
        f"Made by `scripts/onnx-node-suite` from the cases in the Python package `onnx` {onnx.__version__}: those of single",
        f"nodes, and the small networks of {', '.join(PACKAGED)}. Each case that passed did so on every instruction set of the",
        "machine, in FP32, within ONNX's own bound (1e-7 + 1e-3 of the value).",
        "",
        "| operator | " + " | ".join(results) + " |",
        "|---|---:|---:|---:|",
    ]
    total = collections.Counter()
    for operator in known:
        counts = by_operator[operator]
        total.update(counts)
        text.append(f"| {operator} | " + " | ".join(str(counts[r]) for r in results) + " |")
    text.append("| all of these | " + " | ".join(str(total[r]) for r in results) + " |")
    others = collections.Counter()
    for operator in by_operator.keys() - set(known):
        others.update(by_operator[operator])
    text += [
        "| operators that Octet does not read, and cases of several | " + " | ".join(str(others[r]) for r in results) + " |",
        "",
        "What is not supported of the operators that are read, and why:",
        "",
        "| operator | cases | why not |",
        "|---|---|---|",
    ]
    for operator in known:
        for reason, names in sorted(not_supported[operator].items()):
            cases = ", ".join(name.removeprefix("test_") for name in names)
            text.append(f"| {operator} | {cases} | {reason} |")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/bin/onnx_node_suite")
    parser.add_argument("--lines", type=pathlib.Path, help="also write the program's lines to this file")
    options = parser.parse_args()
    data = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
    with tempfile.TemporaryDirectory() as folder:
        write_node_cases(pathlib.Path(folder))
        lines, status = run(options.program, [folder, *(data / name for name in PACKAGED)])
    if options.lines:
        options.lines.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    REPORT.write_text(report(lines), encoding="utf-8")
    failed = [line[0] for line in lines if line[2] == "failed"]
    print(f"{len(lines)} cases, {len(failed)} failed; {REPORT}")
    for name in failed:
        print(f"failed: {name}")
    return status


if __name__ == "__main__":
    sys.exit(main())
