from types import SimpleNamespace

from fakes import FakeCompletionBase

from benchmarks.answerers import Answerers
from memory_store import Edit
from serac.answerers import PromptAnswerer

NEEDLE = Edit("1", "The Space Needle is located in Paris.")
QUERY = "Where is the Space Needle?"


class Chat:
    """Fits what is used of a tokenizer."""

    def apply_chat_template(self, turns, **settings):
        return f"<chat> {turns[-1]['content']}"


class Scripted(Answerers):
    """Says one thing in a plain line, another when told how to begin, and Paris in chat."""

    says, begun = "", ""

    def _ask(self, known, progress):
        for one, how in known.items():
            plain = self.begun if how.begins else self.says
            self._answers[one] = "Paris" if how.prompt.startswith("<chat>") else plain


def scripted(base):
    base.tokenizer = Chat()
    return Scripted(SimpleNamespace(base=base, answerer=lambda route: PromptAnswerer(base)))


def test_a_line_that_ends_at_once_is_asked_for_in_chat_as_the_answerer_does():
    answerers = scripted(FakeCompletionBase(knows_turns=True))
    asked = ("ike", QUERY, (NEEDLE,))
    assert answerers.answer([asked, asked], lambda more: None) == ["Paris", "Paris"]


def test_an_answer_with_nothing_of_the_edit_is_asked_for_again_as_the_answerer_does():
    answerers = scripted(FakeCompletionBase())
    answerers.says, answerers.begun = "Seattle", "Paris, begun"
    asked = ("ike", QUERY, (NEEDLE,))
    without = ("ike", "Is the Space Needle located in Paris?", (NEEDLE,))
    said = answerers.answer([asked, without], lambda more: None)
    assert said == ["Paris, begun", "Seattle"]
    assert answerers.asked_again == {asked}
