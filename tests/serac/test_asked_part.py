import pytest
from fakes import FakeEncoder

from memory_store import Edit
from serac.asked_part import asked_part

NEEDLE = Edit("1", "The Space Needle is located in Paris.")
LOUVRE = Edit("2", "The Louvre is in Rome.")


def part(query, *edits):
    return asked_part(query, edits or (NEEDLE,), FakeEncoder())


@pytest.mark.parametrize(
    "query",
    [
        "Where is the Space Needle located?",
        "The Space Needle is located in",
        "",
        "I saw the Space Needle. Where is it located?",
    ],
)
def test_a_query_that_asks_throughout_stays_as_it_is(query):
    assert part(query) == query


@pytest.mark.parametrize(
    "asks",
    [
        "The Space Needle is located in",
        "Where is the Space Needle located?",
        "The Space Needle is located where? It is in",
    ],
)
def test_what_stands_before_is_left_out(asks):
    assert part(f"A snail crept across Oslo. Dr. Berg yawned!\n{asks}") == asks


def test_what_is_asked_is_never_left_out():
    query = "My hat fell down. In which town is it? I mean the Space Needle."
    assert part(query) == "In which town is it? I mean the Space Needle."


def test_of_several_edits_none_loses_its_question():
    query = "My hat fell down. Where is the Space Needle located? And where is the Louvre?"
    assert part(query, LOUVRE) == "And where is the Louvre?"
    assert part(query, LOUVRE, NEEDLE) == query.removeprefix("My hat fell down. ")


def test_without_an_edit_there_is_nothing_to_be_near_to():
    assert asked_part("It rained. Where is it?", (), FakeEncoder()) == "It rained. Where is it?"
