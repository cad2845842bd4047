"""What many times come to."""

import math
import statistics
from dataclasses import dataclass

FEWEST = 6  # pairs, for an interval that isn't only the least and the most


@dataclass(frozen=True)
class Estimate:
    """A median, and where it is with 95 % confidence."""

    median: float
    low: float
    high: float


def estimate(values):
    """By order statistics: nothing is assumed of how the values are distributed."""
    ordered = sorted(values)
    count = len(ordered)
    if count < FEWEST:
        raise ValueError(f"{count} values are too few for an interval, {FEWEST} are needed")
    # With `outside` values cut off at each end, the median is cut off too in at most 5 % of all cases.
    outside, tail = 0, 0.5 ** count
    while tail + math.comb(count, outside + 1) * 0.5 ** count <= 0.025:
        outside += 1
        tail += math.comb(count, outside) * 0.5 ** count
    return Estimate(statistics.median(ordered), ordered[outside], ordered[count - 1 - outside])


def paired_ratios(ours, rivals):
    """Round by round, so that what slows both down doesn't count."""
    return [our / rival for our, rival in zip(ours, rivals, strict=True)]


def percentile(values, percent):
    """The smallest that at least so many are not above."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
