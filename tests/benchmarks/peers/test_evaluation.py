import numpy as np

from benchmarks.peers.cases import PeerCase
from benchmarks.peers.evaluation import (
    WORST_NLL,
    Found,
    PeerSizes,
    answers,
    held_text,
    observe,
    observe_general,
    put,
)


class Says:
    """Fits ``EditedModel``: says one text; its probabilities are given or none."""

    def __init__(self, text, log=-1.0):
        self.text, self.log = text, log

    def log_probabilities(self, pairs):
        return np.array([self.log for _ in pairs])

    def generate(self, prompts, max_new_tokens):
        return [self.text for _ in prompts]


def case(edit):
    asked = {"exact": (edit.prompt,), "paraphrase": ("Where is it?",)}
    asked["neighborhood"] = ("Eiffel is",)
    return PeerCase(0, edit, asked, (("Of which land?", "France"),), "It is", "P1")


def seen(model, edit, as_ever):
    found, one = Found(), case(edit)
    puts = put(model, [one], {0: ("Eiffel is",)}, [one])
    observe(found, puts, as_ever, PeerSizes(), lambda more: None)
    return {metric: [value for value, _ in values] for metric, values in found.seen.items()}


def test_an_answer_is_judged_by_what_it_says(edits):
    found = seen(Says(" Paris, France"), edits[0], {"Eiffel is": "Paris, France"})
    assert found["exact", "answer follows the edit"] == [1]
    assert found["exact", "old object in the answer"] == [0]
    assert found["paraphrase", "answer follows the edit"] == [1]
    assert found["one hop", "answer has what follows from the edit"] == [1]
    assert found["neighborhood", "same text as unedited"] == [1]
    assert found["longer text", "words written"] == [2]
    other = seen(Says("in Seattle"), edits[0], {"Eiffel is": "Paris"})
    assert other["exact", "answer follows the edit"] == [0]
    assert other["exact", "old object in the answer"] == [1]
    assert other["neighborhood", "same text as unedited"] == [0]


def test_a_model_without_numbers_scores_nothing(edits):
    found = seen(Says("", np.nan), edits[0], {"Eiffel is": ""})
    assert found["exact", "ES"] == found["exact", "EM"] == [0]
    general = Found()
    observe_general(general, Says("x", np.nan), ["Who?"], {"Who?": "y"}, PeerSizes(passages=1))
    assert general.seen["held text", "negative log-likelihood a token"] == [(WORST_NLL, 0)]
    assert general.seen["everyday", "same text as unedited"] == [(0, 0)]


def test_what_is_said_is_told_by_query():
    assert answers(Says(" x"), ["a", "b"], 3) == {"a": "x", "b": "x"}


def test_held_text_is_prose_of_some_length():
    for first, rest in held_text():
        assert first.endswith(".")
        assert 25 < len(rest.split()) < 90
    assert len(held_text()) == 12
