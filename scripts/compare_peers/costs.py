"""Rows that are no speed of inference: peak memory, and the time to make an engine. Each round starts fresh processes."""
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import engines
import variants
from models import IMAGES

ROUNDS = 5
BATCH = IMAGES
ROUND_S = 30  # a guess for the budget
PEERS = {variants.ONNXRUNTIME: ("qdq", ""), variants.OPENVINO: ("nncf", "latency")}  # the forms and ways of one batch at a time


class CostRow:
    def __init__(self, row, models, record, settings, budget, say):
        self.row, self.models, self.record = row, models, record
        self.settings, self.budget, self.say = settings, budget, say
        threads = len(settings.cpus)
        self.contestants = {variants.OCTET: variants.octet(row, settings.cpus)[0]}
        peers = {} if row.kind == "load" else PEERS  # the bar is of seconds
        for name, (form, way) in peers.items():
            self.contestants[name] = variants.Variant(name, threads, form, way)

    def prepare(self):
        self.models.images()
        for variant in self.contestants.values():
            self.models.of(variant)

    def run(self):
        self.prepare()
        if self.row.kind == "load":
            with tempfile.TemporaryDirectory() as folder:
                self.run_rounds(1, SavedEngine(self.contestants[variants.OCTET], self.models, Path(folder)).measure)
            return
        self.run_rounds(BATCH if self.row.kind == "memory" else 1, self.measure)

    def run_rounds(self, batch, measure):
        while self.record.rounds_done() < min(ROUNDS, self.settings.pairs):
            self.budget.require(ROUND_S)
            self.record.add_round({(name, f"batch {batch}"): measure(name, variant, batch)
                                   for name, variant in self.contestants.items()})
            self.say(f"  round {self.record.rounds_done()}")

    def measure(self, name, variant, batch):
        with engines.start(variant, batch, self.models.of(variant), self.models.images()) as engine:
            if self.row.kind == "memory":
                engine.rate(2)
                return peak_memory(engine)
            if name == variants.OCTET:
                self.record.notes[name] = "beside: network made in {open_ms:.0f} ms, calibration read in {calibrate_ms:.0f} ms".format(
                    **engine.details)
            return engine.build_s


def peak_memory(engine):
    """Bytes at the highest, of a process that made the engine from its files and ran it; images and outputs are in it. Of a peer's
    process, what Python and numpy take is not."""
    return engine.memory("VmHWM") - engine.base_memory


class SavedEngine:
    """Octet's engine in a file, for this build of Octet only: made anew for each run of the row."""

    def __init__(self, variant, of_row, folder):
        self.models, self.folder, self.file = of_row, folder, folder / "engine.octet"
        self.built = json.loads(engines.octet("build", *of_row.of(variant), *variant.options, "--threads", variant.threads,
                                              "-o", self.file, "--format", "json"))
        with engines.start(variant, 1, of_row.of(variant), of_row.images()) as engine:
            self.expected = self.output(engine)

    def measure(self, _, variant, batch):
        """Seconds in which a fresh process loads it. Raises EngineError if it is not the engine that was built."""
        with engines.start(replace(variant, options=()), batch, [self.file], self.models.images()) as engine:
            if engine.details["hash"] != self.built["engine_hash"]:
                raise engines.EngineError(f"{engine.name}: loaded with hash {engine.details['hash']}, expected {self.built['engine_hash']}")
            if self.output(engine) != self.expected:
                raise engines.EngineError(f"{engine.name}: the loaded engine gives other outputs than the built one")
            return engine.load_s

    def output(self, engine):
        file = self.folder / "output.raw"
        engine.output(file)
        return file.read_bytes()
