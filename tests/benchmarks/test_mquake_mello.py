import pytest

from benchmarks.mquake_mello import DEMONSTRATIONS, PUBLISHED_CALLS, run_mello
from memory_store import Edit

FACTS = [Edit("e1", "Ada1 works for Firm101"), Edit("e2", "Firm7 has its seat in Town7.")]
SCRIPT = (
    "Subquestion: Who employs Ada1?\nGenerated answer: Ada1 works for Firm1.",
    "Retrieved fact contradicts to generated answer, so the intermediate answer is: Firm101\n"
    "Subquestion: Where does Firm101 sit?\nGenerated answer: Firm101 has its seat in Town101.",
    "Retrieved fact does not contradict to generated answer, so the intermediate answer is: "
    "Town101.\nFinal answer: Town101.",
)


class Scripted:
    """Continues a prompt with what comes next in a script."""

    def __init__(self, *script):
        self.script, self.prompts = script, []

    def __call__(self, prompts, progress):
        self.prompts.append(list(prompts))
        progress(len(prompts))
        return [self.script[len(self.prompts) - 1] for _ in prompts]


def ask(*script, facts=FACTS, calls=5):
    write = Scripted(*script)
    asked = []

    def nearest(subquestions):
        asked.append(list(subquestions))
        return [facts[len(asked) - 1] for _ in subquestions]

    traces = run_mello(["Where does the employer sit?"], write, nearest, lambda more: None, calls)
    return traces[0], write.prompts, asked


def test_a_fact_is_put_below_each_subquestion_until_there_is_a_final_answer():
    trace, prompts, asked = ask(*SCRIPT)
    assert [text for ((_, text),) in asked] == ["Who employs Ada1?", "Where does Firm101 sit?"]
    assert len(prompts) == 3
    assert prompts[0] == [f"{DEMONSTRATIONS}\n\nQuestion: Where does the employer sit?"]
    assert prompts[1][0] == f"{prompts[0][0]}\n{SCRIPT[0]}\nRetrieved fact: {FACTS[0].text}."
    assert prompts[2][0].endswith(f"{SCRIPT[1]}\nRetrieved fact: {FACTS[1].text}")
    final, hops = trace.within(5)
    assert final == "Town101"
    assert hops == [
        ("Who employs Ada1?", "Firm101", FACTS[0], True),
        ("Where does Firm101 sit?", "Town101", FACTS[1], False),
    ]


def test_fewer_calls_are_the_same_trace_stopped_earlier():
    trace, _, _ = ask(*SCRIPT)
    for calls in (3, 4):
        assert trace.within(calls) == trace.within(5)
    final, hops = trace.within(2)
    assert final is None
    assert [answer for _, answer, _, _ in hops] == ["Firm101"]
    stopped, prompts, _ = ask(*SCRIPT, calls=2)
    assert len(prompts) == 2
    assert stopped.within(2) == trace.within(2)


def test_four_hops_have_no_final_answer_after_the_published_calls():
    go_on = (
        "Retrieved fact does not contradict to generated answer, so the intermediate answer is: x\n"
        "Subquestion: And {}?\nGenerated answer: y."
    )
    script = [SCRIPT[0], *(go_on.format(n) for n in range(3)), SCRIPT[2]]
    trace, _, _ = ask(*script, facts=FACTS * 3)
    assert trace.within(PUBLISHED_CALLS)[0] is None
    assert trace.within(5)[0] == "Town101"
    assert len(trace.within(5)[1]) == 4


@pytest.mark.parametrize("script", [("",), ("I don't know.",), (SCRIPT[0], "no form at all")])
def test_a_model_that_leaves_the_form_is_not_called_again(script):
    trace, prompts, _ = ask(*script)
    assert trace.failed
    assert len(prompts) == len(script)
    assert trace.within(5)[0] is None


def test_without_edits_nothing_is_retrieved():
    trace, prompts, _ = ask(*SCRIPT, facts=[None, None])
    assert prompts[1][0].endswith("\nRetrieved fact: none.")
    assert trace.within(5)[0] == "Town101"


def test_the_demonstrations_show_the_published_form():
    shown = DEMONSTRATIONS.split("\n\n")
    assert len(shown) == 4
    for one in shown:
        lines = one.splitlines()
        assert lines[0].startswith("Question: ")
        assert lines[-1].startswith("Final answer: ")
        labels = [line.partition(":")[0] for line in lines[1:-1]]
        assert len(labels) % 4 == 0
        for place, label in enumerate(labels):
            expected = ("Subquestion", "Generated answer", "Retrieved fact", "Retrieved fact ")
            assert label.startswith(expected[place % 4])
        assert lines[-2].rpartition(": ")[2] == lines[-1].partition(": ")[2]
