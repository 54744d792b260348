import random
from collections import Counter

import pytest

from classifiers.drawn_names import draw_names, with_names
from classifiers.written_facts import (
    ANSWERED,
    FOLDER,
    NOT_ANSWERED,
    WrittenFact,
    fact_pairs,
    written_fact_pairs,
    written_facts,
)

TEA = WrittenFact(
    ("{A} drinks {B}.", "It is {B} that {A} drinks."),
    ("What does {A} drink?", "{A}'s drink?"),
    ("What does {C} drink?",),
    {"A": ("Ann", "the aunt"), "B": ("tea", "milk"), "C": ("Bob", "Ann")},
)


@pytest.mark.parametrize("seed", range(20))
def test_a_query_and_its_edit_have_the_same_names(seed):
    pairs = TEA.pairs(random.Random(seed))

    assert [(one.label, one.kind) for one in pairs] == [
        (True, ANSWERED),
        (True, ANSWERED),
        (False, NOT_ANSWERED),
    ]
    for one in pairs[:2]:
        name = "aunt" if "aunt" in one.query else "Ann"
        assert name in one.edit and ("tea" in one.edit) != ("milk" in one.edit)
    assert ("Ann" in pairs[2].query) <= ("Ann" not in pairs[2].edit)


def test_names_and_edits_are_drawn_anew_for_each_query():
    pairs = [pair for n in range(20) for pair in TEA.pairs(random.Random(n))]
    assert len({pair.edit for pair in pairs}) == 8


def test_a_name_has_a_capital_where_a_sentence_begins():
    assert with_names("{A}. Of {A}? {A}", {"A": "the cat"}) == "The cat. Of the cat? The cat"
    assert len(set(draw_names({"A": "xy", "B": "xy"}, random.Random()).values())) == 2


@pytest.mark.parametrize("part", ["fit", "dev"])
def test_the_written_ones_can_be_filled_in_and_say_nothing_of_one_query_twice(part):
    facts = written_facts(part)
    assert len(facts) >= 60
    for fact in facts:
        assert 2 <= len(fact.edits) <= 3 and len(fact.asks) >= 7 and len(fact.others) >= 8
        assert not set(fact.asks) & set(fact.others)
    pairs = fact_pairs(part, draws=2)
    assert not [pair for pair in pairs if "{" in pair.query + pair.edit]
    assert fact_pairs(part, draws=2) == pairs
    kinds = Counter(pair.kind for pair in pairs)
    assert 0.7 < kinds[ANSWERED] / kinds[NOT_ANSWERED] < 1.2


def test_every_tenth_fact_of_a_file_is_for_dev_alone():
    fit, dev = written_facts("fit"), written_facts("dev")
    assert len(fit) == 9 * len(dev) and not {one.edits for one in fit} & {one.edits for one in dev}
    assert len(list(FOLDER.glob("*.toml"))) * 40 == len(fit) + len(dev)


def test_written_facts_are_asked_for_once_each_now_and_then_in_haste():
    plain = {pair.query for pair in fact_pairs("dev", draws=2)}
    pairs = written_fact_pairs("dev", draws=2)

    assert len({(pair.query, pair.edit) for pair in pairs}) == len(pairs)
    typed = sum(pair.query not in plain for pair in pairs) / len(pairs)
    assert 0.1 < typed < 0.25
    assert written_fact_pairs("dev", draws=2) == pairs
