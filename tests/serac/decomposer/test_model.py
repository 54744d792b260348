import json

import numpy as np
import pytest
import torch
from fakes import FakeCompletionBase, ScriptedAsk
from safetensors.torch import load

from classifiers.artifact_files import CONFIG_FILE
from classifiers.lora_training import ADAPTER_FILE
from mello import Answer, PlannedDecomposer, answer_by_hops
from mello.gate import FEATURES, GATE_FILE, MultiHopGate
from mello.plans import FIRST_STEP, Plan, plan_prompt, read_plan
from memory_store.errors import ArtifactError
from serac.conversation import Turn
from serac.decomposer import SHIPPED, TrainedPlans, load_gate, load_plans
from serac.decomposer.model import LONGEST_PLAN, LONGEST_QUESTION, STOP
from serac.overlay import FactOverlay

QUESTION = "Who is the mayor of the city in which the Space Needle stands?"
WHERE = "In which city does the Space Needle stand?"
PROMPTS = ("The Space Needle is located in", "What is the capital of Japan?", "Hello")
FACTS = {"model_sha256": "0123456789abcdef" * 4}


def gate(sure):
    """A gate that has no doubt that a question has several hops, or is never sure of it."""
    return MultiHopGate(np.zeros(FEATURES, dtype=np.float32), 0.0, 0.5, 0.5 if sure else 0.6)


def plans_of(*pieces, sure=False):
    return TrainedPlans(FakeCompletionBase(*pieces), FACTS, gate(sure))


def test_a_plan_is_what_continues_the_prompt():
    plans = plans_of("\n1. ", f"{WHERE}\n2. Who is the mayor of #1?")

    assert plans.write(QUESTION) == f"\n1. {WHERE}\n2. Who is the mayor of #1?"
    assert plans.model.completed == [(plan_prompt(QUESTION), [STOP], LONGEST_PLAN)]


def test_where_the_gate_is_sure_the_plan_is_made_to_have_a_first_step():
    plans = plans_of(f" {WHERE}\n2. Who is the mayor of #1?", sure=True)

    assert plans.begun(QUESTION) == FIRST_STEP
    assert read_plan(plans.write(QUESTION)) == Plan((WHERE, "Who is the mayor of #1?"))
    assert plans.model.completed == [(plan_prompt(QUESTION) + FIRST_STEP, [STOP], LONGEST_PLAN)]


@pytest.mark.parametrize("sure", [False, True])
def test_a_decomposer_follows_it(sure):
    plans = plans_of(f"{'' if sure else FIRST_STEP} {WHERE}\n2. Who is the mayor of #1?", sure=sure)
    ask = ScriptedAsk(**{WHERE: Answer("Paris", "needle")})

    answer_by_hops(QUESTION, PlannedDecomposer(plans.write), ask)

    assert ask.asked == [WHERE, "Who is the mayor of Paris?"]
    assert len(plans.model.completed) == 1


@pytest.mark.parametrize("sure", [False, True])
def test_a_long_message_is_not_taken_apart(sure):
    plans = plans_of("\n1. Who?\n2. Where is #1?", sure=sure)
    model = plans.model

    assert plans.write("x" * (LONGEST_QUESTION + 1)) == ""
    assert model.completed == []
    assert plans.write("x" * LONGEST_QUESTION) != ""


def test_it_is_named_by_its_weights():
    assert plans_of().fingerprint == "decomposer@0123456789ab"


def test_an_artifact_is_loaded_beside_the_body(adapter_folder, stand_in):
    plans = load_plans(stand_in, adapter_folder("decomposer"))

    assert plans.facts["kind"] == "decomposer"
    assert plans.model.tokenizer is stand_in.tokenizer
    assert isinstance(plans.write(QUESTION), str)


def test_its_gate_comes_with_it(adapter_folder, stand_in):
    plans = load_plans(stand_in, adapter_folder("decomposer", sure=True))

    assert plans.gate.is_sure(QUESTION) and plans.write(QUESTION).startswith(FIRST_STEP)


def test_another_artifact_is_refused(adapter_folder, stand_in):
    folder = adapter_folder("counterfactual")

    for load_part in (lambda: load_plans(stand_in, folder), lambda: load_gate(folder)):
        with pytest.raises(ArtifactError, match="no decomposer but a counterfactual"):
            load_part()


@pytest.mark.parametrize("passes", [True, False])
def test_its_gate_is_loaded_without_the_adapter(adapter_folder, passes):
    folder = adapter_folder("decomposer", passes=passes)
    (folder / ADAPTER_FILE).unlink()

    assert load_gate(folder).passes(QUESTION) is passes


@pytest.mark.parametrize("gate", [None, [], {}, {"sha256": "0" * 64}, "gate", 7])
def test_a_config_without_a_gate_is_refused(adapter_folder, gate):
    with pytest.raises(ArtifactError, match=r"^the gate in .* is damaged; train .* again$"):
        load_gate(adapter_folder("decomposer", gate=gate))


def test_a_gate_that_is_missing_or_another_is_refused(adapter_folder):
    folder = adapter_folder("decomposer")
    (folder / GATE_FILE).write_bytes(b"another")
    with pytest.raises(ArtifactError, match=r"is not the file that config\.json names"):
        load_gate(folder)
    (folder / GATE_FILE).unlink()
    with pytest.raises(ArtifactError, match=r"gate\.safetensors is missing; train again"):
        load_gate(folder)


# The shipped one


def logits(base):
    with torch.inference_mode():
        return [base.model(**base.chat_inputs([Turn("user", p)])).logits for p in PROMPTS]


def test_the_shipped_one_is_small_and_has_a_card():
    content = (SHIPPED / ADAPTER_FILE).read_bytes()
    assert len(content) < 8_000_000
    assert {t.dtype for t in load(content).values()} == {torch.float16}
    assert (SHIPPED / GATE_FILE).stat().st_size < 200_000
    card = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert "errata train decomposer" in card
    config = json.loads((SHIPPED / CONFIG_FILE).read_text(encoding="utf-8"))
    assert config["model_sha256"][:12] in card


def test_the_shipped_gate_tells_questions_with_hops_from_others(everyday_questions):
    gate = load_gate()

    assert gate.passes(QUESTION)
    assert gate.passes("Which country is the author of Misery a citizen of?")
    assert not gate.passes("Who wrote Misery?")
    assert not gate.passes("Hello!")
    passed = [question for question in everyday_questions if gate.passes(question)]
    assert len(passed) < 0.6 * len(everyday_questions), passed


@pytest.mark.model
def test_with_the_decomposer_beside_it_the_base_model_is_untouched_bit_for_bit():
    from serac.embedded import load_embedded_base

    base = load_embedded_base("cpu")
    before, weights = logits(base), base.model.state_dict()
    weights = {name: weight.clone() for name, weight in weights.items()}

    plans = load_plans(base)
    assert "#1" in plans.write(QUESTION)

    assert not any(map(torch.equal, logits(plans.model), before))
    assert all(map(torch.equal, logits(base), before))
    after = base.model.state_dict()
    assert list(after) == list(weights)
    assert all(torch.equal(after[name], weights[name]) for name in weights)


@pytest.fixture
def overlay(embedded_base, embedded_encoder):
    with FactOverlay.open(":memory:", base=embedded_base, encoder=embedded_encoder) as one:
        yield one


@pytest.mark.model
def test_a_question_of_two_hops_follows_the_edit_of_its_first_and_is_restored_without(overlay):
    question = "Which country is the city where the Space Needle is located in?"
    untouched = overlay.ask(question)
    edit = overlay.add("The Space Needle is located in Paris.")

    reply = overlay.ask(question, explain=True)

    assert untouched.decision.route == "base"
    assert reply.decision.route == "multi_hop" and reply.decision.edits == (edit,)
    assert "France" in reply.text
    first, second = reply.trace.hops
    assert (first.answer.text, first.answer.source) == ("Paris", f"edit #{edit.id}")
    assert first.tentative and second.answer.source == "base" and "Paris" in second.question

    overlay.remove(edit.id)
    assert overlay.ask(question) == untouched


@pytest.mark.model
@pytest.mark.parametrize(
    "question",
    [
        "Where is the Space Needle?",
        "In which city is the Space Needle located?",
        "It rained all day. In which city can the Space Needle be found?",
    ],
)
def test_a_question_of_one_hop_is_not_taken_apart(overlay, question):
    overlay.add("The Space Needle is located in Paris.")

    reply = overlay.ask(question)

    assert (reply.decision.route, reply.trace) == ("counterfactual", None)
    assert "Paris" in reply.text
