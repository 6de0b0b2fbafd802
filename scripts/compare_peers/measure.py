"""Rows that compare speeds: a search for each contestant's best way, then rounds in which all take turns."""
import contextlib
import os
import statistics
import time
from dataclasses import replace

import engines
import machine
import search
import variants

SEARCH_WINDOWS = 3  # of a candidate
SEARCH_S = 0.4  # of a window
MOST_INTERFERENCE = 0.05
MOST_TRIES = 4
LOAD_S = 4  # a guess of what it takes to start, load and warm up an engine, for the budget


def way_of(variant, batch):
    words = variant.words() if variant.engine != variants.OCTET or variant.way else ""
    return f"{words}, batch {batch}" if words else f"batch {batch}"


class SpeedRow:
    Interference = machine.Interference

    def __init__(self, row, models, record, settings, budget, say, on_planes=None):
        """`on_planes`: what was tried in the row `row.on_planes`, if it was measured."""
        self.row, self.models, self.record, self.on_planes = row, models, record, on_planes or {}
        self.settings, self.budget, self.say = settings, budget, say
        self.contestants = variants.of_row(row, settings.cpus)
        self.batches = [1] if row.kind == "latency" else settings.batches

    def prepare(self):
        """Makes the files that will be needed; this is not timed."""
        self.models.images()
        self.models.reference()
        for candidates in self.contestants.values():
            for variant in candidates:
                self.models.of(variant)

    def run(self):
        self.prepare()
        finalists = {name: self.search(name) for name in self.contestants}
        self.run_rounds(finalists)

    def start(self, variant, batch):
        return engines.start(variant, batch, self.models.of(variant), self.models.images())

    def measure(self, engine, seconds):
        """The row's figure, higher is better: images a second; of latency, calls a second. Measured again when others took
        part of the machine meanwhile."""
        for _ in range(MOST_TRIES):
            interference = self.Interference([os.getpid(), *engine.pids])
            if self.row.kind == "latency":
                figure = 1 / statistics.median(engine.measure_latency(seconds))
            else:
                figure = engine.measure_rate(seconds)
            share = interference.share()
            if share <= MOST_INTERFERENCE:
                return figure
        self.say(f"  {engine.name}: {100 * share:.0f} % of the machine went to others")
        self.record.notes["disturbed"] = "others took part of the machine again and again"
        return figure

    # ---- search ------------------------------------------------------------------------------------------------------

    def search(self, name):
        if name in self.on_planes:
            best = search.shortlist(self.on_planes[name])
            return search.finalists(self.try_all(name, [
                (variant, batch) for variant in self.contestants[name] for batch in self.batches
                if way_of(replace(variant, pictures=""), batch) in best]))
        first = self.try_all(name, search.plan_first(self.contestants[name], self.batches))
        rest, left_out = search.plan_rest(first, self.batches, self.settings.longest_call)
        if left_out:
            self.record.notes[name] = "left out, since a call takes too long: " + "; ".join(way_of(*each) for each in left_out)
        return search.finalists(first + self.try_all(name, rest))

    def try_all(self, name, candidates):
        tried = self.record.tried.setdefault(name, {})
        found = []
        for variant, batch in candidates:
            way = way_of(variant, batch)
            if way not in tried:
                known = [f.rate for f in found] + list(tried.values())
                calls_s = 3 * batch / min(known) if known else 0
                self.budget.require(LOAD_S + SEARCH_WINDOWS * SEARCH_S + calls_s)
                with self.start(variant, batch) as engine:
                    tried[way] = self.best_window(engine)
                self.record.save()
                self.say(f"  search: {name}, {way}: {tried[way]:.1f}")
            found.append(search.Found(variant, batch, tried[way]))
        return found

    def best_window(self, engine):
        """What disturbs can only slow it, and long calls need no windows."""
        engine.warm_up()
        windows = SEARCH_WINDOWS if engine.call_s < SEARCH_S else 1
        return max(self.measure(engine, SEARCH_S) for _ in range(windows))

    # ---- rounds ------------------------------------------------------------------------------------------------------

    def run_rounds(self, finalists):
        chosen = {name: [way_of(f.variant, f.batch) for f in found] for name, found in finalists.items()}
        if self.record.finalists != chosen:
            self.record.data |= {"finalists": chosen, "rounds": {}, "agreement": {}}
        left = self.settings.pairs - self.record.rounds_done()
        if left <= 0:
            return
        each = [(name, f) for name, found in finalists.items() for f in found]
        round_s = sum(self.settings.seconds + f.batch / f.rate for _, f in each)
        self.budget.require(sum(LOAD_S + 3 * f.batch / f.rate for _, f in each) + round_s)
        with contextlib.ExitStack() as stack:
            loaded = {}
            for name, f in each:
                engine = stack.enter_context(self.start(f.variant, f.batch))
                loaded[name, way_of(f.variant, f.batch)] = engine
                self.check(name, f, engine)
                engine.warm_up()
            for _ in range(left):
                self.budget.require(round_s)
                start = time.monotonic()
                self.record.add_round(self.one_round(loaded))
                round_s = time.monotonic() - start
                self.say(f"  round {self.record.rounds_done()} of {self.settings.pairs}: {round_s:.1f} s")

    def one_round(self, loaded):
        """Each round starts with the next engine, so that no one always comes first."""
        order = list(loaded)
        turn = self.record.rounds_done() % len(order)
        return {key: self.measure(loaded[key], self.settings.seconds) for key in order[turn:] + order[:turn]}

    def check(self, name, found, engine):
        agreement = self.record.agreement.setdefault(name, {})
        way = way_of(found.variant, found.batch)
        if way not in agreement:
            agreement[way] = self.models.agreement(engine, precision_of(found.variant, self.row))
            self.record.save()


def precision_of(variant, row):
    """Of a contestant: on Octet's own rows they differ."""
    if "--precision" in variant.options:
        return variant.options[variant.options.index("--precision") + 1]
    return row.precision
