from collections import Counter

import pytest
from fakes import FakeEncoder

from memory_store import Edit
from memory_store.errors import ErrataError
from serac.demonstrations import (
    PAPER,
    SCOPED,
    DemonstrationStore,
    IkeSettings,
    demonstrations_of,
    records,
)

EDIT = Edit("1", "The capital of Portugal is Lagos.")


@pytest.fixture(scope="module")
def store():
    return DemonstrationStore(FakeEncoder())


def kinds(found):
    return dict(Counter(demonstration.kind for demonstration in found))


def test_the_paper_s_number_and_ratio_are_a_setting(store):
    found = store.nearest("Which is its capital?", [EDIT], PAPER)
    assert kinds(found) == {"copy": 4, "update": 12, "retain": 16}


def test_where_the_edit_applies_nothing_is_shown_to_be_retained(store):
    found = store.nearest("Which is its capital?", [EDIT], SCOPED)
    assert kinds(found) == {"copy": 2, "update": 2}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (IkeSettings(8), {"copy": 1, "update": 3, "retain": 4}),
        (IkeSettings(5), {"update": 1, "retain": 4}),
        (IkeSettings(6, (1, 1, 0)), {"copy": 3, "update": 3}),
        (IkeSettings(0), {}),
        (IkeSettings(10, (0, 0, 1)), {"retain": 10}),
    ],
)
def test_number_and_ratio_are_settings(store, settings, wanted):
    assert kinds(store.nearest("Q", [EDIT], settings)) == wanted


def test_more_than_there_are_gives_all_there_are(store):
    found = store.nearest("Q", [EDIT], IkeSettings(10_000, (1, 0, 0)))
    assert len(found) == len(records())


@pytest.mark.parametrize(
    "wrong",
    [{"number": -1}, {"ratio": (0, 0, 0)}, {"ratio": (1, 2)}, {"ratio": (1, -3, 4)}, {"ratio": 3}],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ErrataError, match="IKE needs"):
        IkeSettings(**wrong)


@pytest.mark.model
def test_the_nearest_comes_first(embedded_encoder):
    store = DemonstrationStore(embedded_encoder)
    (first, *_) = store.nearest("Q", [EDIT], IkeSettings())
    assert "capital" in first.fact and "Portug" in first.fact
    (first, *_) = store.nearest("Q", [Edit("2", "Ada Quill plays the flute.")], IkeSettings())
    assert "play" in first.fact


def test_demonstrations_show_the_fact_winning_and_leave_the_rest():
    for record in records():
        of_kind = demonstrations_of(record)
        for shown in [*of_kind["copy"], *of_kind["update"]]:
            assert shown.answer in shown.fact
            assert f" {shown.answer} " not in f" {shown.prompt} "
        assert record["fact"].startswith(record["copy"])
        for shown in [found for several in of_kind.values() for found in several]:
            assert "\n" not in shown.fact + shown.prompt + shown.answer
        assert len(of_kind["update"]) == 3 and len(of_kind["retain"]) == 2
