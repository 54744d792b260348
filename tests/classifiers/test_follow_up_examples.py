import pytest
from data_folder import write_data_folder

from classifiers import written
from classifiers.follow_up_examples import (
    HELD_OUT_GROUP,
    Property,
    make_follow_up_pairs,
    refer,
    wordings,
)
from classifiers.follow_ups import NOW

IT = ("it", "it", "its")
SHE = ("she", "her", "her")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def made(folder):
    return {part: make_follow_up_pairs(folder, part, 0, 400) for part in ("fit", "dev")}


@pytest.mark.parametrize(
    ("question", "reference", "referred"),
    [
        ("Who designed {}?", SHE, "Who designed her?"),
        ("What is {}'s capital?", IT, "What is its capital?"),
        ("Where did {} grow up?", SHE, "Where did she grow up?"),
        ("Where is {}?", SHE, "Where is she?"),
        ("What is the age of {}?", SHE, "What is the age of her?"),
        ("{} grew up where?", SHE, "She grew up where?"),
        ("Which country is {} a citizen of?", SHE, "Which country is she a citizen of?"),
    ],
)
def test_a_pronoun_takes_the_form_of_its_place(question, reference, referred):
    assert refer(question, reference) == referred


def test_both_labels_and_all_sources_are_there(made):
    for part in made.values():
        assert {pair.label for pair in part} == {True, False}
        sources = {pair.kind.rpartition(", ")[2] for pair in part}
        assert sources == {"written", "everyday", "recorded"}
        assert all(NOW in pair.query for pair in part)


def test_most_follow_ups_leave_the_subject_out_of_the_last_turn(made):
    referring = [p for p in made["fit"] if p.kind == "referred to, everyday"]
    subjects = [s for g in wordings()["everyday_group"] for s in g["subjects"]]
    assert referring
    for pair in referring:
        assert not any(one in pair.query.partition(NOW)[2] for one in subjects)


def test_no_edit_of_another_subject_has_a_subject_that_was_spoken_of(made):
    others = [p for p in made["fit"] if p.kind == "the edit of another subject, everyday"]
    subjects = [s for g in wordings()["everyday_group"] for s in g["subjects"]]
    assert others
    for pair in others:
        assert not any(
            one in pair.query and one.casefold() in pair.edit.casefold() for one in subjects
        )


def test_dev_has_relations_and_everyday_subjects_of_its_own(made):
    groups = {group["name"]: group for group in wordings()["everyday_group"]}
    held = groups.pop(HELD_OUT_GROUP)
    told = {part: [p for p in made[part] if p.kind.endswith("everyday")] for part in made}

    def is_about(pair, group):
        return any(one.casefold() in pair.edit.casefold() for one in group["subjects"])

    assert all(is_about(pair, held) for pair in told["dev"])
    assert not any(is_about(pair, held) for pair in told["fit"])


def test_it_is_the_same_again(folder, made):
    assert make_follow_up_pairs(folder, "dev", 0, 400) == made["dev"]
    assert make_follow_up_pairs(folder, "dev", 1, 400) != made["dev"]


def test_every_wikidata_id_names_a_relation_with_questions():
    named = {relation.name: relation for relation in written.relations()}
    for name in wordings()["wikidata"].values():
        assert any(wording.endswith("?") for wording in named[name].wordings)


def test_every_everyday_property_can_be_asked_for():
    for group in wordings()["everyday_group"]:
        assert len(group["subjects"]) >= 4
        for one in group["property"]:
            asked = Property(one["label"], tuple(one["questions"]))
            assert all("{}" in question for question in asked.questions)
            assert all("{}" in told and "[]" in told for told in one["statements"])
            assert len(one["values"]) >= 2
