"""The short search for an engine's best way, before the rounds that count. Pure: what measures is handed in.

First every variant runs at one middling batch; then the best two run at all other batches. A batch is left out where it would
take too long, by the rate that is known. The best of all, and the next one if it came close, go into the rounds:
a search is short, and which of two near ones is better only the rounds can tell.

A row on pictures tries only the ways that were best on planes, with every way of making planes of pictures."""
from dataclasses import dataclass

FIRST_BATCH = 8
BATCHES = (1, 8, 32, 128)
VARIANTS_KEPT = 2
FINALISTS = 2
SHORTLIST = 3
CLOSE = 0.95  # of the best rate


@dataclass(frozen=True)
class Found:
    variant: object
    batch: int
    rate: float  # images/s


def plan_first(variants, batches):
    first = FIRST_BATCH if FIRST_BATCH in batches else batches[0]
    return [(variant, first) for variant in variants]


def plan_rest(found, batches, longest_call):
    """What to measure next, given what the first batch gave, and what is left out: [(variant, batch)] of both."""
    best = sorted(found, key=lambda f: -f.rate)[:VARIANTS_KEPT]
    rest, left_out = [], []
    for f in best:
        for batch in batches:
            if batch == f.batch:
                continue
            short = batch / f.rate <= longest_call or batch == min(batches)
            (rest if short else left_out).append((f.variant, batch))
    return rest, left_out


def finalists(found):
    """The best, and what is close to it; best first."""
    ranked = sorted(found, key=lambda f: -f.rate)
    return [f for f in ranked[:FINALISTS] if f.rate >= CLOSE * ranked[0].rate]


def shortlist(tried):
    """The best of {way: rate}."""
    return sorted(tried, key=lambda way: -tried[way])[:SHORTLIST]
