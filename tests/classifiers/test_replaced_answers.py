import pytest

from classifiers.replaced_answers import ReplacedAnswers

FACTS = [
    {"subject": "Mexico", "ground_truth": "Spanish"},
    {"subject": "Iran", "ground_truth": "Persian"},
]


@pytest.mark.parametrize(
    ("question", "answers", "expected"),
    [
        ("what is spoken in mexico?", ["Nahuatl", "Spanish Language"], True),
        ("what is spoken in MEXICO", ["Spanish"], True),
        ("what is the capital of mexico?", ["Mexico City"], False),
        ("what is spoken in new mexican towns?", ["Spanish"], False),
        ("what is spoken in mexico?", ["Spanishness"], False),
        ("what is spoken in mexico?", ["Persian"], False),
        ("what is spoken in mexico?", [], False),
    ],
)
def test_a_question_is_answered_by_the_object_that_an_edit_of_its_subject_replaces(
    question, answers, expected
):
    assert ReplacedAnswers(FACTS).answer(question, answers) is expected
