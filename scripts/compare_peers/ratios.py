"""From rounds of figures to a ratio with its interval, and from that to the verdict on a bar. Pure functions."""
import random
import statistics
from dataclasses import dataclass

BOOTSTRAPS = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    median: float
    low: float
    high: float


def bootstrap(values, rounds=BOOTSTRAPS):
    """Median and its 95 % bootstrap interval; the seed is fixed, so that the same figures give the same table."""
    if not values:
        raise ValueError("a ratio of no rounds")
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(rounds))
    tail = (1 - CONFIDENCE) / 2
    return Ratio(statistics.median(values), medians[int(tail * rounds)], medians[int((1 - tail) * rounds) - 1])


def paired(ours, theirs):
    """The ratio round by round: what slows the machine for a while slows both figures of a round."""
    if len(ours) != len(theirs):
        raise ValueError(f"expected as many rounds of both, got {len(ours)} and {len(theirs)}")
    return bootstrap([a / b for a, b in zip(ours, theirs)])


def fastest(figures):
    """Name of the highest median among {name: [figure of each round]}."""
    return max(figures, key=lambda name: statistics.median(figures[name]))


def reaches(ratio, bar, lower_is_better=False):
    """A bar is met when the interval reaches it."""
    return ratio.low <= bar if lower_is_better else ratio.high >= bar
