import pytest
from fakes import FakeEncoder, FakeScorer
from made_up_hops import KINDS, QUESTIONS, made_up_case, made_up_plan, right_scorer, write_cases

from benchmarks.mquake_data import read_cases, read_edits
from benchmarks.mquake_memory import SomeEdits, Worlds
from benchmarks.multi_hop import Asked, MultiHopRun, Table, judged_by
from serac.hop_scope import HopScope, load_hop_scope


class Counting:
    """Answers many texts by a function, and remembers them."""

    def __init__(self, function):
        self.function, self.batches = function, []

    def __call__(self, texts, progress):
        self.batches.append(list(texts))
        progress(len(texts))
        return [self.function(text) for text in texts]

    @property
    def asked(self):
        return [text for batch in self.batches for text in batch]


def silent(more):
    pass


def old_world(question):
    """The answer of the world without edits: everyone's own."""
    for answers, asks in zip(KINDS[1:], QUESTIONS, strict=True):
        before, _, after = asks.partition("{}")
        if question.startswith(before) and question.endswith(after):
            subject = question.removeprefix(before).removesuffix(after)
            return answers + "".join(letter for letter in subject if letter.isdigit())
    return "unknown"


class World:
    """Two cases of two hops, whose first hop is edited, with everything that answers."""

    def __init__(self, folder, plans=None, gate=None):
        write_cases(folder, [made_up_case(1), made_up_case(2, hops=3, edited=(0, 2))])
        self.cases = {case.id: case for case in read_cases(folder, "test")}
        edits = read_edits(folder)
        encoder = FakeEncoder()
        self.worlds = Worlds(SomeEdits(edits, encoder), edits, encoder, right_scorer(), 0.5)
        written = plans or (lambda q: made_up_plan(1) if "chain 1" in q else made_up_plan(2, 3))
        self.plans = Counting(written)
        self.edited = Counting(lambda asked: f" {asked[1].split()[-1]}.")
        self.base = Counting(old_world)
        self.run = MultiHopRun(
            self.plans,
            self.worlds.decide,
            lambda decision: f"{decision.reading} {decision.edits[0].text}",
            self.edited,
            {"old": self.base, "other": Counting(lambda question: "")},
            gate,
        )

    def ask(self, number, hidden=(), base="old"):
        asked = [
            Asked(question, self.worlds.world(None, hidden))
            for question in self.cases[number].questions
        ]
        return self.run.ask(asked, base, silent)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_hops_go_to_edits_and_to_the_base(world):
    first, second, _ = world.ask(2)
    assert [hop.answer.text for hop in first.trace.hops] == ["Firm102", "Town102", "Land202"]
    assert [hop.answer.edit_id for hop in first.trace.hops] == ["1", None, "2"]
    assert [hop.answer.score for hop in first.trace.hops] == pytest.approx([0.9, 0.1, 0.9])
    assert (first.answer, first.edited, first.whole) == ("Land202", True, None)
    assert first.plan == made_up_plan(2, 3)
    assert second.trace.hops == first.trace.hops


def test_with_its_edits_hidden_a_question_gets_the_old_answer(world):
    (said, *_) = world.ask(2, hidden=world.cases[2].edits)
    assert (said.answer, said.edited) == ("Land2", False)
    (said, *_) = world.ask(2, hidden=["2"])
    assert (said.answer, said.edited) == ("Land102", True)


def test_nothing_is_answered_twice(world):
    for hidden in ((), ["1"], (), ["1"]):
        world.ask(2, hidden)
        world.ask(1, hidden)
    for counting in (world.plans, world.edited, world.base):
        assert len(counting.asked) == len(set(counting.asked))
    assert len(world.plans.batches) == 2
    assert world.run.seconds()["plans"][1] == 6


def test_all_questions_go_on_together(world):
    asked = [
        Asked(question, world.worlds.world(None))
        for case in world.cases.values()
        for question in case.questions
    ]
    assert [one.answer for one in world.run.ask(asked, "old", silent)] == (
        ["Town101"] * 3 + ["Land202"] * 3
    )
    assert [len(batch) for batch in world.plans.batches] == [6]


def test_a_question_of_one_hop_is_asked_as_it_is(tmp_path):
    world = World(tmp_path, plans=lambda question: " none")
    (said, *_) = world.ask(1)
    assert said.trace.outcome == "single_hop"
    assert (said.answer, said.edited) == ("unknown", False)
    asked = Asked("Who employs Ada1?", world.worlds.world(None))
    (said,) = world.run.ask([asked], "old", silent)
    assert (said.answer, said.edited) == ("Firm101", True)


def test_the_gate_keeps_a_question_from_being_taken_apart(tmp_path):
    world = World(tmp_path, gate=lambda question: "wording 0" not in question)
    kept, apart, _ = world.ask(1)
    assert (kept.trace.outcome, kept.plan, kept.answer) == ("single_hop", "", "unknown")
    assert apart.answer == "Town101"
    assert not any("wording 0" in question for question in world.plans.asked)


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        ("1. Who employs Ada1?\n2. Who employs Ada1? ", "single_hop"),
        ("1. Who employs Ada9?\n2. Where does #2 sit?", "single_hop"),
        (" none", "single_hop"),
    ],
)
def test_where_the_loop_ends_without_an_answer_the_question_is_asked_as_it_is(
    tmp_path, plan, outcome
):
    (said, *_) = World(tmp_path, plans=lambda question: plan).ask(1)
    assert said.trace.outcome == outcome
    assert said.answer == "unknown"


def test_a_base_that_says_nothing_ends_the_loop(world):
    (said, *_) = world.ask(2, hidden=["1"], base="other")
    assert said.trace.outcome == "empty_answer"
    assert (said.whole.text, said.answer) == ("", "")


def test_a_table_makes_what_is_missing():
    counting = Counting(str.upper)
    table = Table(counting)
    assert table.get_all(["a", "b", "a"], silent) == ["A", "B", "A"]
    assert table.get_all(["b", "c"], silent) == ["B", "C"]
    assert counting.batches == [["a", "b"], ["c"]]
    assert table.made == 3
    assert table.get("a") == "A"


def test_rows_tell_what_judges_hops():
    scorer = load_hop_scope()
    told = judged_by(scorer)

    assert told["hop_classifier"] == scorer.scorer.fingerprint
    assert told["second_classifier"] == scorer.second.fingerprint != told["hop_classifier"]
    assert (told["hops_false_fire"], told["second_threshold"]) == (0.005, scorer.second.threshold)
    assert judged_by(HopScope(FakeScorer(), 0.5)) == {"hop_classifier": None}
