from dataclasses import replace

import numpy as np
import pytest

from classifiers import dev_thresholds
from classifiers.dev_figures import DevSet
from classifiers.dev_thresholds import OutOfScope, thresholds_by_size
from classifiers.pairs import ScopeQuery
from classifiers.shortlist import Listed
from memory_store.errors import ErrataError

EDITS = tuple(f"edit {n}" for n in range(1000))


def dev_of(asked):
    """Return a dev set of (kind, recorded against, places of the shortlist) queries."""
    queries = tuple(
        ScopeQuery(f"query {n}", None, against, kind, "counterfact", "dev")
        for n, (kind, against, _) in enumerate(asked)
    )
    near = tuple([Listed(place, 1.0, 1.0, "v", "v") for place in places] for *_, places in asked)
    count = len(asked)
    return DevSet(queries, near, EDITS, (frozenset(),) * count, (len(EDITS),) * count)


def test_an_edit_is_in_a_smaller_memory_by_its_share_and_the_recorded_one_always():
    kind = OutOfScope(
        probabilities=np.array([0.9, 0.8, 0.7, 0.1]),
        query_of=np.array([0, 0, 1, 2]),
        kept=np.array([False, False, True, False]),
        in_memory=np.array([1000] * 4),
        queries=4,
    )
    assert kind.share_that_fires(0.5, 1000) == pytest.approx(2 / 4)
    assert kind.share_that_fires(0.5, 100) == pytest.approx((1 - 0.9 * 0.9 + 1) / 4)
    assert kind.share_that_fires(0.95, 1000) == 0.0
    few = OutOfScope(np.array([0.9]), np.array([0]), np.array([False]), np.array([50]), 1)
    assert few.share_that_fires(0.5, 1000) == 1.0


def test_the_share_that_is_reckoned_is_that_of_memories_drawn_by_chance():
    chance = np.random.default_rng(0)
    probabilities = chance.random(400)
    query_of, edit_of = np.repeat(np.arange(100), 4), chance.integers(0, 50, 400)
    kind = OutOfScope(probabilities, query_of, np.zeros(400, bool), np.full(400, 50), 100)
    drawn = []
    for _ in range(300):
        there = np.isin(edit_of, chance.choice(50, 10, replace=False))
        drawn.append(len(set(query_of[there & (probabilities >= 0.6)])) / 100)
    assert kind.share_that_fires(0.6, 10) == pytest.approx(np.mean(drawn), abs=0.02)


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch):
    monkeypatch.setattr(dev_thresholds, "SIZES", (100, 300))


def test_a_larger_memory_gets_a_higher_threshold_and_a_stricter_rate_too():
    chance = np.random.default_rng(1)
    dev = dev_of([("neighborhood", None, chance.integers(0, 1000, 12)) for _ in range(300)])
    choices = thresholds_by_size(dev, chance.random(3600), (0.01, 0.05))
    assert [(c.false_fire, c.edits) for c in choices] == [
        (rate, size) for rate in (0.01, 0.05) for size in (100, 300, 1000)
    ]
    found = {(choice.false_fire, choice.edits): choice.threshold for choice in choices}
    assert found[0.05, 100] < found[0.05, 300] < found[0.05, 1000]
    assert all(found[0.01, size] > found[0.05, size] for size in (100, 300, 1000))
    assert all(choice.low <= choice.observed <= choice.false_fire for choice in choices)


def test_the_kind_that_fires_most_decides():
    calm = [("neighborhood", None, [n]) for n in range(100)]
    bold = [("same_subject", EDITS[n], [n]) for n in range(100)]
    probabilities = np.array([0.1] * 100 + [0.8] * 10 + [0.1] * 90)
    for choice in thresholds_by_size(dev_of(calm + bold), probabilities, (0.05,)):
        assert choice.threshold > 0.8  # in a memory of any size
        assert choice.queries == 100
    alone = thresholds_by_size(dev_of(calm), probabilities[:100], (0.05,))
    assert max(choice.threshold for choice in alone) < 0.2


def test_a_set_of_few_edits_is_taken_as_it_is_and_a_query_without_a_pair_never_fires():
    dev = dev_of([("same_subject", EDITS[0], [0]), ("same_subject", None, [])] * 20)
    few = replace(dev, in_memory=(50,) * 40)
    probabilities = np.linspace(0.5, 0.6, 20)
    [choice] = thresholds_by_size(few, probabilities, (0.1,))
    assert (choice.edits, choice.observed) == (50, 0.1)
    mixed = replace(dev, in_memory=(50, 2000) * 20)
    assert {c.edits for c in thresholds_by_size(mixed, probabilities, (0.1,))} == {100, 300, 2000}


def test_of_a_kind_with_too_few_queries_none_may_fire():
    dev = dev_of([("everyday", None, [n]) for n in range(20)])
    [*_, largest] = thresholds_by_size(dev, np.linspace(0, 0.9, 20), (0.01,))
    assert largest.threshold > 0.9
    assert largest.observed == 0.0


def test_without_an_out_of_scope_query_there_is_no_threshold():
    with pytest.raises(ErrataError, match="no judged out-of-scope query"):
        thresholds_by_size(dev_of([]), np.empty(0), (0.01,))
    dev = dev_of([("paraphrase", None, [0])])
    inside = replace(dev, right=(frozenset({EDITS[0]}),))
    with pytest.raises(ErrataError, match="no judged out-of-scope query"):
        thresholds_by_size(inside, np.array([0.5]), (0.01,))


def test_no_threshold_of_a_rate_is_below_its_floor():
    chance = np.random.default_rng(1)
    dev = dev_of([("neighborhood", None, chance.integers(0, 1000, 12)) for _ in range(300)])
    scores = chance.random(3600)
    free = thresholds_by_size(dev, scores, (0.01, 0.05))
    held = thresholds_by_size(dev, scores, (0.01, 0.05), {0.05: 0.999})

    assert [one.threshold for one in held[:3]] == [one.threshold for one in free[:3]]
    assert [one.threshold for one in held[3:]] == [max(0.999, one.threshold) for one in free[3:]]
    assert all(one.observed <= 0.05 for one in held)
