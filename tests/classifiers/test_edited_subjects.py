from classifiers.edited_subjects import EditedSubjects

RECORDS = [
    {"requested_rewrite": {"prompt": "{} was born in", "relation_id": "P19"}},
    {"requested_rewrite": {"prompt": "{} speaks", "relation_id": "P1412"}},
]
FACTS = [
    {"prompt": "Ada Quill was born in", "subject": "Ada Quill"},
    {"prompt": "The birthplace of Ivo Marsh is", "subject": "Ivo Marsh"},
]


def test_a_prompt_about_an_edited_subject_and_relation_is_covered():
    edited = EditedSubjects(FACTS, RECORDS)
    assert edited.cover("The town where Ada Quill was born is", "P19")
    assert not edited.cover("Ada Quill speaks", "P1412")
    assert not edited.cover("Ivo Marsh was born in", "P19")


def test_wordings_without_a_relation_are_counted():
    assert EditedSubjects(FACTS, RECORDS).unknown_wordings == 1
