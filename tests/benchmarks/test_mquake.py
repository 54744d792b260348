import pytest
from fakes import FakeEncoder
from made_up_hops import made_up_case, made_up_plan, right_scorer, write_cases

from benchmarks.knowing import KnowingBase, known_facts
from benchmarks.mquake import AS_IT_IS, AS_MANY, H_ACC, M_ACC, MEAN, NO_EDIT, Cases, judge, measure
from benchmarks.mquake_data import EditedQuestions, read_cases, read_edits
from benchmarks.mquake_hops import AS_ASKED, AS_TAUGHT, RIGHT, measure_hops
from benchmarks.mquake_memory import SomeEdits, World, Worlds
from benchmarks.mquake_models import knows
from benchmarks.multi_hop import Asked, MultiHopRun, Said
from benchmarks.rows import Rows
from mello import Answer, Hop, Trace


def silent(more):
    pass


class Bench:
    """Six cases of two and three hops; of one, the first wording is not taken apart."""

    def __init__(self, folder, plans=None):
        hops = {1: 2, 2: 3, 3: 2, 4: 3, 5: 2, 6: 3}
        cases = [made_up_case(n, hops=hops[n], edited=(n % 2,)) for n in hops]
        cases += [made_up_case(n, split="train") for n in range(10, 16)]
        cases[0]["masked_edit_ids"] = [0, 1]  # its own is among them, as a trap
        write_cases(folder, cases)
        self.test = read_cases(folder, "test")
        self.cases = Cases(
            self.test, read_cases(folder, "train"), EditedQuestions(folder), most=None
        )
        edits = read_edits(folder)
        encoder = FakeEncoder()
        self.worlds = Worlds(SomeEdits(edits, encoder), edits, encoder, right_scorer(), 0.5)

        def plan(question):
            number = int(question.split("chain ")[1].split(",")[0])
            return (
                " none" if "chain 3, wording 0" in question else made_up_plan(number, hops[number])
            )

        self.run = MultiHopRun(
            lambda texts, progress: [(plans or plan)(text) for text in texts],
            self.worlds.decide,
            lambda decision: decision.edits[0].text,
            lambda asked, progress: [prompt.split()[-1] for _, prompt in asked],
            {"knowing": knows(KnowingBase(known_facts(self.test), encoder))},
        )

    def rows(self, part):
        told = []
        rows = Rows("mquake", 0, "command")
        put = self.cases.put(part, self.worlds)
        measure(rows, self.run, put, part, "knowing", silent, told.append)
        return {(row.kind, row.metric): row for row in rows.rows}, told


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.mark.parametrize("part", ["all", "own", "100", "1000", "unmasked"])
def test_over_a_knowing_base_a_right_decomposer_is_right_in_every_memory(bench, part):
    rows, told = bench.rows(part)
    assert rows["edited: all", M_ACC].value == 1
    assert rows["edited: all", H_ACC].value == 1
    assert rows["edited: all", M_ACC].n == 6
    assert rows["edited: all", MEAN].n == 18
    assert rows["edited: all", AS_IT_IS].value == pytest.approx(1 / 18)
    assert rows["edited: all", AS_MANY].value == pytest.approx(17 / 18)
    assert rows["edited: 2 hops", M_ACC].n == 3
    assert rows["edited: 1 edit", M_ACC].n == 6
    assert ("edited: all", NO_EDIT) not in rows
    assert len(told) == 18


def test_unedited_questions_get_the_old_answer(bench):
    rows, told = bench.rows("unedited")
    assert rows["unedited: all", M_ACC].value == 1
    assert rows["unedited: all", NO_EDIT].value == 1
    assert all(one["gold"].endswith(str(one["case"])) for one in told)
    assert ("unedited: 1 edit", M_ACC) not in rows


def test_what_is_in_memory_follows_from_the_part(bench):
    first = next(case for case in bench.test if case.id == 1)

    def world(part):
        return next(one.world for one in bench.cases.put(part, bench.worlds) if one.case == first)

    assert world("unmasked") == World()
    assert world("all") == World(None, frozenset({"1"}))  # its own edit is never hidden from it
    assert world("own") == World(frozenset({"0"}))
    assert world("unedited") == World(None, frozenset({"0", "1"}))
    assert world("1000").held >= {str(n) for n in range(6)}
    assert world("1000").hidden == {"1"}
    assert len(world("1000").held) == 12  # all that the other cases could fill up with


def test_a_trace_can_be_read(bench):
    _, told = bench.rows("all")
    one = next(one for one in told if one["case"] == 2 and "wording 1" in one["question"])
    assert one["base"] == "knowing"
    assert one["setting"] == "all"
    assert one["outcome"] == "finished"
    assert (one["answer"], one["gold"], one["right"], one["hops_right"]) == (
        "Land102",
        "Land102",
        True,
        True,
    )
    assert [hop["source"] for hop in one["hops"]] == ["edit #1", "base", "base"]
    assert [hop["gold"] for hop in one["hops"]] == ["Firm102", "Town102", "Land102"]
    assert [hop["edited"] for hop in one["gold_chain"]] == [True, False, False]


def test_most_cases_are_asked_and_the_rest_are_others(tmp_path):
    bench = Bench(tmp_path)
    few = Cases(bench.test, [], EditedQuestions(tmp_path), most=2)
    assert few.asked == bench.test[:2]
    assert few.others == bench.test[2:]
    assert len(few.unedited) == 2


@pytest.fixture
def gold(bench):
    return next(case for case in bench.test if case.id == 2).new


def said(*answers, outcome="finished", whole=None):
    hops = tuple(Hop(f"Step {n}?", Answer(answer)) for n, answer in enumerate(answers))
    final = answers[-1] if answers and outcome == "finished" else ""
    return Said(Asked("?", World()), "", Trace("?", hops, final, outcome), whole)


@pytest.mark.parametrize(
    ("answers", "right", "hops_right"),
    [
        (("Firm102", "Town102", "Land102"), True, True),
        (("firm102", "the town102.", "Old Land 102"), True, True),
        (("Town102", "Firm102", "Land102"), True, False),
        (("Firm102", "Land102"), True, False),
        (("Firm102", "Town102", "Land102", "Head102"), False, False),
        (("Firm102", "Town102", "Town102", "Land102"), True, False),
        (("Firm102", "Town102", "Land2"), False, False),
    ],
)
def test_every_hop_has_to_be_right_in_its_place(gold, answers, right, hops_right):
    judged = judge(said(*answers), gold)
    assert (judged.right, judged.hops_right) == (right, hops_right)
    assert judged.as_many == (len(answers) == 3)


def test_a_question_that_was_asked_as_it_is_has_no_hops(gold):
    loop = said("Firm102", "Town102", "Land102", outcome="empty_answer", whole=Answer("Land102"))
    judged = judge(loop, gold)
    assert (judged.right, judged.hops_right, judged.as_many) == (True, False, False)


def test_bases_are_asked_the_unedited_hops_in_both_wordings(bench):
    rows = Rows("mquake", 0, "command")
    measure_hops(rows, bench.run, bench.test, "knowing", silent)
    found = {row.kind: row for row in rows.rows}
    assert {row.metric for row in rows.rows} == {RIGHT}
    assert found[AS_TAUGHT].value == found[AS_ASKED].value == 1
    assert found[AS_TAUGHT].n == found[AS_ASKED].n > 6


def test_without_a_right_plan_no_hop_is_asked_in_the_decomposers_wording(tmp_path):
    bench = Bench(tmp_path, plans=lambda question: " none")
    rows = Rows("mquake", 0, "command")
    measure_hops(rows, bench.run, bench.test, "knowing", silent)
    assert [row.kind for row in rows.rows] == [AS_TAUGHT]
