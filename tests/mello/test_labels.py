from mello import labels


def test_every_question_has_room_for_its_subject():
    every = [wording for found in labels.wordings().values() for wording in found]
    assert all(wording.count("{}") == 1 and wording.endswith("?") for wording in every)


def test_no_label_has_a_question_twice():
    assert all(len(set(found)) == len(found) > 0 for found in labels.wordings().values())


def test_a_subject_is_put_in():
    assert labels.asked("spouse", "Ada Quill")[0] == "Who is the spouse of Ada Quill?"


def test_a_label_that_is_not_known_has_no_question():
    assert labels.asked("favourite colour", "Ada Quill") == []


def test_a_step_with_a_label_stands_for_our_questions_and_the_plain_one():
    assert labels.questions("#1 >> spouse ") == [
        "Who is the spouse of #1?",
        "Who is #1 married to?",
        "What is the spouse of #1?",
    ]
    assert labels.questions("Salt >> colour") == ["What is the colour of Salt?"]


def test_a_step_of_another_form_stands_for_nothing():
    assert labels.questions("Who made Salt?") == []
