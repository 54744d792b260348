import random

import pytest

from classifiers import written


@pytest.mark.parametrize("relation", written.relations(), ids=lambda relation: relation.name)
def test_every_wording_has_room_for_its_subject(relation):
    assert all(wording.count("{}") == 1 for wording in (*relation.wordings, *relation.reverse))
    assert all(told.count("{}") == told.count("[]") == 1 for told in relation.statements)
    assert len(set(relation.wordings)) == len(relation.wordings)


def test_there_are_many_relations_of_all_kinds_and_names_for_them():
    relations = written.relations()
    assert len(relations) > 150
    assert len({relation.name for relation in relations}) == len(relations)
    for kind in ("person", "place", "organisation", "work", "thing", "species"):
        assert any(kind in relation.kinds for relation in relations)
        assert len(written.subjects(kind)) >= 50


def test_a_wording_that_may_be_about_a_relation_is_told_by_its_stems():
    tongue = next(r for r in written.relations() if r.name == "mother tongue")
    assert tongue.may_be("In which LANGUAGE does {} dream?")
    assert not tongue.may_be("Who designed {}?")


def test_a_question_is_negated_where_a_plain_not_makes_it_so():
    assert written.negated("Where was {} born?") == "Where was {} not born?"
    assert written.negated("Which river does the {} cross?") == "Which river does the {} not cross?"
    assert written.negated("{} speaks") is None


def test_a_question_stays_whole_in_a_longer_message():
    texts = {written.in_context("Where is the Louvre?", random.Random(n)) for n in range(40)}
    assert len(texts) > 20
    assert all("Where is the Louvre?" in text for text in texts)


def test_nothing_follows_a_cloze():
    for seed in range(40):
        assert written.in_context("The Louvre is in", random.Random(seed)).endswith("is in")
