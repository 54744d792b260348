"""Out of scope nothing changes: same prompt, same logits at every step, same text.

A question that may have several hops is taken apart first, and its hops are asked; where no edit
answers one, what the base model then does is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from made_up import made_up_edits

from serac.conversation import Turn
from serac.multi_hop import DEFAULT_DECOMPOSER
from serac.overlay import FactOverlay
from serac.transformers_base import TransformersBase

pytestmark = pytest.mark.model

EDITS = 1000
WITH_HOPS = 20
TOKENS = 2
"""Tokens of an answer; each costs a pass through the model, on cores that may be slow."""


@dataclass
class Recording:
    """What went into a model and what came out, call by call."""

    tokens: list[torch.Tensor] = field(default_factory=list)
    logits: list[torch.Tensor] = field(default_factory=list)

    def ends_as(self, other: Recording) -> bool:
        """Say whether it ends with all of another; hops may have been asked before."""
        before = len(self.tokens) - len(other.tokens)
        return (
            before >= 0
            and _equal(self.tokens[before:], other.tokens)
            and _equal(self.logits[before:], other.logits)
        )


def _equal(these: list[torch.Tensor], those: list[torch.Tensor]) -> bool:
    return len(these) == len(those) and all(map(torch.equal, these, those))


@contextmanager
def recorded(model: Any) -> Iterator[Recording]:
    """Record every pass through a model; nothing is left on it afterwards."""
    recording = Recording()

    def after(module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        recording.tokens.append(kwargs["input_ids"].clone())
        recording.logits.append(output.logits.clone())

    hook = model.register_forward_hook(after, with_kwargs=True)
    try:
        yield recording
    finally:
        hook.remove()


def digest_of(model: Any) -> str:
    """A digest of every weight and buffer, by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted([*model.named_parameters(), *model.named_buffers()]):
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def base(embedded_base):
    return TransformersBase(embedded_base.model, embedded_base.tokenizer, max_new_tokens=TOKENS)


@pytest.fixture(scope="module")
def edits():
    return made_up_edits(EDITS)


@pytest.fixture(scope="module")
def overlay(tmp_path_factory, base, embedded_encoder, edits):
    """The shipped scope classifier over a thousand edits, all in memory at once."""
    path = tmp_path_factory.mktemp("overlay") / "facts.db"
    with FactOverlay.open(path, base=base, encoder=embedded_encoder) as one:
        one.memory.add_many([edit.draft for edit in edits])
        yield one


@pytest.mark.timeout(600)
def test_everyday_questions_are_answered_as_if_nothing_were_there(
    overlay, base, everyday_questions, record_property
):
    assert len(everyday_questions) == 200
    assert len(overlay.memory) == EDITS
    fired, changed, by_hops = [], [], []
    for place, question in enumerate(everyday_questions):
        # Plans take their time, so every twentieth question alone may be taken apart.
        overlay.decomposer = DEFAULT_DECOMPOSER if place % WITH_HOPS == 0 else None
        with recorded(base.model) as through_overlay:
            reply = overlay.ask(question)
        if reply.decision.in_scope:
            fired.append((question, reply.decision.edits[0].text, reply.decision.score))
            continue
        with recorded(base.model) as alone:
            text = base.reply((Turn("user", question),))
        assert alone.logits
        if reply.text != text or not through_overlay.ends_as(alone):
            changed.append(question)
        if len(through_overlay.tokens) > len(alone.tokens):
            by_hops.append(question)

    overlay.decomposer = DEFAULT_DECOMPOSER
    asked = len(everyday_questions)
    record_property("out_of_scope", f"{asked - len(fired)} of {asked}")
    assert changed == []
    assert len(fired) <= 0.05 * asked, fired
    assert len(by_hops) <= 0.1 * asked, by_hops


def test_streaming_out_of_scope_changes_nothing_either(overlay, base, everyday_questions):
    for question in everyday_questions[::50]:
        with recorded(base.model) as alone:
            text = base.reply((Turn("user", question),))
        with recorded(base.model) as through_overlay:
            streamed = overlay.stream(question)
            assert "".join(streamed.chunks) == text
        assert through_overlay.ends_as(alone)
        assert overlay.answer(question, streamed.decision) == text


def test_a_conversation_out_of_scope_reaches_the_model_whole(overlay, base):
    turns = (
        Turn("system", "You answer in one word."),
        Turn("user", "Good morning!"),
        Turn("assistant", "Morning."),
        Turn("user", "What is a good name for a sourdough starter?"),
    )
    with recorded(base.model) as alone:
        text = base.reply(turns)
    with recorded(base.model) as through_overlay:
        reply = overlay.ask(turns)

    assert not reply.decision.in_scope
    assert reply.text == text
    assert through_overlay.ends_as(alone)


def test_the_same_overlay_does_answer_from_its_edits(overlay, edits):
    """Or else the tests above would hold of an overlay that never fires."""
    asked = edits[::40]
    decisions = overlay.decide_many([edit.text.removesuffix(".") + "?" for edit in asked])
    right = [
        edit.text in [found.text for found in decision.edits]
        for edit, decision in zip(asked, decisions, strict=True)
    ]
    assert sum(right) >= 0.9 * len(right)


def test_streaming_in_scope_gives_the_text_of_ask(overlay, edits):
    for edit in edits[:3]:
        question = edit.text.rsplit(" ", 1)[0]
        reply, streamed = overlay.ask(question), overlay.stream(question)

        assert reply.decision == streamed.decision
        assert "".join(streamed.chunks) == reply.text


@pytest.mark.parametrize("answerer", ["ike", "counterfactual"])
def test_no_weight_changes_in_use(tmp_path, base, embedded_encoder, answerer):
    before = digest_of(base.model)
    hooks_before = len(base.model._forward_hooks)
    path = tmp_path / "facts.db"
    options = {"counterfactual_model": base} if answerer == "counterfactual" else {}
    statement = "The Space Needle is located in Paris."

    with FactOverlay.open(
        path, base=base, encoder=embedded_encoder, answerer=answerer, **options
    ) as overlay:
        untouched = overlay.ask(statement)
        edit = overlay.add(statement)
        edited = overlay.ask(statement)
        by_hops = overlay.ask("Which country is the city where the Space Needle is located in?")
        newer = overlay.update(edit.id, "The Space Needle is located in Oslo.")
        "".join(overlay.stream("The Space Needle is located in").chunks)
        overlay.remove(newer.id)
        again = overlay.ask(statement)

    assert edited.decision.route == answerer
    assert by_hops.decision.route == "multi_hop"
    assert (untouched.decision.route, again.decision.route) == ("base", "base")
    assert again.text == untouched.text
    assert digest_of(base.model) == before
    assert len(base.model._forward_hooks) == hooks_before
