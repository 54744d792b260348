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
    assert not edited.cover("Una Field was born in", "P19")


def test_an_edit_of_unknown_wording_may_have_any_relation():
    edited = EditedSubjects(FACTS, RECORDS)
    assert edited.unknown_wordings == 1
    assert edited.cover("Ivo Marsh speaks", "P1412")


def test_a_wording_that_stands_for_several_relations_covers_the_edits_of_all():
    records = [
        {"requested_rewrite": {"prompt": "{} is located in", "relation_id": "P17"}},
        {"requested_rewrite": {"prompt": "{} is located in", "relation_id": "P30"}},
        {"requested_rewrite": {"prompt": "{} belongs to the continent of", "relation_id": "P30"}},
        {"requested_rewrite": {"prompt": "{}'s capital is", "relation_id": "P36"}},
    ]
    edited = EditedSubjects([{"prompt": "Isle One is located in", "subject": "Isle One"}], records)
    assert edited.cover("Isle One is a part of", "P17")
    assert edited.cover_wording("Isle One belongs to the continent of")
    assert not edited.cover_wording("Isle One's capital is")
    assert not edited.cover_wording("Isle Two is located in")


def test_a_subject_is_known_without_its_case_and_accents():
    facts = [{"prompt": "Ōland speaks", "subject": "Ōland"}]
    edited = EditedSubjects(facts, RECORDS)
    assert edited.cover("In oland one speaks", "P1412")
    assert edited.cover_wording("Oland speaks")


def test_a_near_synonym_of_an_edited_relation_is_nearly_covered():
    edited = EditedSubjects([{"prompt": "Ada Quill speaks", "subject": "Ada Quill"}], RECORDS)
    asked = "The mother tongue of Ada Quill is"
    assert not edited.cover(asked, "P103")
    assert edited.nearly_cover(asked, "P103")
    assert not edited.nearly_cover(asked, "P19")
    assert edited.nearly_cover("Ada Quill can speak", "P1412")


def test_a_name_inside_a_word_is_none():
    facts = [{"prompt": "EMI was born in", "subject": "EMI"}]
    edited = EditedSubjects(facts, RECORDS)
    assert not edited.cover("The Chemical Brothers were born in", "P19")
    assert edited.cover("In its town, EMI, was born", "P19")


def test_what_someone_plays_may_be_a_sport_an_instrument_or_a_genre():
    edited = EditedSubjects([{"prompt": "Ada Quill plays", "subject": "Ada Quill"}], RECORDS)
    assert edited.unknown_wordings == 0
    for relation in ("P136", "P641", "P1303"):
        assert edited.cover("What Ada Quill plays is", relation)
    assert not edited.cover("Ada Quill plays as", "P413")
    assert edited.cover_wording("Ada Quill, who plays")
