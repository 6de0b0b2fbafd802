"""python3 -m unittest discover scripts/compare_peers: what needs neither peers nor a built Octet."""
import math
import os
import pathlib
import statistics
import sys
import tempfile
import textwrap
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import engines
import machine
import measure
import models
import ratios
import report
import rows
import search
import store
import variants

INT8 = next(row for row in rows.ROWS if row.name == "int8/alexnet")


class RatiosTest(unittest.TestCase):
    def test_ratio_is_taken_round_by_round_so_a_drift_of_the_machine_cancels(self):
        drift = [1, 0.5, 2, 0.8, 1.3]
        ratio = ratios.paired([30 * d for d in drift], [20 * d for d in drift])
        for value in (ratio.median, ratio.low, ratio.high):
            self.assertAlmostEqual(value, 1.5)

    def test_interval_holds_the_median_and_is_the_same_each_time(self):
        values = [1.0, 1.1, 1.2, 1.3, 1.6, 0.9, 1.15, 1.25, 1.05, 1.4]
        ratio = ratios.bootstrap(values)
        self.assertEqual(ratio.median, statistics.median(values))
        self.assertLess(ratio.low, ratio.median)
        self.assertGreater(ratio.high, ratio.median)
        self.assertGreaterEqual(ratio.low, min(values))
        self.assertLessEqual(ratio.high, max(values))
        self.assertEqual(ratio, ratios.bootstrap(values))

    def test_interval_covers_the_true_median_about_as_often_as_it_says(self):
        import random
        rng = random.Random(5)
        covered = sum((r := ratios.bootstrap([rng.gauss(1, 0.1) for _ in range(10)], 300)).low <= 1 <= r.high for _ in range(200))
        self.assertGreater(covered, 170)
        self.assertLess(covered, 200)

    def test_bar_is_met_when_the_interval_reaches_it(self):
        ratio = ratios.Ratio(1.1, 1.0, 1.2)
        self.assertTrue(ratios.reaches(ratio, 1.2))
        self.assertFalse(ratios.reaches(ratio, 1.21))
        self.assertTrue(ratios.reaches(ratio, 1.0, lower_is_better=True))
        self.assertFalse(ratios.reaches(ratio, 0.99, lower_is_better=True))

    def test_rounds_that_do_not_match_are_refused(self):
        with self.assertRaisesRegex(ValueError, "got 1 and 2"):
            ratios.paired([1], [1, 2])
        with self.assertRaises(ValueError):
            ratios.bootstrap([])


class RowsTest(unittest.TestCase):
    def test_names_are_unique_and_every_group_has_a_title(self):
        self.assertEqual(len({row.name for row in rows.ROWS}), len(rows.ROWS))
        self.assertEqual({row.group for row in rows.ROWS}, set(rows.TITLES))

    def test_rows_are_chosen_by_group_and_network(self):
        self.assertEqual(rows.choose([], []), rows.ROWS)
        self.assertEqual([row.name for row in rows.choose(["int8", "bf16"], ["resnet-50"])], ["int8/resnet-50", "bf16/resnet-50"])
        with self.assertRaisesRegex(ValueError, "got 'int7'"):
            rows.choose(["int7"], [])

    def test_the_machine_decides_which_bar_counts(self):
        self.assertEqual(INT8.bar(rows.VNNI), 2.4)
        self.assertEqual(INT8.bar(rows.AMX), 3)


class VariantsTest(unittest.TestCase):
    def of(self, name):
        return variants.of_row(next(row for row in rows.ROWS if row.name == name), (0, 1))

    def test_both_peers_have_a_part_in_every_row_that_compares_with_them(self):
        for row in rows.ROWS:
            if row.kind in ("throughput", "latency") and row.precision != "bf16":
                self.assertEqual(list(variants.of_row(row, (0, 1))), ["octet", "onnxruntime", "openvino"], row.name)
        self.assertEqual(list(self.of("bf16/resnet-50")), ["octet", "openvino"])

    def test_openvino_has_its_own_quantizer_and_the_other_one(self):
        self.assertEqual({v.form for v in self.of("int8/alexnet")["openvino"]}, {"nncf", "qdq"})
        self.assertEqual({v.form for v in self.of("int8/alexnet")["onnxruntime"]}, {"qdq", "qoperator"})

    def test_a_rank_a_core_is_a_way_of_throughput(self):
        whole, ranks = self.of("int8/alexnet")["octet"]
        self.assertEqual((whole.threads, whole.way, ranks.way, ranks.cpus), (2, "", "ranks", (0, 1)))
        self.assertEqual(len(self.of("int8-latency/alexnet")["octet"]), 1)

    def test_latency_is_of_one_batch_on_all_threads(self):
        for name in variants.PEERS:
            self.assertEqual({v.way for v in self.of("int8-latency/alexnet")[name]} - {"", "latency"}, set())

    def test_ways_of_an_engine_can_be_told_apart(self):
        for row in rows.ROWS:
            for candidates in variants.of_row(row, (0, 1)).values():
                self.assertEqual(len({measure.way_of(v, 1) for v in candidates}), len(candidates), row.name)

    def test_cores_are_pinned(self):
        two, one = self.of("cores/googlenet").values()
        self.assertEqual((two[0].threads, two[0].cpus, one[0].threads, one[0].cpus), (2, (0, 1), 1, (0,)))


class SearchTest(unittest.TestCase):
    def test_all_variants_run_at_one_batch_and_the_best_two_at_the_rest(self):
        self.assertEqual(search.plan_first("abc", search.BATCHES), [("a", 8), ("b", 8), ("c", 8)])
        found = [search.Found("a", 8, 10), search.Found("b", 8, 30), search.Found("c", 8, 20)]
        rest, left_out = search.plan_rest(found, search.BATCHES, longest_call=1000)
        self.assertEqual(rest, [(v, b) for v in "bc" for b in (1, 32, 128)])
        self.assertEqual(left_out, [])

    def test_what_takes_too_long_is_left_out_and_said_but_the_smallest_batch_is_not(self):
        rest, left_out = search.plan_rest([search.Found("a", 8, 7)], search.BATCHES, longest_call=6)
        self.assertEqual((rest, left_out), ([("a", 1), ("a", 32)], [("a", 128)]))
        rest, _ = search.plan_rest([search.Found("a", 8, 0.01)], search.BATCHES, longest_call=6)
        self.assertEqual(rest, [("a", 1)])

    def test_one_batch_needs_no_second_step(self):
        self.assertEqual(search.plan_first("ab", [1]), [("a", 1), ("b", 1)])
        self.assertEqual(search.plan_rest([search.Found("a", 1, 5)], [1], 6), ([], []))

    def test_a_close_second_goes_into_the_rounds_too(self):
        best, close, third = search.Found("a", 8, 100), search.Found("a", 32, 96), search.Found("b", 8, 95.5)
        self.assertEqual(search.finalists([third, close, best]), [best, close])
        self.assertEqual(search.finalists([search.Found("b", 8, 90), best]), [best])


class StoreTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "records"
        self.conditions = {"all": "machine", "octet": "1", "openvino": "2026"}

    def record(self, **changes):
        return store.Record(self.folder, INT8, self.conditions | changes)

    def test_a_record_is_taken_up_where_it_was_left(self):
        self.record().add_round({("octet", "batch 8"): 3.0, ("openvino", "batch 1"): 2.0})
        again = self.record()
        self.assertEqual(again.rounds_done(), 1)
        again.add_round({("octet", "batch 8"): 4.0, ("openvino", "batch 1"): 2.0})
        self.assertEqual(self.record().rounds["octet"]["batch 8"], [3.0, 4.0])

    def test_another_octet_starts_rounds_again_but_keeps_what_was_searched_of_peers(self):
        record = self.record()
        record.data["tried"] = {"octet": {"batch 8": 3}, "openvino": {"batch 1": 2}}
        record.add_round({("octet", "batch 8"): 3.0})
        other = self.record(octet="2")
        self.assertEqual(other.rounds_done(), 0)
        self.assertEqual(other.tried, {"openvino": {"batch 1": 2}})

    def test_on_another_machine_nothing_is_kept(self):
        record = self.record()
        record.data["tried"] = {"openvino": {"batch 1": 2}}
        record.save()
        self.assertEqual(self.record(all="other").tried, {})

    def test_a_budget_leaves_what_would_not_fit(self):
        now = [0]
        budget = store.Budget(10, lambda: now[0])
        budget.require(10)
        now[0] = 6
        budget.require(4)
        with self.assertRaises(store.OutOfTime):
            budget.require(4.5)
        store.Budget(None, lambda: 0).require(1e9)


def record(rounds, notes=None):
    return {"rounds": rounds, "notes": notes or {}, "agreement": {"octet": {"batch 8": {"error": 0.25, "cosine": 0.9}}}, "date": "2026-01-02", "conditions": {"all": "a CPU", "octet": "Octet abc"}}


class ReportTest(unittest.TestCase):
    ROUNDS = {"octet": {"batch 8": [26.0] * 10, "batch 32": [20.0] * 10}, "onnxruntime": {"qdq, batch 1": [5.0] * 10},
              "openvino": {"nncf, batch 8": [10.0] * 10, "nncf, batch 32": [9.0] * 10}}

    def test_the_ratio_is_to_the_better_peer_in_its_better_way(self):
        summary = report.summarize(INT8, record(self.ROUNDS), rows.VNNI)
        self.assertAlmostEqual(summary.ratio.median, 2.6)
        self.assertTrue(summary.met)
        self.assertFalse(report.summarize(INT8, record(self.ROUNDS), rows.AMX).met)
        self.assertEqual([(f.name, f.way) for f in summary.figures],
                         [("octet", "batch 8"), ("onnxruntime", "qdq, batch 1"), ("openvino", "nncf, batch 8")])
        self.assertAlmostEqual(summary.beside["onnxruntime"].median, 5.2)

    def test_of_costs_the_smaller_peer_counts_and_less_is_better(self):
        row = next(row for row in rows.ROWS if row.kind == "memory")
        summary = report.summarize(row, record({"octet": {"b": [200.0] * 5}, "onnxruntime": {"b": [1000.0] * 5},
                                                "openvino": {"b": [500.0] * 5}}), rows.VNNI)
        self.assertAlmostEqual(summary.ratio.median, 0.4)
        self.assertTrue(summary.met)

    def test_building_is_judged_by_seconds(self):
        row = next(row for row in rows.ROWS if row.kind == "build")
        summary = report.summarize(row, record({"octet": {"b": [0.8] * 5}, "openvino": {"b": [2.0] * 5}}), rows.VNNI)
        self.assertAlmostEqual(summary.ratio.median, 0.8)
        self.assertFalse(summary.met)
        self.assertEqual(report.cells(summary)[1], "<= 0.7 s")

    def test_loading_is_judged_by_seconds_and_has_no_peer(self):
        row = next(row for row in rows.ROWS if row.kind == "load")
        summary = report.summarize(row, record({"octet": {"b": [0.005] * 5}}), rows.VNNI)
        self.assertTrue(summary.met)
        self.assertEqual(report.cells(summary)[1:5], ["<= 0.1 s", "0.0050 (0.0050-0.0050)", "met", "0.005 s (b)"])

    def test_the_table_has_a_row_for_each_also_for_what_was_not_measured(self):
        load = next(row for row in rows.ROWS if row.kind == "load")
        summaries = [report.summarize(INT8, record(self.ROUNDS), rows.VNNI),
                     report.summarize(load, record({}, {"octet": "not available"}), rows.VNNI)]
        lines = report.markdown(summaries, "heading").splitlines()
        self.assertEqual(lines[0], "heading")
        table = [line for line in lines if line.startswith("|")]
        self.assertEqual({line.count("|") for line in table}, {len(report.HEAD) + 1})
        self.assertEqual(table[3], "| alexnet | 2.4 | 2.60 (2.60-2.60) | met | 26 (batch 8) | 5 (qdq, batch 1); 5.20 (5.20-5.20) | "
                                   "10 (nncf, batch 8); 2.60 (2.60-2.60) |")
        self.assertIn("not available", table[5])
        self.assertIn("- int8 outputs against Octet's direct FP32, the worst of the networks: Octet cosine 0.9000, largest error "
                      "2.5e-01 of the range", lines)
        self.assertEqual(lines[-1], "1 of 1 bars met; 1 rows not measured.")

    def test_latency_is_shown_in_milliseconds(self):
        row = next(row for row in rows.ROWS if row.kind == "latency")
        summary = report.summarize(row, record({"octet": {"batch 1": [250.0] * 5}, "openvino": {"batch 1": [200.0] * 5}}), rows.VNNI)
        self.assertEqual(report.cells(summary)[4], "4 ms (batch 1)")
        self.assertAlmostEqual(summary.ratio.median, 1.25)

    def test_few_rounds_are_said(self):
        rounds = {name: {way: values[:3] for way, values in ways.items()} for name, ways in self.ROUNDS.items()}
        self.assertIn("(3 rounds)", report.verdict(report.summarize(INT8, record(rounds), rows.VNNI)))


class ImagesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file, self.other = pathlib.Path(folder.name) / "a", pathlib.Path(folder.name) / "b"

    def test_planes_are_the_pictures_less_the_mean(self):
        self.file.write_bytes(bytes(range(24)))  # two pictures of 2 x 2 x 3
        pictures = models.Images(self.file, [2, 2, 3], "uint8", [1, 2.5, 100])
        models.write_planes(self.other, pictures, first=1, count=1)
        self.assertEqual(list(models.read_floats(self.other)), [11, 14, 17, 20, 10.5, 13.5, 16.5, 19.5, -86, -83, -80, -77])

    def test_images_are_the_same_each_time_and_fill_their_range(self):
        models.write_random(self.file, [2, 3, 20, 20], "float32", 1)
        models.write_random(self.other, [2, 3, 20, 20], "float32", 1)
        values = models.read_floats(self.file)
        self.assertEqual(values, models.read_floats(self.other))
        self.assertEqual(len(values), 2400)
        self.assertEqual((min(values), max(values)), (-1, 127 / 128))
        self.assertAlmostEqual(statistics.fmean(values), 0, delta=0.05)


class AgreementTest(unittest.TestCase):
    def test_direction_and_largest_difference(self):
        same = models.compare([1, 2, 3, 4], [1, 2, 3, 4], 2)
        self.assertEqual(same["error"], 0)
        self.assertAlmostEqual(same["cosine"], 1)
        self.assertAlmostEqual(models.compare([2, 1], [1, 2], 1)["cosine"], -1)
        self.assertAlmostEqual(models.compare([1, 2, 3, 3], [1, 2, 3, 4], 1)["error"], 0.25)

    def test_what_computes_something_else_is_refused(self):
        with self.assertRaisesRegex(engines.EngineError, "cosine 0.100, expected at least 0.8"):
            models.require_agreement({"error": 1, "cosine": 0.1}, "int8", "net")
        with self.assertRaisesRegex(engines.EngineError, "differ from Octet's by 2.0e-03"):
            models.require_agreement({"error": 2e-3, "cosine": 1}, "fp32", "net")
        self.assertEqual(models.compare([math.nan, 1], [1, 2], 1)["cosine"], 0)
        with self.assertRaises(ValueError):
            models.compare([1], [1, 2], 1)


class FakeEngine(engines.Engine):
    """A process that speaks the protocol; a batch takes 10 ms of its clock."""
    SCRIPT = textwrap.dedent("""
        import json, sys
        time = 0
        for line in sys.stdin:
            command = json.loads(line)
            if command["do"] == "rate":
                print(json.dumps({"start_ns": time, "stop_ns": time + command["count"] * 10**7}), flush=True)
                time += command["count"] * 10**7
            elif command["do"] == "run":
                print(json.dumps({"start_ns": [0] * command["count"], "stop_ns": [10**7] * command["count"]}), flush=True)
            elif command["do"] == "die":
                sys.exit("out of memory")
            else:
                print(json.dumps({"error": "what?"}), flush=True)
    """)

    def __init__(self, batch):
        super().__init__("fake", [sys.executable, "-c", self.SCRIPT], batch)


class EngineTest(unittest.TestCase):
    def test_rates_and_latencies_come_from_the_engines_own_clock(self):
        with FakeEngine(4) as engine:
            self.assertAlmostEqual(engine.measure_rate(1), 400)
            latencies = engine.measure_latency(0.1)
            self.assertEqual(len(latencies), 10)
            self.assertAlmostEqual(statistics.median(latencies), 0.01)

    def test_as_many_batches_as_fill_the_time_in_whole_calls(self):
        with FakeEngine(1) as engine:
            engine.call_s, engine.in_flight = 0.3, 2
            self.assertEqual([engine.batches_in(s) for s in (0.1, 0.6, 0.7)], [2, 2, 4])

    def test_ranks_run_side_by_side_each_its_own_batches(self):
        with engines.Ranks("ranks", [FakeEngine(4), FakeEngine(4)]) as ranks:
            self.assertEqual(len(set(ranks.pids)), 2)
            self.assertAlmostEqual(ranks.measure_rate(1), 800)
            self.assertEqual(ranks.batches_in(0.001), 2)

    def test_errors_and_deaths_name_the_engine(self):
        with FakeEngine(1) as engine:
            with self.assertRaisesRegex(engines.EngineError, "fake: what?"):
                engine.ask(do="dance")
            with self.assertRaisesRegex(engines.EngineError, "fake ended with exit code 1: out of memory"):
                engine.ask(do="die")

    def test_memory_is_of_the_process(self):
        with FakeEngine(1) as engine:
            engine.rate(1)
            self.assertGreater(engine.memory("VmHWM"), 1 << 20)
            with self.assertRaises(engines.EngineError):
                engine.memory("VmNone")


class MachineTest(unittest.TestCase):
    def test_ticks_of_the_machine_are_without_its_rest_and_with_what_the_host_took(self):
        self.assertEqual(machine.busy_ticks("cpu  10 2 30 4000 500 6 7 80 9 9\ncpu0 1 1 1"), 10 + 2 + 30 + 6 + 7 + 80)

    def test_ticks_of_a_process_whatever_its_name(self):
        fields = " ".join(map(str, range(3, 20)))  # numbered as proc(5) does
        self.assertEqual(machine.process_ticks(f"7 (a ) 1 2) {fields}"), 14 + 15)

    def test_what_a_process_takes_itself_is_no_interference(self):
        own, others = machine.Interference([os.getpid()]), machine.Interference([])
        start = time.process_time()
        while time.process_time() - start < 0.3:
            pass
        self.assertGreater(others.share() - own.share(), 0)

    def test_the_machine_decides_the_bars(self):
        self.assertEqual(machine.kind("fpu avx2 amx_tile amx_int8"), rows.AMX)
        self.assertEqual(machine.kind("fpu avx512_vnni"), rows.VNNI)


class FakeModels:
    """Every variant's "model" is its rate; see FakeRow."""

    def __init__(self):
        self.checked = []

    def images(self):
        return None

    def reference(self):
        return None

    def of(self, variant):
        return None

    def agreement(self, engine, precision):
        self.checked.append(precision)
        return {"error": 0, "cosine": 1}


class Interference:
    """What share() gives, one after the other; then nothing."""
    shares = []

    def __init__(self, pids):
        pass

    def share(self):
        return self.shares.pop(0) if self.shares else 0


class FakeRow(measure.SpeedRow):
    """Octet runs 30 images/s, the peers 10 and 20, OpenVINO's qdq and all single images half of that."""
    RATES = {"octet": 30, "onnxruntime": 10, "openvino": 20}
    Interference = Interference
    started = 0

    class Engine:
        name = "fake"

        def __init__(self, rate):
            self.rate, self.call_s, self.pids = rate, 0.01, [1]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def warm_up(self):
            pass

        def measure_rate(self, seconds):
            return self.rate

    def start(self, variant, batch):
        self.started += 1
        return self.Engine(self.RATES[variant.engine] / (2 if batch == 1 or variant.form == "qdq" else 1))


class SpeedRowTest(unittest.TestCase):
    def run_row(self, pairs=3, budget=None, clock=lambda: 0, row=INT8, **more):
        settings = type("Settings", (), {"cpus": (0, 1), "batches": [1, 8, 32], "pairs": pairs, "seconds": 1, "longest_call": 6})
        conditions = {"all": "m", "octet": "1", "onnxruntime": "2", "openvino": "3"}
        row = FakeRow(row, FakeModels(), store.Record(self.folder, row, conditions), settings, store.Budget(budget, clock),
                      lambda _: None, **more)
        row.run()
        return row

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_the_best_ways_meet_in_rounds_after_their_outputs_were_checked(self):
        row = self.run_row()
        summary = report.summarize(INT8, row.record.data, rows.VNNI)
        self.assertEqual((summary.rounds, summary.ratio.median, summary.met), (3, 1.5, False))
        self.assertNotIn("qdq", summary.figures[2].way)
        self.assertEqual(set(row.models.checked), {"int8"})
        self.assertEqual(len(row.models.checked), sum(len(ways) for ways in row.record.finalists.values()))

    def test_a_finished_row_starts_nothing_and_a_longer_one_goes_on(self):
        self.run_row()
        self.assertEqual(self.run_row().started, 0)
        longer = self.run_row(pairs=5)
        self.assertEqual(longer.record.rounds_done(), 5)

    def test_on_pictures_only_the_best_ways_on_planes_are_tried(self):
        pictures = next(row for row in rows.ROWS if row.on_planes == INT8.name)
        tried = self.run_row(row=pictures, on_planes=self.run_row().record.tried).record.tried
        self.assertEqual({name: len(ways) for name, ways in tried.items()}, {"octet": 3, "onnxruntime": 6, "openvino": 3})
        self.assertTrue(all("qdq" not in way for way in tried["openvino"]))
        self.assertEqual(sum("numpy" in way for way in tried["onnxruntime"]), 3)

    def test_what_was_disturbed_is_measured_again_and_if_that_does_not_help_it_is_said(self):
        once = [0.5]
        Interference.shares = once
        self.assertEqual(self.run_row().record.notes, {})
        self.assertEqual(once, [])
        Interference.shares = [0.5] * 1000
        self.assertIn("disturbed", self.run_row(pairs=4).record.notes)
        Interference.shares = []

    def test_a_row_in_portions_ends_like_one_at_once(self):
        tick = iter(range(0, 100000, 5))
        portions = 0
        while True:
            portions += 1
            start = next(tick)
            try:
                row = self.run_row(budget=60, clock=lambda: next(tick))
                break
            except store.OutOfTime:
                self.assertLess(portions, 50, start)
        self.assertGreater(portions, 1)
        self.assertEqual(row.record.rounds_done(), 3)


if __name__ == "__main__":
    unittest.main()
