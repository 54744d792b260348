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
    """Ends every plain line at once, and says Paris in chat."""

    def _ask(self, known, progress):
        self._answers |= {
            one: "Paris" if how.prompt.startswith("<chat>") else "" for one, how in known.items()
        }


def test_a_line_that_ends_at_once_is_asked_for_in_chat_as_the_answerer_does():
    base = FakeCompletionBase(knows_turns=True)
    base.tokenizer = Chat()
    overlay = SimpleNamespace(base=base, answerer=lambda route: PromptAnswerer(base))
    asked = ("ike", QUERY, (NEEDLE,))
    assert Scripted(overlay).answer([asked, asked], lambda more: None) == ["Paris", "Paris"]
