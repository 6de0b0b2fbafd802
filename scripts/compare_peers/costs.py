"""Rows that are no speed of inference: peak memory, and the time to make an engine. Each round starts fresh processes."""
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
        self.contestants = {variants.OCTET: variants.octet(row, threads)[0]}
        for name, (form, way) in PEERS.items():
            self.contestants[name] = variants.Variant(name, threads, form, way)

    def prepare(self):
        self.models.images()
        for variant in self.contestants.values():
            self.models.of(variant)

    def run(self):
        self.prepare()
        if self.row.kind == "load":
            self.record.notes[variants.OCTET] = why_no_saved_engine()
            self.record.save()
            return
        batch = BATCH if self.row.kind == "memory" else 1
        while self.record.rounds_done() < min(ROUNDS, self.settings.pairs):
            self.budget.require(ROUND_S)
            self.record.add_round({(name, f"batch {batch}"): self.measure(name, variant, batch)
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


def why_no_saved_engine():
    try:
        engines.octet("build", "--help")
    except engines.EngineError:
        return "not available: this Octet has no command that saves an engine"
    return "not measured: this script does not know yet how a saved engine is loaded"
