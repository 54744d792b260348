import json

import pytest
from safetensors.torch import load

from classifiers.artifact_files import CONFIG_FILE
from classifiers.lora_training import ADAPTER_FILE
from memory_store.errors import ArtifactError
from serac.conversation import Turn
from serac.overlay import FactOverlay
from serac.query_rewriting import SHIPPED, LazyRewriter, load_rewriter

TALK = (Turn("user", "Tell me about the Space Needle."), Turn("assistant", "It is a tower."))
ASKED = (*TALK, Turn("user", "Who designed it?"))
THANKED = (*TALK, Turn("user", "Thanks!"))


def test_an_artifact_is_loaded_beside_the_body(adapter_folder, stand_in):
    rewriter = load_rewriter(stand_in, adapter_folder("query-rewriter"))

    assert rewriter.model.tokenizer is stand_in.tokenizer
    told = []
    found = rewriter.rewrite_all([ASKED, THANKED], told.append)
    assert len(found) == sum(told) == 2
    assert all(one is None or one.strip() == one != "" for one in found)
    assert rewriter.fingerprint == f"query-rewriter@{rewriter.facts['model_sha256'][:12]}"


def test_another_artifact_is_refused(adapter_folder, stand_in):
    folder = adapter_folder("decomposer")
    with pytest.raises(ArtifactError, match="no query rewriter but a decomposer"):
        load_rewriter(stand_in, folder)
    with pytest.raises(ArtifactError, match="no query rewriter but a decomposer"):
        LazyRewriter(lambda: stand_in, folder)


def test_it_is_loaded_when_a_conversation_needs_it_and_once(adapter_folder, stand_in):
    loaded = []

    def body():
        loaded.append(1)
        return stand_in

    lazy = LazyRewriter(body, adapter_folder("query-rewriter"))
    assert loaded == []
    assert lazy.rewrite_all([ASKED]) == lazy.rewrite_all([ASKED])
    assert loaded == [1]


def test_without_the_embedded_model_every_turn_stands_as_it_is(adapter_folder):
    lazy = LazyRewriter(lambda: None, adapter_folder("query-rewriter"))
    assert lazy.rewrite_all([ASKED, THANKED]) == [None, None]


# The shipped one


def test_the_shipped_one_is_small_and_has_a_card():
    content = (SHIPPED / ADAPTER_FILE).read_bytes()
    assert len(content) < 8_000_000
    card = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert "errata train query-rewriter" in card
    config = json.loads((SHIPPED / CONFIG_FILE).read_text(encoding="utf-8"))
    assert config["model_sha256"][:12] in card
    assert all(tensor.isfinite().all() for tensor in load(content).values())


@pytest.mark.model
def test_the_shipped_one_puts_the_name_in_and_leaves_other_turns_alone(embedded_base):
    designed, thanks, again = load_rewriter(embedded_base).rewrite_all(
        [
            ASKED,
            THANKED,
            (
                Turn("user", "Who wrote Emma?"),
                Turn("assistant", "Jane."),
                Turn("user", "And Ulysses?"),
            ),
        ]
    )
    assert designed == "Who designed the Space Needle?"
    assert thanks is None
    assert again == "Who wrote Ulysses?"


@pytest.mark.model
def test_an_overlay_answers_follow_ups_with_it(embedded_base, embedded_encoder):
    with FactOverlay.open(":memory:", base=embedded_base, encoder=embedded_encoder) as overlay:
        edit = overlay.add("The Space Needle was designed by Zaha Hadid.")
        reply = overlay.ask(ASKED)
        assert reply.decision.edits == (edit,)
        assert reply.decision.reading == "Who designed the Space Needle?"
        assert "Hadid" in reply.text
        assert not overlay.decide(THANKED).in_scope
        assert not overlay.decide((*TALK, Turn("user", "How high is it?"))).in_scope
