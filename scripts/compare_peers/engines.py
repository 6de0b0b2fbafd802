"""Engines in processes of their own, warm and waiting, told in lines of JSON to run: Octet's `octet worker` and lab/peers/worker.py."""
import json
import math
import pathlib
import subprocess
import sys
import tempfile
from dataclasses import replace

import variants

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OCTET = ROOT / "build/release/bin/octet"
WORKER = ROOT / "lab/peers/worker.py"
PYTHON = sys.executable

WARM_S = 0.5  # run at least so long after loading, and the first call is not timed
SETTLE_S = 0.1  # before each measurement: others have had the caches meanwhile


class EngineError(Exception):
    pass


class Process:
    def __init__(self, name, command):
        self.name = name
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.stderr, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, **command):
        self.tell(**command)
        return self.answer()

    def tell(self, **command):
        try:
            print(json.dumps(command), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # how it ended is said by what follows

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.stderr.seek(0)
            raise EngineError(f"{self.name} ended with exit code {code}: {self.stderr.read().strip()[-500:] or 'no message'}")
        answer = json.loads(line)
        if "error" in answer:
            raise EngineError(f"{self.name}: {answer['error']}")
        return answer

    @property
    def pids(self):
        return [self.process.pid]

    def memory(self, key):
        """VmHWM (the highest so far) or VmRSS (now) of the process, in bytes."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        raise EngineError(f"{self.name}: /proc does not tell {key}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.stderr.close()


class Engine(Process):
    """A loaded engine with its images, for one batch."""

    def __init__(self, name, command, batch):
        super().__init__(name, command)
        self.batch, self.in_flight, self.call_s = batch, 1, None

    def rate(self, batches):
        """Images a second of so many batches, as fast as they go."""
        answer = self.ask(do="rate", batch=self.batch, count=batches)
        return self.batch * batches / ((answer["stop_ns"] - answer["start_ns"]) / 1e9)

    def batches_in(self, seconds):
        return self.in_flight * max(1, math.ceil(seconds / self.call_s / self.in_flight))

    def warm_up(self):
        self.call_s = self.batch / self.rate(self.in_flight)
        if self.call_s < WARM_S:
            self.call_s = self.batch / self.rate(self.in_flight)  # the first one still allocated
            self.rate(self.batches_in(WARM_S))

    def settle(self):
        if self.call_s is None:
            self.warm_up()
        elif self.call_s < SETTLE_S:
            self.rate(self.batches_in(SETTLE_S))

    def measure_rate(self, seconds):
        """Images a second over about this time, one call at least."""
        self.settle()
        rate = self.rate(self.batches_in(seconds))
        self.call_s = self.batch / rate
        return rate

    def measure_latency(self, seconds):
        """Seconds of each call, one at a time, over about this time."""
        self.settle()
        answer = self.ask(do="run", batch=self.batch, count=self.batches_in(seconds))
        return [(stop - start) / 1e9 for start, stop in zip(answer["start_ns"], answer["stop_ns"])]

    def output(self, file):
        self.ask(do="output", batch=self.batch, file=str(file))


class Ranks(Engine):
    """Engines beside each other, each of which runs batches of its own."""

    def __init__(self, name, ranks):
        self.name, self.ranks = name, ranks
        self.batch, self.in_flight, self.call_s = ranks[0].batch, len(ranks), None

    @property
    def pids(self):
        return [rank.process.pid for rank in self.ranks]

    def rate(self, batches):
        """Images a second of so many batches, a multiple of the ranks, from the first one's start to the last one's end."""
        for rank in self.ranks:
            rank.tell(do="rate", batch=self.batch, count=batches // len(self.ranks))
        answers = [rank.answer() for rank in self.ranks]
        span_ns = max(answer["stop_ns"] for answer in answers) - min(answer["start_ns"] for answer in answers)
        return self.batch * batches / (span_ns / 1e9)

    def measure_latency(self, seconds):
        """Of one rank, the others idle."""
        return self.ranks[0].measure_latency(seconds)

    def output(self, file):
        self.ranks[0].output(file)

    def memory(self, key):
        return sum(rank.memory(key) for rank in self.ranks)

    def close(self):
        for rank in self.ranks:
            rank.close()


def start(variant, batch, model, images):
    """`model` is what models.py has for the variant, `images` what all run on (models.Images)."""
    if variant.engine == variants.OCTET:
        return start_octet(variant, batch, model, images)
    name = f"{variants.NAMES[variant.engine]} ({variant.words()}, batch {batch})"
    engine = Engine(name, [PYTHON, WORKER], batch)
    try:
        engine.ask(do="input", file=str(images.file), shape=[1] + images.shape, type=images.type)
        engine.base_memory = engine.memory("VmRSS")  # Python and numpy are not the engine's
        loaded = engine.ask(do="load", engine=variant.engine, way=variant.way, model=str(model), threads=variant.threads, batch=batch,
                            cpus=list(variant.cpus), precision=variant.hint, pictures=variant.pictures, mean=images.mean)
        engine.in_flight, engine.build_s, engine.version = loaded["batches_per_call"], loaded["seconds"], loaded["version"]
        engine.ask(do="input", file=str(images.file), shape=[batch] + images.shape, type=images.type)
    except Exception:
        engine.close()
        raise
    return engine


def start_octet(variant, batch, model, images):
    if variant.way != "ranks":
        return start_octet_process(variant, batch, model, images)
    ranks = []
    try:
        for cpu in variant.cpus:
            ranks.append(start_octet_process(replace(variant, threads=1, cpus=(cpu,)), batch, model, images))
    except Exception:
        for rank in ranks:
            rank.close()
        raise
    together = Ranks(ranks[0].name, ranks)
    together.base_memory = 0
    return together


def start_octet_process(variant, batch, model, images):
    command = [OCTET, "worker", *model, *variant.options, "--batch", batch, "--threads", variant.threads]
    if variant.cpus:
        command += ["--cpus", ",".join(map(str, variant.cpus))]
    if variant.pictures:
        command += ["--input-type", "u8"]
    engine = Engine(f"Octet ({variant.words()}, batch {batch})", command, batch)
    try:
        ready = engine.answer()
        engine.base_memory = 0
        engine.build_s, engine.load_s = ready["build_ms"] / 1e3, ready["load_ms"] / 1e3  # one of them is 0
        engine.version, engine.details = ready["version"], ready
        engine.ask(do="input", file=str(images.file))
    except Exception:
        engine.close()
        raise
    return engine


def octet(*arguments):
    """Runs the program to its end; its standard output."""
    result = subprocess.run([OCTET, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise EngineError(f"octet {' '.join(map(str, arguments))}: exit code {result.returncode}: {result.stderr.strip()[-500:]}")
    return result.stdout
