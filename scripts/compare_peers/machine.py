"""On what the figures were made."""
import hashlib
import importlib.metadata
import os
import pathlib
import subprocess

import engines
import rows
import variants


def cpuinfo():
    values = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        values.setdefault(key.strip(), value.strip())
    return values


def kind(flags):
    """Which column of bars counts."""
    return rows.AMX if "amx_int8" in flags.split() else rows.VNNI


def describe():
    info = cpuinfo()
    words = f"{info.get('model name', 'unknown CPU')} (family {info.get('cpu family', '?')}, model {info.get('model', '?')})"
    return words, kind(info.get("flags", ""))


def cpus(count):
    """The first CPUs that this process may use."""
    return tuple(sorted(os.sched_getaffinity(0))[:count])


def octet_version():
    """The commit, and what tells one build of it from another."""
    result = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], cwd=engines.ROOT,
                            capture_output=True, text=True)
    digest = hashlib.sha256(engines.OCTET.read_bytes()).hexdigest()[:8]
    return f"Octet {result.stdout.strip() or 'unknown'} ({digest})"


def conditions(row, settings):
    """What must be the same for figures to be taken up again (store.Record)."""
    packages = {variants.ONNXRUNTIME: ["onnxruntime"], variants.OPENVINO: ["openvino", "nncf"]}
    peers = {name: ", ".join(f"{variants.PACKAGES[package]} {importlib.metadata.version(package)}" for package in of_name)
             for name, of_name in packages.items()}
    octet = octet_version()
    of_row = {name: peers.get(name, octet) for name in variants.of_row(row, settings.cpus)}
    return of_row | {"all": f"{describe()[0]}, {len(settings.cpus)} threads on CPUs {settings.cpus}, batches {settings.batches}"}
