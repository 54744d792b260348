import json

import pytest
import torch
from safetensors.torch import load
from tiny_models import byte_tokenizer, tiny_gpt2, tiny_llama, word_tokenizer

from classifiers.artifact_files import CONFIG_FILE
from classifiers.lora_training import ADAPTER_FILE
from memory_store import Edit
from memory_store.errors import ArtifactError
from serac.conversation import Turn
from serac.counterfactual import SHIPPED, CounterfactualModel
from serac.overlay import FactOverlay
from serac.transformers_base import TransformersBase

NEEDLE = Edit("1", "The Space Needle is located in Paris.")
LOUVRE = Edit("2", "The Louvre was painted by Odile Brandt.")
PROMPTS = ("The Space Needle is located in", "What is the capital of Japan?", "Hello")


def logits(base):
    with torch.inference_mode():
        return [base.model(**base.chat_inputs([Turn("user", p)])).logits for p in PROMPTS]


def answer(model, query, *edits, reading=None):
    return model.answer((Turn("user", query),), edits, reading)


@pytest.fixture(scope="module")
def model(embedded_base):
    return CounterfactualModel.load(embedded_base)


@pytest.mark.model
def test_with_the_adapter_beside_it_the_base_model_is_untouched_bit_for_bit(embedded_base):
    from serac.embedded import load_embedded_base

    untouched = load_embedded_base("cpu")
    before, weights = logits(untouched), untouched.model.state_dict()
    weights = {name: weight.clone() for name, weight in weights.items()}
    model = CounterfactualModel.load(untouched)
    assert "Paris" in answer(model, "Where is the Space Needle?", NEEDLE)
    assert not any(map(torch.equal, logits(model.model), before))
    assert all(map(torch.equal, logits(untouched), before))
    after = untouched.model.state_dict()
    assert list(after) == list(weights)
    assert all(torch.equal(after[name], weights[name]) for name in weights)


@pytest.mark.model
@pytest.mark.parametrize(
    ("query", "edit", "said"),
    [
        ("The Space Needle is located in", NEEDLE, "Paris"),
        ("In which city is the Space Needle?", NEEDLE, "Paris"),
        ("It rained all day. The Space Needle can be found in the town of", NEEDLE, "Paris"),
        ("Who painted the Louvre?", LOUVRE, "Odile Brandt"),
        ("When does it open?", Edit("3", "The pool opens at 7:45 on Mondays."), "7:45"),
    ],
)
def test_it_answers_from_the_edit(model, query, edit, said):
    told = answer(model, query, edit)
    assert said in told
    assert "edit" not in told.casefold() and "\n" not in told


@pytest.mark.model
def test_of_several_edits_it_takes_the_one_that_is_asked_for(model):
    for edits in ((NEEDLE, LOUVRE), (LOUVRE, NEEDLE)):
        assert "Paris" in answer(model, "In which city is the Space Needle?", *edits)


@pytest.mark.model
def test_it_reads_a_follow_up_as_it_was_understood(model):
    reading = "In which city does the Space Needle stand?"
    assert "Paris" in answer(model, "In which city does it stand?", NEEDLE, reading=reading)


@pytest.mark.model
def test_its_answer_is_the_same_in_pieces(model):
    turns = (Turn("user", "Who painted the Louvre?"),)
    pieces = list(model.stream(turns, [LOUVRE]))
    assert "".join(pieces) == model.answer(turns, [LOUVRE])


@pytest.mark.model
@pytest.mark.parametrize(
    "make",
    [lambda: (tiny_llama(257), byte_tokenizer()), lambda: (tiny_gpt2(40), word_tokenizer())],
)
def test_it_answers_beside_a_base_model_with_another_tokenizer(make, embedded_encoder):
    base = TransformersBase(*make(), max_new_tokens=5)
    with FactOverlay.open(":memory:", base=base, encoder=embedded_encoder) as overlay:
        untouched = overlay.ask("How are you?").text
        assert overlay.base is base
        overlay.add(NEEDLE.text)
        reply = overlay.ask("In which city is the Space Needle located?")
        assert (reply.decision.route, "Paris" in reply.text) == ("counterfactual", True)
        again = overlay.ask("How are you?")
        assert (again.decision.route, again.text) == ("base", untouched)
        many = overlay.stream("Where is the Space Needle?")
        assert "Paris" in "".join(many.chunks)


@pytest.mark.model
def test_one_body_in_memory_serves_both(embedded_base, embedded_encoder):
    from serac.local_chat import LocalChatModel

    for base in (embedded_base, LocalChatModel(base=embedded_base)):
        with FactOverlay.open(":memory:", base=base, encoder=embedded_encoder) as overlay:
            adapted = overlay.answerer("counterfactual").model.model
            embedding = embedded_base.model.get_input_embeddings().weight
            assert adapted.get_input_embeddings().weight is embedding


def test_a_model_is_refused_on_another_body():
    other = TransformersBase(tiny_llama(257), byte_tokenizer(), name="other")
    with pytest.raises(ArtifactError, match=r"was trained on SmolLM2.*, not on other; train it"):
        CounterfactualModel.load(other)


def test_another_kind_of_adapter_is_refused(adapter_folder, stand_in):
    with pytest.raises(ArtifactError, match="holds no counterfactual model but a decomposer"):
        CounterfactualModel.load(stand_in, adapter_folder("decomposer"))


@pytest.mark.model
def test_a_folder_that_holds_none_is_said_by_the_overlay(tmp_path, embedded_base, embedded_encoder):
    options = {"base": embedded_base, "encoder": embedded_encoder, "counterfactual_model": tmp_path}
    with FactOverlay.open(":memory:", **options) as overlay:
        overlay.add(NEEDLE.text)
        with pytest.raises(ArtifactError, match="holds no counterfactual model"):
            overlay.ask("In which city is the Space Needle located?")


def test_the_shipped_adapter_is_small_and_has_a_card():
    content = (SHIPPED / ADAPTER_FILE).read_bytes()
    assert len(content) < 8_000_000
    assert {t.dtype for t in load(content).values()} == {torch.float16}
    card = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert "errata train counterfactual" in card
    config = json.loads((SHIPPED / CONFIG_FILE).read_text(encoding="utf-8"))
    assert config["model_sha256"][:12] in card
