"""What MQuAKE's questions are asked of: the shipped parts, each answering many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from benchmarks.knowing import KnowingBase
from benchmarks.multi_hop import Decide, MultiHopRun, Progress, Write
from benchmarks.multi_hop_generating import complete_alike
from serac.answerers import SHORT_ANSWER, PromptAnswerer
from serac.answerers import STOPS as IKE_STOPS
from serac.completing import complete_all
from serac.counterfactual.model import LONGEST_ANSWER, CounterfactualModel
from serac.counterfactual.prompt import STOP as ANSWER_STOP
from serac.decision import Decision, Route
from serac.decomposer.model import TrainedPlans
from serac.grounding import Grounding
from serac.short_answers import LONGEST, STOPS, as_name, short_prompt
from serac.transformers_base import TransformersBase


def writer(
    model: TransformersBase,
    prompt: Callable[[str], str],
    stop: Sequence[str],
    most: int,
    read: Callable[[str], str] = str,
) -> Write:
    """Return what continues many prompts of a model, in batches.

    Args:
        model: The model.
        prompt: From a text to its prompt.
        stop: Words before which a continuation ends.
        most: Longest continuation, in tokens.
        read: What is taken of it.
    """

    def write(texts: Sequence[str], progress: Progress) -> list[str]:
        told = complete_alike(
            model,
            [prompt(text) for text in texts],
            stop=stop,
            max_new_tokens=most,
            progress=progress,
        )
        return [read(text) for text in told]

    return write


def plans_of(plans: TrainedPlans) -> Write:
    """Return what writes plans as the trained decomposer does."""
    return plans.write_all


def short_answers_of(base: TransformersBase) -> Write:
    """Return what answers as ``ShortAnswers`` does."""
    return writer(base, short_prompt, STOPS, LONGEST, as_name)


class EditedHops:
    """Who answers a hop that an edit is in scope of, by the route of its decision.

    Args:
        counterfactual: Answers from one edit.
        in_context: Answers from it, by IKE.
        base: The model that it is over.
    """

    def __init__(
        self,
        counterfactual: CounterfactualModel,
        in_context: PromptAnswerer,
        base: TransformersBase,
    ) -> None:
        self.counterfactual, self.in_context, self.base = counterfactual, in_context, base
        self._grounds: dict[str, Grounding] = {}
        model = cast(TransformersBase, counterfactual.model)
        self._write = {
            "counterfactual": writer(model, str, [ANSWER_STOP], LONGEST_ANSWER),
            "ike": writer(base, str, IKE_STOPS, SHORT_ANSWER),
        }

    def prompt(self, decision: Decision) -> str:
        """Return the prompt that a decision in scope is answered by: of the most probable edit."""
        edits = decision.edits[:1]
        if decision.route == "counterfactual":
            return self.counterfactual.prompt(decision.reading, edits)
        prompt = self.in_context.prompt(decision.reading, edits)
        self._grounds[prompt] = self.in_context.grounding(decision.reading, edits)
        return prompt

    def answer(self, asked: Sequence[tuple[Route, str]], progress: Progress) -> list[str]:
        """Return what continues each prompt."""
        told: dict[tuple[Route, str], str] = {}
        for route, write in self._write.items():
            prompts = [one for one in asked if one[0] == route]
            written = write([prompt for _, prompt in prompts], progress)
            told.update(zip(prompts, written, strict=True))
        again = [o for o in told if o[0] == "ike" and not self._grounds[o[1]].holds(told[o])]
        begun = complete_all(
            self.base,
            [prompt for _, prompt in again],
            stop=IKE_STOPS,
            max_new_tokens=SHORT_ANSWER,
            progress=lambda more: None,
            begins=[self._grounds[prompt].words for _, prompt in again],
        )
        told.update(zip(again, begun, strict=True))
        return [told[one] for one in asked]


def multi_hop_run(
    decide: Decide,
    plans: Write,
    edited: EditedHops,
    bases: dict[str, Write],
    gate: Callable[[str], bool] | None = None,
) -> MultiHopRun:
    """Return a run in which edited hops are answered as by the overlay."""
    return MultiHopRun(plans, decide, edited.prompt, edited.answer, bases, gate)


def knows(base: KnowingBase) -> Write:
    """Return what answers as a knowing base does."""

    def answer(questions: Sequence[str], progress: Progress) -> list[str]:
        told = base.answer_all(questions)
        progress(len(questions))
        return told

    return answer
