import pytest

from serac.tasks import LONGEST, is_task


@pytest.mark.parametrize(
    "query",
    [
        "Write two lines about the city where the Space Needle stands.",
        "Please translate it into French.",
        "Could you summarise what you know about it?",
        "It is late. Now help me draft a mail to the director of the museum.",
        "I want you to compare Oslo and Bergen.",
        "Okay, make a list of the towns on the Elbe.",
        "word " * (LONGEST + 1),
        "Give me a short poem about the city where the Space Needle stands.",
        "In two sentences, describe the city of the Space Needle.",
    ],
)
def test_a_piece_of_work_is_a_task(query):
    assert is_task(query)


@pytest.mark.parametrize(
    "query",
    [
        "Where is the Space Needle?",
        "The Space Needle is located in",
        "Tell me the author of Emma.",
        "Can you tell me who writes for the Daily Planet?",
        "What plays at the cinema?",
        "Who wrote Emma?",
        "Name the planets of the star.",
        "I was out. It rained. The capital of Peru is",
        "Explain the word 'velding'.",
        "Play Misty for Me was directed by",
        "Use Your Illusion I was released by",
        "Rank Organisation's headquarters are in",
        "To whom did Ada give a list?",
        "Into what does the Elbe flow?",
        "",
    ],
)
def test_a_question_of_fact_is_none(query):
    assert not is_task(query)
