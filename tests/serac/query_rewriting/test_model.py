import json
from pathlib import Path

import pytest
from fakes import FakeCompletionBase, FakeRewriter, GuessingRewriter
from safetensors.torch import load
from tiny_models import byte_tokenizer

from classifiers.artifact_files import CONFIG_FILE
from classifiers.lora_training import ADAPTER_FILE
from memory_store.errors import ArtifactError, ErrataError
from serac.conversation import Turn
from serac.overlay import FactOverlay
from serac.query_rewriting import (
    SHIPPED,
    LazyRewriter,
    TrainedRewriter,
    check_rewriter,
    load_rewriter,
)
from serac.query_rewriting.model import LONGEST_PROMPT, REMEMBERED
from serac.view import Guess

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


def rewriter_of(*pieces):
    model = FakeCompletionBase(*pieces)
    return TrainedRewriter(model, {"model_sha256": "0123456789abcdef" * 4}), model


def test_a_turn_is_read_once_and_the_same_again(adapter_folder, stand_in, monkeypatch):
    seen = []

    def count(model, prompts, **_):
        seen.append(list(prompts))
        return [[("Who designed the Space Needle?", 0.9), ("same", 0.1)] for _ in prompts]

    monkeypatch.setattr("serac.query_rewriting.model.likeliest_all", count)
    rewriter, _ = rewriter_of()
    first = rewriter.rewrite_all([ASKED, THANKED, ASKED])
    assert first == ["Who designed the Space Needle?"] * 3
    assert rewriter.rewrite_all([THANKED]) == first[1:2]
    assert [len(prompts) for prompts in seen] == [2, 0]
    many = [(*TALK, Turn("user", f"Who is {n}?")) for n in range(REMEMBERED)]
    rewriter.rewrite_all(many)
    rewriter.rewrite_all([ASKED])
    assert len(seen[-1]) == 1  # the oldest are forgotten


@pytest.mark.parametrize(
    ("written", "guesses"),
    [
        ([("Who designed Big Ben?", 0.9)], [Guess(None)]),
        (
            [("Who designed Big Ben?", 0.8), ("Who is the designer?", 0.1), ("same", 0.05)],
            [Guess("Who is the designer?", 0.1), Guess(None, 0.05)],
        ),
    ],
)
def test_a_query_with_a_name_that_nobody_said_is_left_out(monkeypatch, written, guesses):
    monkeypatch.setattr(
        "serac.query_rewriting.model.likeliest_all",
        lambda model, prompts, **_: [written for _ in prompts],
    )
    rewriter, _ = rewriter_of()
    assert rewriter.guess_all([ASKED]) == [guesses]
    assert rewriter.rewrite_all([ASKED]) == [guesses[0].query]


class TestLazy:
    def test_it_is_loaded_when_a_conversation_needs_it(self, adapter_folder, stand_in):
        loaded = []

        def load():
            loaded.append(1)
            return load_rewriter(stand_in, adapter_folder("query-rewriter"))

        lazy = LazyRewriter(load)
        assert loaded == []
        assert len(lazy.rewrite_all([ASKED])) == len(loaded) == 1

    def test_where_there_can_be_none_every_turn_stands_as_it_is(self):
        lazy = LazyRewriter(lambda: None)
        assert lazy.rewrite_all([ASKED, THANKED]) == [None, None]
        assert lazy.guess_all([ASKED]) == [[Guess(None)]]


@pytest.mark.parametrize("given", ["", "Trained", 5, False, {}])
def test_what_is_no_rewriter_is_refused(given):
    with pytest.raises(ErrataError, match=r"use one of trained, prompted, none, "):
        check_rewriter(given)


@pytest.mark.parametrize(
    "given", ["trained", "prompted", "none", None, Path("x"), FakeRewriter(), GuessingRewriter()]
)
def test_what_may_be_one_is_not(given):
    check_rewriter(given)


def test_of_a_conversation_that_is_too_long_the_end_is_read(monkeypatch):
    seen = []

    def see(model, prompts, **_):
        seen.extend(prompts)
        return [[("same", 1.0)] for _ in prompts]

    monkeypatch.setattr("serac.query_rewriting.model.likeliest_all", see)
    rewriter, model = rewriter_of()
    model.tokenizer = byte_tokenizer()
    turns = [Turn(("user", "assistant")[n % 2], f"{n} {'ab ' * 50}") for n in range(20)]
    short, long = (*turns[:2], ASKED[-1]), (*turns, ASKED[-1])
    thick = (*TALK, Turn("user", "\U00012000" * 300))
    assert rewriter.rewrite_all([short, thick, long]) == [None, None, None]
    assert len(seen) == 2 and seen[0].startswith("User: 0 ")
    assert all(len(prompt.encode()) <= LONGEST_PROMPT for prompt in seen)
    assert seen[1].endswith("User: Who designed it?\nQuery:") and "User: 18 " in seen[1]


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


@pytest.mark.model
def test_a_damaged_one_is_told_and_not_done_without(embedded_base, embedded_encoder, tmp_path):
    (tmp_path / CONFIG_FILE).write_bytes((SHIPPED / CONFIG_FILE).read_bytes())
    (tmp_path / ADAPTER_FILE).write_bytes(b"damaged")
    own = {"base": embedded_base, "encoder": embedded_encoder, "rewriter": tmp_path}
    with FactOverlay.open(":memory:", **own) as overlay:
        overlay.add("The Space Needle was designed by Zaha Hadid.")
        with pytest.raises(ArtifactError, match="is not the file that config"):
            overlay.decide(ASKED)
