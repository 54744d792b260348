"""Thresholds for every stated rate and memory size, from dev queries that were judged once.

Dev was judged with all edits in memory. In a smaller memory, drawn by chance from these, an edit
is there with a probability of its share; so the share of queries that would fire on average
follows without judging anything again, but for edits too far down to have been judged among all.
The edit that a query was recorded against, such as one about the same subject, is taken to be there
always where it was judged: people ask about what they have edited. A set of fewer edits than a
memory size is taken as it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from classifiers.dev_figures import DevSet
from classifiers.thresholds import ThresholdChoice, exact_interval
from memory_store.errors import ErrataError

SIZES = (1_000, 3_000, 10_000)
"""Numbers of edits that thresholds are chosen for, beside all that there are.

None is smaller: what is asked of a small memory is mostly about its edits, and a few edits drawn by
chance from many would make it look easier than it is.
"""


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """The judged pairs of one kind of out-of-scope query.

    Attributes:
        probabilities: (n,) probability of each pair.
        query_of: (n,) place of its query, from 0 to ``queries - 1``.
        kept: (n,) whether its edit is in every memory.
        in_memory: (n,) how many edits there were when it was judged.
        queries: How many queries there are.
    """

    probabilities: npt.NDArray[np.float64]
    query_of: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]
    in_memory: npt.NDArray[np.int64]
    queries: int

    def share_that_fires(self, threshold: float, edits: int) -> float:
        """Return the share of the queries that fire, on average over memories of ``edits``."""
        firing = self.probabilities >= threshold
        there = np.where(self.kept, 1.0, np.minimum(1.0, edits / self.in_memory))
        silent = np.ones(self.queries)
        np.multiply.at(silent, self.query_of[firing], 1.0 - there[firing])
        return float((1.0 - silent).mean())


def thresholds_by_size(
    dev: DevSet,
    probabilities: npt.NDArray[np.float64],
    rates: Sequence[float],
    floors: Mapping[float, float] = MappingProxyType({}),
) -> list[ThresholdChoice]:
    """Return the lowest threshold at which no kind of out-of-scope query exceeds a rate.

    One is chosen for each rate and each memory size; what was observed is that of the kind that
    fires most. Of a kind with fewer than 1 / rate queries none may fire in the memory that it was
    judged with.

    Args:
        dev: The dev queries.
        probabilities: (n,) probability of each of its pairs.
        rates: Shares that may fire, in (0, 1).
        floors: For a rate, the probability that its thresholds are not below.

    Raises:
        ErrataError: No out-of-scope query was judged.
    """
    kinds = list(_out_of_scope(dev, probabilities)) if len(probabilities) else []
    reached = [kind.probabilities for kind in kinds if len(kind.probabilities)]
    if not reached:
        raise ErrataError("dev has no judged out-of-scope query to choose a threshold by")
    candidates = np.nextafter(np.unique(np.concatenate(reached)), 2.0)
    largest = max(dev.in_memory)
    sizes = [size for size in SIZES if size < largest] + [largest]
    found = []
    for rate in rates:
        allowed = candidates
        if rate in floors:
            allowed = np.append(floors[rate], candidates[candidates > floors[rate]])
        found += [_choice(kinds, allowed, rate, size) for size in sizes]
    return found


def _choice(
    kinds: Sequence[OutOfScope], candidates: npt.NDArray[np.float64], rate: float, edits: int
) -> ThresholdChoice:
    def highest_share(threshold: float) -> float:
        return max(kind.share_that_fires(threshold, edits) for kind in kinds)

    # The share falls as the threshold rises; at the last candidate nothing fires.
    place = bisect_left(
        candidates, True, hi=len(candidates) - 1, key=lambda one: highest_share(one) <= rate
    )
    threshold = float(candidates[place])
    observed = highest_share(threshold)
    queries = min(k.queries for k in kinds if k.share_that_fires(threshold, edits) == observed)
    around = exact_interval(round(observed * queries), queries)
    return ThresholdChoice(rate, threshold, observed, *around, queries, edits)


def _out_of_scope(dev: DevSet, probabilities: npt.NDArray[np.float64]) -> Iterator[OutOfScope]:
    """Yield the kinds of out-of-scope query, those of all sources together."""
    query_of = dev.query_of()
    against = [query.against for query in dev.queries]
    edits = [edit for _, edit in dev.pairs()]
    kept = np.array([edit == against[q] for edit, q in zip(edits, query_of, strict=True)])
    in_memory = np.array(dev.in_memory)[query_of]
    kinds = np.array([query.kind for query in dev.queries])
    outside = np.array([not right for right in dev.right])
    for kind in np.unique(kinds[outside]):
        chosen = outside & (kinds == kind)
        pairs = chosen[query_of]
        place = np.cumsum(chosen) - 1
        yield OutOfScope(
            probabilities[pairs],
            place[query_of[pairs]],
            kept[pairs],
            in_memory[pairs],
            int(chosen.sum()),
        )
