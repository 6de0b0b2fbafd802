"""On what the figures were made."""
import functools
import hashlib
import importlib.metadata
import json
import os
import pathlib
import time

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


@functools.cache
def octet_version():
    """The program's revision, and what tells one build of it from another."""
    ready = json.loads(engines.octet("worker", "octet-20"))  # which has nothing to do
    digest = hashlib.sha256(engines.OCTET.read_bytes()).hexdigest()[:8]
    return f"Octet {ready['revision']} ({digest})"


def conditions(row, settings):
    """What must be the same for figures to be taken up again (store.Record)."""
    packages = {variants.ONNXRUNTIME: ["onnxruntime"], variants.OPENVINO: ["openvino", "nncf"]}
    peers = {name: ", ".join(f"{variants.PACKAGES[package]} {importlib.metadata.version(package)}" for package in of_name)
             for name, of_name in packages.items()}
    octet = octet_version()
    of_row = {name: peers.get(name, octet) for name in variants.of_row(row, settings.cpus)}
    return of_row | {"all": f"{describe()[0]}, {len(settings.cpus)} threads on CPUs {settings.cpus}, batches {settings.batches}"}


class Interference:
    """How much of the machine went to others since this was made: to other processes, or to other machines on the same host."""

    def __init__(self, pids):
        self.pids, self.start = pids, time.monotonic()
        self.busy, self.own = busy_ticks(read("/proc/stat")), self.own_ticks()

    def own_ticks(self):
        return sum(process_ticks(read(f"/proc/{pid}/stat")) for pid in self.pids)

    def share(self):
        ticks = (busy_ticks(read("/proc/stat")) - self.busy) - (self.own_ticks() - self.own)
        return ticks / os.sysconf("SC_CLK_TCK") / (time.monotonic() - self.start) / os.cpu_count()


def read(file):
    return pathlib.Path(file).read_text()


def busy_ticks(stat):
    """Of all CPUs together, steal included."""
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, stat.splitlines()[0].split()[1:])
    return user + nice + system + irq + softirq + steal


def process_ticks(stat):
    """Of all threads of a process. Its name, in parentheses, may hold anything."""
    user, system = stat[stat.rindex(")") + 2:].split()[11:13]
    return int(user) + int(system)
