"""The answerers as prompts of local models, so that many queries can be asked at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from benchmarks.generating import target_log_probabilities
from memory_store import Edit
from serac.answerers import SHORT_ANSWER, STOPS, PromptAnswerer
from serac.completing import complete_all
from serac.conversation import Turn
from serac.counterfactual.model import LONGEST_ANSWER, CounterfactualModel
from serac.counterfactual.prompt import STOP
from serac.decision import Route
from serac.overlay import FactOverlay
from serac.prompts import with_fact_note
from serac.transformers_base import TransformersBase

Asked = tuple[Route, str, tuple[Edit, ...]]
"""A route, a query, and the edits that it is answered from."""

BASE_ANSWER = 32
"""Tokens that are read of what the base model writes in its own way."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """A prompt, and how it is continued: ``begins`` are words that the answer begins with."""

    model: TransformersBase
    prompt: str
    stop: tuple[str, ...]
    most: int
    begins: tuple[str, ...] = ()


class Answerers:
    """Who answers on each route of an overlay over the embedded models.

    Args:
        overlay: The overlay.
    """

    def __init__(self, overlay: FactOverlay) -> None:
        self.base = cast(TransformersBase, overlay.base)
        self.counterfactual = cast(CounterfactualModel, overlay.answerer("counterfactual"))
        self.ike = cast(PromptAnswerer, overlay.answerer("ike"))
        self.asked_again: set[Asked] = set()
        """What IKE was asked a second time, as an answer had nothing of the edits."""
        self._answers: dict[Asked, str] = {}
        self._told: dict[tuple[Asked, str], float] = {}

    def prompted(self, asked: Asked) -> Prompted:
        """Return the prompt that a query is answered by; the base model's is its chat's."""
        route, query, edits = asked
        if route == "counterfactual":
            model = cast(TransformersBase, self.counterfactual.model)
            prompt = self.counterfactual.prompt(query, edits)
            return Prompted(model, prompt, (STOP,), LONGEST_ANSWER)
        if route == "ike" and self.ike.completes(query):
            return Prompted(self.base, self.ike.prompt(query, edits), STOPS, SHORT_ANSWER)
        return self._in_chat(asked)

    def _in_chat(self, asked: Asked) -> Prompted:
        route, query, edits = asked
        turns: tuple[Turn, ...] = (Turn("user", query),)
        if route == "ike":
            turns = with_fact_note(turns, edits)
        prompt = self.base.tokenizer.apply_chat_template(
            [{"role": turn.role, "content": turn.content} for turn in turns],
            add_generation_prompt=True,
            tokenize=False,
        )
        return Prompted(self.base, prompt, (), BASE_ANSWER)

    def answer(self, asked: Sequence[Asked], progress: Callable[[int], None]) -> list[str]:
        """Return the answer to each query; what was asked before is not answered again."""
        known = {o: self.prompted(o) for o in dict.fromkeys(asked) if o not in self._answers}
        self._ask(known, progress)
        # As the answerer itself does where an answer has nothing of the edits, and where a model
        # ends its line at once.
        again = {one: how for one, how in self._to_begin(known).items() if how.begins}
        self.asked_again |= again.keys()
        self._ask(again, progress)
        empty = [one for one in known if one[0] == "ike" and not self._answers[one]]
        self._ask({one: self._in_chat(one) for one in empty}, progress)
        return [self._answers[one] for one in asked]

    def _to_begin(self, known: Mapping[Asked, Prompted]) -> dict[Asked, Prompted]:
        """Return how completions are asked for again, with the words to begin with, if any."""
        found = {}
        for one, how in known.items():
            if one[0] == "ike" and self.ike.completes(one[1]):
                grounding = self.ike.grounding(one[1], one[2])
                grounded = grounding.holds(self._answers[one])
                found[one] = replace(how, begins=() if grounded else grounding.words)
        return found

    def _ask(self, known: Mapping[Asked, Prompted], progress: Callable[[int], None]) -> None:
        ways = {one: (how.model, how.stop, how.most) for one, how in known.items()}
        for model, stop, most in dict.fromkeys(ways.values()):
            ones = [one for one in known if ways[one] == (model, stop, most)]
            told = complete_all(
                model,
                [known[one].prompt for one in ones],
                stop=stop,
                max_new_tokens=most,
                progress=progress,
                begins=[known[one].begins for one in ones],
            )
            self._answers.update(zip(ones, told, strict=True))

    def log_probabilities(
        self, asked: Sequence[tuple[Asked, str]], progress: Callable[[int], None]
    ) -> list[float]:
        """Return the mean log-probability a token of each target as the answer to its query.

        The base model's is that of the target after the plain query, as in ROME.
        """
        new = [pair for pair in dict.fromkeys(asked) if pair not in self._told]
        for route in dict.fromkeys(one[0] for one, _ in new):
            pairs = [pair for pair in new if pair[0][0] == route]
            how = self.prompted(pairs[0][0])
            plain = route == "base"
            prompts = [one[1] if plain else self.prompted(one).prompt for one, _ in pairs]
            told = target_log_probabilities(
                how.model,
                [(prompt, target) for prompt, (_, target) in zip(prompts, pairs, strict=True)],
                progress,
            )
            self._told.update(zip(pairs, map(float, told), strict=True))
        return [self._told[pair] for pair in asked]
