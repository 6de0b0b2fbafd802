"""Every way of every engine that is installed, on the smallest network. Skipped where a peer or the built Octet is missing, which
it says."""
import dataclasses
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import costs
import engines
import models
import rows
import variants

NETWORK = "octet-20"
MISSING = {}  # {package: why it cannot be used}


def setUpModule():
    if "OCTET_PROGRAM" in os.environ:
        engines.OCTET = pathlib.Path(os.environ["OCTET_PROGRAM"])
    environment = engines.ROOT / ".venv-peers/bin/python"
    if environment.exists():
        engines.PYTHON = str(environment)
    if not engines.OCTET.exists():
        raise unittest.SkipTest(f"{engines.OCTET} is not built")
    with engines.Process("worker", [engines.PYTHON, engines.WORKER]) as worker:
        described = worker.ask(do="describe")
    known = described["engines"] | {"quantizer": described["quantizer"], "nncf": described["nncf"]}
    MISSING.update({name: entry["missing"] for name, entry in known.items() if "missing" in entry})


def row_of(name):
    return dataclasses.replace(next(row for row in rows.ROWS if row.name == name), network=NETWORK)


class RealEnginesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def require(self, variant):
        needed = {"fp32": [], "qdq": ["quantizer"], "qoperator": ["quantizer"], "nncf": ["nncf"]}[variant.form]
        for name in ([] if variant.engine == variants.OCTET else [variant.engine]) + needed:
            if name in MISSING:
                self.skipTest(f"{name} cannot be used: {MISSING[name]}")

    def runs_and_agrees(self, row, of_row, variant):
        with engines.start(variant, 4, of_row.of(variant), of_row.images()) as engine:
            of_row.agreement(engine, row.precision)
            self.assertGreater(engine.measure_rate(0.01), 0)
            self.assertGreater(min(engine.measure_latency(0.01)), 0)
            self.assertGreater(costs.peak_memory(engine), 0)

    def every_way(self, name, engine):
        row = row_of(name)
        of_row = models.Models(self.folder, NETWORK, row.precision, row.pictures)
        for variant in variants.of_row(row, (0,)).get(engine, []):
            with self.subTest(way=variant.words()):
                self.require(variant)
                self.runs_and_agrees(row, of_row, variant)

    def test_octet_agrees_with_its_own_fp32(self):
        for name in ("int8/resnet-50", "int8-u8/resnet-50", "fp32/resnet-50", "bf16/resnet-50"):
            self.every_way(name, variants.OCTET)

    def test_octet_loads_what_it_saved(self):
        row = row_of("load/resnet-50")
        variant = variants.octet(row, (0,))[0]
        saved = costs.SavedEngine(variant, models.Models(self.folder, NETWORK, row.precision, row.pictures), self.folder)
        self.assertGreater(saved.measure(variants.OCTET, variant, 1), 0)
        saved.expected = b""
        with self.assertRaisesRegex(engines.EngineError, "other outputs"):
            saved.measure(variants.OCTET, variant, 1)

    def test_onnxruntime_in_fp32(self):
        self.every_way("fp32/resnet-50", variants.ONNXRUNTIME)

    def test_onnxruntime_in_int8(self):
        self.every_way("int8/resnet-50", variants.ONNXRUNTIME)

    def test_onnxruntime_on_pictures(self):
        self.every_way("int8-u8/resnet-50", variants.ONNXRUNTIME)

    def test_openvino_in_fp32_and_bf16(self):
        self.every_way("fp32/resnet-50", variants.OPENVINO)
        self.every_way("bf16/resnet-50", variants.OPENVINO)

    def test_openvino_in_int8(self):
        self.every_way("int8/resnet-50", variants.OPENVINO)

    def test_openvino_on_pictures(self):
        self.every_way("int8-u8/resnet-50", variants.OPENVINO)


if __name__ == "__main__":
    unittest.main()
