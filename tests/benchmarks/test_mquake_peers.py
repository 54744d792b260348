import pytest
from fakes import FakeEncoder
from made_up_hops import made_up_case, made_up_plan, right_scorer, write_cases
from tiny_models import tiny_base

from benchmarks.mquake import AS_MANY, H_ACC, M_ACC, MEAN, Cases
from benchmarks.mquake_data import EditedQuestions, read_cases, read_edits
from benchmarks.mquake_memory import SomeEdits, Worlds
from benchmarks.mquake_peers import Peers
from benchmarks.multi_hop import MultiHopRun
from benchmarks.rows import Rows
from serac.answerers import ike


def silent(more):
    pass


@pytest.fixture
def asked(tmp_path):
    """Asks one case of all peers, the models replaced by what is given; returns rows and traces."""
    write_cases(tmp_path, [made_up_case(1), made_up_case(2)])
    test = read_cases(tmp_path, "test")
    edits = read_edits(tmp_path)
    encoder = FakeEncoder()
    worlds = Worlds(SomeEdits(edits, encoder), edits, encoder, right_scorer(), 0.5)
    run = MultiHopRun(
        lambda texts, progress: [made_up_plan(1) for _ in texts],
        worlds.decide,
        lambda decision: decision.edits[0].text,
        lambda asked, progress: [prompt.split()[-1] for _, prompt in asked],
        {"embedded": lambda texts, progress: ["Town101" for _ in texts]},
    )
    cases = Cases(test, [], EditedQuestions(tmp_path), None)
    put = [one for one in cases.put("all", worlds) if one.case.id == 1]

    def ask(mello, thoughts, in_context):
        peers = Peers(tiny_base(), ike(tiny_base()), worlds)
        peers.mello, peers.thoughts, peers.ike = mello, thoughts, in_context
        rows, told = Rows("mquake_peers", 0, "command"), []
        peers.measure(rows, run, put, silent, told.append)
        found = {(row.setting["answerer"], row.metric): row.value for row in rows.rows}
        return found, told

    return ask


def mello(prompts, progress):
    """Writes the right subquestions, and takes what is retrieved for the first."""
    written = []
    for prompt in prompts:
        asked = prompt.rpartition("\n\nQuestion: ")[2]
        facts = [line for line in asked.splitlines() if line.startswith("Retrieved fact:")]
        if not facts:
            written.append("Subquestion: Who employs Ada1?\nGenerated answer: Firm1.")
            continue
        last = facts[-1].rstrip(".").split()[-1]
        if len(facts) == 1:
            written.append(
                "Retrieved fact contradicts to generated answer, so the intermediate answer is: "
                f"{last}\nSubquestion: Where does {last} sit?\nGenerated answer: Town101."
            )
        else:
            written.append(
                "Retrieved fact does not contradict to generated answer, so the intermediate "
                "answer is: Town101\nFinal answer: Town101"
            )
    return written


def test_all_are_asked_the_same_cases_side_by_side(asked):
    shown = []

    def in_context(prompts, progress):
        shown.extend(prompts)
        return ["the town101" for _ in prompts]

    rows, told = asked(
        mello, lambda texts, progress: ["Ada1 it is.\nAnswer: Town101." for _ in texts], in_context
    )
    answerers = {answerer for answerer, _ in rows}
    assert answerers == {
        "ours",
        "MeLLo, 4 calls",
        "MeLLo, 5 calls",
        "IKE, nearest 4 edits",
        "chain of thought, no editing",
    }
    for answerer in answerers:
        assert rows[answerer, M_ACC] == rows[answerer, MEAN] == 1
    for answerer in ("ours", "MeLLo, 4 calls", "MeLLo, 5 calls"):
        assert rows[answerer, H_ACC] == rows[answerer, AS_MANY] == 1
    assert ("IKE, nearest 4 edits", H_ACC) not in rows
    assert len(told) == 15
    assert all("New Fact: Ada1 works for Firm101." in prompt for prompt in shown)


def test_a_peer_without_a_final_answer_is_wrong(asked):
    rows, told = asked(
        lambda prompts, progress: ["Subquestion: Who employs Ada1?" for _ in prompts],
        lambda texts, progress: ["Town101" for _ in texts],
        lambda prompts, progress: ["" for _ in prompts],
    )
    for answerer in ("MeLLo, 4 calls", "MeLLo, 5 calls", "IKE, nearest 4 edits"):
        assert rows[answerer, M_ACC] == 0
    assert rows["MeLLo, 5 calls", H_ACC] == 0
    assert rows["chain of thought, no editing", M_ACC] == 0  # it never said "Answer:"
    assert {one["outcome"] for one in told if one["answerer"].startswith("MeLLo")} == {
        "too_many_hops"
    }
