from dataclasses import replace

import pytest
from fakes import FakeEncoder, FakeMemory, FunctionScorer
from made_up_hops import made_up_case, right_scorer, write_cases

from benchmarks.answers import memory_with
from benchmarks.mquake_data import read_cases, read_edits
from benchmarks.mquake_memory import GatheringScorer, HiddenEdits, SomeEdits, World, Worlds
from memory_store import Edit
from serac.second_scope import SecondScope


class Counting:
    """Fits ``ScopeScorer``; remembers its batches."""

    def __init__(self):
        self.scorer, self.batches = right_scorer(), []

    def score(self, pairs):
        self.batches.append(list(pairs))
        return self.scorer.score(pairs)


def silent(more):
    pass


def test_a_hidden_edit_is_not_found_and_as_many_others_are():
    memory = HiddenEdits(FakeMemory("a", "b", "c", "d"), frozenset({"e1", "e3"}))
    (hits,) = memory.search_many(["?"], k=2)
    assert [hit.edit.text for hit in hits] == ["b", "d"]
    assert len(memory) == 2
    assert memory.memory.searched == [["?"]]


def test_some_edits_are_searched_as_a_memory_of_them_is(tmp_path):
    encoder = FakeEncoder()
    edits = [Edit(str(n), f"Town{n} lies in Land{n % 3}") for n in range(12)]
    records = [{"id": edit.id, "text": edit.text} for edit in edits]
    queries = ["Which land is Town7 in?", "Town11 lies in", "?"]
    with memory_with(records, tmp_path / "facts.db", encoder) as memory:
        expected = memory.search_many(queries, 1)
    found = SomeEdits(edits, encoder).search_many(queries, 1)
    for one, other in zip(found[:2], expected[:2], strict=True):
        assert [hit.edit.id for hit in one] == [hit.edit.id for hit in other]
        assert one[0].similarity == pytest.approx(other[0].similarity, abs=1e-5)
    assert SomeEdits([], encoder).search_many(["?"]) == [[]]


def test_pairs_are_gathered_and_then_judged_once():
    counting = Counting()
    scorer = GatheringScorer(counting)
    pair, other = ("Who employs Ada1?", "Ada1 works for Firm2"), ("Who?", "Ada1 works for Firm2")
    scorer.gather()
    assert list(scorer.score([pair, pair, other])) == [0, 0, 0]
    assert counting.batches == []
    scorer.judge()
    assert counting.batches == [[pair, other]]
    assert list(scorer.score([other, pair])) == [0.0, 0.9]
    assert len(counting.batches) == 1


@pytest.fixture
def worlds(tmp_path):
    """Worlds over the edits of three cases."""
    write_cases(tmp_path, [made_up_case(n, edited=(0, 1)) for n in (1, 2, 3)])
    edits = read_edits(tmp_path)
    encoder, counting = FakeEncoder(), Counting()
    made = Worlds(SomeEdits(edits, encoder), edits, encoder, counting, 0.5)
    made.counting = counting
    made.cases = {case.id: case for case in read_cases(tmp_path, "test")}
    return made


def test_a_question_is_decided_in_its_own_world(worlds):
    asked = "Who employs Ada1?"
    all_of_it, hidden = worlds.world(None), worlds.world(None, ["0"])
    own, of_another = worlds.world(["0", "1"]), worlds.world(["2", "3"])
    decided = worlds.decide(
        [(all_of_it, asked), (hidden, asked), (own, asked), (of_another, asked)], silent
    )
    assert [[edit.id for edit in one.edits] for one in decided] == [["0"], [], ["0"], []]
    assert {one.route for one in decided} == {"base", "counterfactual"}


def test_several_edits_in_scope_are_a_matter_for_ike(tmp_path):
    edits = [Edit("0", "Ada1 works for Firm2"), Edit("1", "Ada1 works for Firm3 too")]
    encoder = FakeEncoder()
    scorer = FunctionScorer(lambda query, edit: 0.9)
    worlds = Worlds(SomeEdits(edits, encoder), edits, encoder, scorer, 0.5)
    whole, part = worlds.world(None), worlds.world(["1"])
    asked = "Which firms employ Ada1?"
    decided = worlds.decide([(whole, asked), (part, asked)], silent)
    assert [(one.route, len(one.edits)) for one in decided] == [("ike", 2), ("counterfactual", 1)]
    worlds.route = "counterfactual"
    assert worlds.decide([(whole, asked)], silent)[0].route == "counterfactual"


def test_what_many_worlds_share_is_judged_once_and_in_one_batch(worlds):
    asked = [(worlds.world(None, [str(n)]), "Who employs Ada1?") for n in range(6)]
    worlds.decide(asked, silent)
    assert len(worlds.counting.batches) == 1
    assert len(worlds.counting.batches[0]) == len(set(worlds.counting.batches[0]))
    worlds.decide(asked, silent)
    assert len(worlds.counting.batches) == 1


def test_worlds_with_the_same_in_memory_are_equal(worlds):
    assert worlds.world(None, ["nowhere"]) == worlds.world(None) == World()
    assert worlds.world(["0"], ["1"]) == worlds.world(["0"])
    assert worlds.world(["0", "1"], ["1"]) != worlds.world(["0"])
    assert len(worlds.memory(worlds.world(["0", "1"], ["1"]))) == 1


def test_a_second_classifier_is_asked_about_what_the_first_puts_in_scope():
    edits = [Edit("0", "Ada1 works for Firm2"), Edit("1", "Ada1 works for Firm3 too")]
    encoder, asked = FakeEncoder(), []

    def judge(query, edit):
        asked.append(edit)
        return 0.9 if "Firm3" in edit else 0.1

    worlds = Worlds(
        SomeEdits(edits, encoder),
        edits,
        encoder,
        FunctionScorer(lambda query, edit: 0.9),
        0.5,
        second=SecondScope(FunctionScorer(judge), 0.7),
    )
    question = (worlds.world(None), "Which firms employ Ada1?")

    first, again = (worlds.decide([question], silent)[0] for _ in range(2))

    assert [edit.id for edit in first.edits] == [edit.id for edit in again.edits] == ["1"]
    assert sorted(asked) == sorted(edit.text for edit in edits)
    trusting = replace(question[0], trusted=frozenset({"0"}))
    (decision,) = worlds.decide([(trusting, question[1])], silent)
    assert {edit.id for edit in decision.edits} == {"0", "1"}
