import pytest
from fakes import FakeEncoder

from benchmarks.knowing import UNKNOWN, KnownFact
from benchmarks.knowing_hops import KnowingHops
from memory_store import SentenceTransformerEncoder

SHOW = KnownFact("who played joey in the tin show", "", "Ada Quill", ())
STUDIES = KnownFact(
    "What is the educated at of Ivo Brand?",
    "",
    "Arden College",
    ("Ivo Brand",),
    ("Where did Ivo Brand study?",),
)
PAINTED = KnownFact("Who painted The Salt and the Sea?", "", "Ivo Brand", ("The Salt and the Sea",))


@pytest.fixture(scope="module")
def base():
    return KnowingHops([SHOW, STUDIES, PAINTED], SentenceTransformerEncoder.embedded())


@pytest.mark.model
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the actor who played Joey in The Tin Show?", "Ada Quill"),
        ("Where did Ivo Brand study?", "Arden College"),
        ("At which place did Ivo Brand study?", "Arden College"),
        ("Who painted Salt and the Sea?", "Ivo Brand"),
        ("Who played Ross in another show?", UNKNOWN),
        ("When was Ivo Brand born?", UNKNOWN),
        ("Who painted The Lamp and the Hill?", UNKNOWN),
    ],
)
def test_a_step_is_answered_by_the_hop_that_it_words_otherwise(base, question, answer):
    assert base.answer(question) == answer


def test_without_hops_nothing_is_known():
    assert KnowingHops([], FakeEncoder()).answer("Who?") == UNKNOWN
