from collections import Counter

import pytest

from benchmarks import curve
from benchmarks import data as loaders


@pytest.fixture
def parts(folder, monkeypatch):
    monkeypatch.setattr(curve, "MEMORIES", {1: 5, 10: 2, 40: 1, 1_000: 1})
    monkeypatch.setattr(curve, "EVERYDAY", 7)
    return dict(curve.parts_by_size(loaders.counterfact(folder), 0))


def test_memories_grow_from_test_edits_to_all_edits(parts):
    assert {size: len(found) for size, found in parts.items()} == {1: 5, 10: 2, 40: 1, 60: 1}
    assert all(len(part.edits) == size for size, found in parts.items() for part in found)
    tested = {str(number) for number in range(30, 60)}
    assert all(part.edits <= tested for size in (1, 10) for part in parts[size])
    assert not parts[10][0].edits & parts[10][1].edits
    assert all(tested < part.edits for size in (40, 60) for part in parts[size])


def test_only_cases_of_edits_in_memory_are_asked_and_everyday_ones(parts):
    counted = Counter(case.kind for case in parts[10][0].cases)
    assert counted == {"exact": 10, "paraphrase": 10, "neighborhood": 10, "everyday": 7}
    assert Counter(case.kind for case in parts[40][0].cases)["exact"] == 30
    for part in parts[1]:
        assert all(case.edit in part.edits for case in part.cases if case.right)


def test_the_same_seed_draws_the_same(folder, parts):
    again = dict(curve.parts_by_size(loaders.counterfact(folder), 0))
    assert again == parts
    assert dict(curve.parts_by_size(loaders.counterfact(folder), 1)) != parts
