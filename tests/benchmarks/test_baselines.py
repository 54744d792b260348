import math

import pytest
from fakes import FakeEncoder

from benchmarks import baselines
from benchmarks.data import Case
from memory_store import EditMemory


def test_serac_s_rule_is_a_threshold_on_the_cosine():
    distance_squared = 2 - 2 * baselines.SERAC_COSINE
    assert math.exp(-distance_squared) == pytest.approx(0.5)


def test_the_rules_share_the_nearest_edit_and_choose_on_dev(folder):
    encoder = FakeEncoder()
    serac, cosine, mello = baselines.rules(folder, encoder, 0)
    assert (serac.method, mello.threshold) == ("SERAC's rule", -1.0)
    assert 0 < cosine.threshold <= 1
    with EditMemory.open(":memory:", encoder) as memory:
        edit = memory.add("The harbour of Orvane is Port Quell")
        case = Case("exact", "The harbour of Orvane is", 0, edit.id, frozenset({edit.id}))
        (found,) = baselines.nearest(memory, [case], lambda more: None)
        assert found.edit == edit.id
        assert 0.5 < found.score < 1
