"""The answerers as prompts of local models, so that many queries can be asked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from benchmarks.generating import complete_all, target_log_probabilities
from memory_store import Edit
from serac.answerers import SHORT_ANSWER, STOPS, PromptAnswerer
from serac.counterfactual.model import LONGEST_ANSWER, CounterfactualModel
from serac.counterfactual.prompt import STOP, counterfactual_prompt
from serac.decision import Route
from serac.overlay import FactOverlay
from serac.transformers_base import TransformersBase

Asked = tuple[Route, str, tuple[Edit, ...]]
"""A route, a query, and the edits that it is answered from."""

BASE_ANSWER = 32
"""Tokens that the base model writes on its own."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """A prompt, and how it is continued."""

    model: TransformersBase
    prompt: str
    stop: tuple[str, ...]
    most: int


class Answerers:
    """Who answers on each route of an overlay over the embedded models.

    Args:
        overlay: The overlay.
    """

    def __init__(self, overlay: FactOverlay) -> None:
        self.base = cast(TransformersBase, overlay.base)
        self.counterfactual = cast(CounterfactualModel, overlay.answerer("counterfactual"))
        self.ike = cast(PromptAnswerer, overlay.answerer("ike"))

    def prompted(self, asked: Asked) -> Prompted:
        """Return the prompt that a query is answered by; the base model's is its chat's."""
        route, query, edits = asked
        if route == "counterfactual":
            model = cast(TransformersBase, self.counterfactual.model)
            prompt = counterfactual_prompt(query, [edit.text for edit in reversed(edits)])
            return Prompted(model, prompt, (STOP,), LONGEST_ANSWER)
        if route == "ike":
            return Prompted(self.base, self.ike.prompt(query, edits), STOPS, SHORT_ANSWER)
        prompt = self.base.tokenizer.apply_chat_template(
            [{"role": "user", "content": query}], add_generation_prompt=True, tokenize=False
        )
        return Prompted(self.base, prompt, (), BASE_ANSWER)

    def answer(self, asked: Sequence[Asked], progress: Callable[[int], None]) -> list[str]:
        """Return the answer to each query; what is asked twice is answered once."""
        known = {one: self.prompted(one) for one in dict.fromkeys(asked)}
        answers: dict[Asked, str] = {}
        for route in dict.fromkeys(route for route, _, _ in known):
            ones = [one for one in known if one[0] == route]
            how = known[ones[0]]
            told = complete_all(
                how.model,
                [known[one].prompt for one in ones],
                stop=how.stop,
                max_new_tokens=how.most,
                progress=progress,
            )
            answers.update(zip(ones, told, strict=True))
        return [answers[one] for one in asked]

    def log_probabilities(
        self, asked: Sequence[tuple[Asked, str]], progress: Callable[[int], None]
    ) -> list[float]:
        """Return the mean log-probability a token of each target as the answer to its query.

        The base model's is that of the target after the plain query, as in ROME.
        """
        found = dict.fromkeys(asked, 0.0)
        for route in dict.fromkeys(one[0] for one, _ in found):
            pairs = [pair for pair in found if pair[0][0] == route]
            how = self.prompted(pairs[0][0])
            plain = route == "base"
            prompts = [one[1] if plain else self.prompted(one).prompt for one, _ in pairs]
            told = target_log_probabilities(
                how.model,
                [(prompt, target) for prompt, (_, target) in zip(prompts, pairs, strict=True)],
                progress,
            )
            found.update(zip(pairs, map(float, told), strict=True))
        return [found[pair] for pair in asked]
