import re

import pytest
from data_folder import write_data_folder

from classifiers import written
from serac.query_rewriting.examples import counts, make_rewriting_examples, refer
from serac.query_rewriting.prompt import rewriting_prompt
from serac.query_rewriting.topics import HELD_OUT_GROUP, wordings

IT = ("it", "it", "its")
SHE = ("she", "her", "her")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def made(folder):
    return {part: make_rewriting_examples(folder, part, 800) for part in ("fit", "dev")}


def of_kind(examples, kind):
    found = [one for one in examples if one.kind.startswith(kind)]
    assert found
    return found


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


def test_all_kinds_of_turns_and_all_sources_are_there(made):
    for part in made.values():
        kinds = [kind.partition(", ") for kind in counts(part)]
        assert len({kind for kind, _, _ in kinds}) == 14
        assert {source for _, _, source in kinds} == {
            "conversation",
            "written",
            "everyday",
            "recorded",
        }
        assert sum(counts(part).values()) == len(part) == 800


def test_turns_alternate_and_the_user_s_is_the_last(made):
    for example in made["fit"]:
        assert [turn.role for turn in example.turns[::2]] == ["user"] * len(example.turns[::2])
        assert {turn.role for turn in example.turns[1::2]} == {"assistant"}
        assert len(example.turns) >= 3 and len(example.turns) % 2 == 1


def test_nothing_is_left_to_be_filled_in(made):
    for example in made["fit"]:
        text = rewriting_prompt(example.turns) + (example.query or "")
        assert not re.search(r"\{\w*\}", text), text


def test_every_name_of_a_query_stands_in_what_is_shown(made):
    for example in (*made["fit"], *made["dev"]):
        shown = rewriting_prompt(example.turns)
        for name in example.named:
            assert (
                example.query is None
                or name not in example.query
                or name.casefold() in shown.casefold()
            )


def test_small_talk_and_what_refers_to_nothing_that_is_shown_stay_as_they_are(made):
    for kind in ("standing", "unseen"):
        assert {one.query for one in of_kind(made["fit"], kind)} == {None}


def test_a_turn_with_a_name_stays_or_has_the_name_put_in_its_place(made):
    found = of_kind(made["fit"], "named")
    assert any(one.query is None for one in found)
    for example in found:
        (name,) = {n for n in example.named if example.query and n in example.query} or {""}
        assert name.casefold() in example.turns[-1].content.casefold()


def test_replies_are_short_or_long(made):
    lengths = [len(one.content) for e in made["fit"] for one in e.turns if one.role != "user"]
    assert min(lengths) < 20 and max(lengths) > 200


@pytest.mark.parametrize("kind", ["referring", "labelled", "back", "of last"])
def test_most_turns_leave_the_name_out_that_their_query_has(made, kind):
    for example in of_kind(made["fit"], kind):
        named = [name for name in example.named if name in example.query]
        assert named
        last = example.turns[-1].content.casefold()
        # "our office" is a name, and what may stand for one
        assert not any(name.casefold() in last for name in named if name[0].isupper())


def test_the_question_before_is_asked_again_of_another(made):
    for example in of_kind(made["fit"], "again"):
        assert any(name in example.query for name in example.named)
        asked, query = example.turns[-3].content.casefold(), example.query.casefold()
        for name in sorted(map(str.casefold, example.named), key=len, reverse=True):
            asked, query = asked.replace(name, ""), query.replace(name, "")
        assert query == asked


def test_dev_has_everyday_subjects_of_its_own(made):
    held = next(g for g in wordings()["everyday_group"] if g["name"] == HELD_OUT_GROUP)
    for part, inside in (("dev", True), ("fit", False)):
        everyday = [one for one in made[part] if one.kind.endswith("everyday")]
        assert everyday
        assert {one.named[0] in held["subjects"] for one in everyday} == {inside}


def test_it_is_the_same_again(folder, made):
    assert make_rewriting_examples(folder, "dev", 800) == made["dev"]
    assert make_rewriting_examples(folder, "dev", 800, seed=1) != made["dev"]
    assert make_rewriting_examples(folder, "dev", 800, draw=1) != made["dev"]


def test_every_wikidata_id_names_a_relation_with_questions():
    named = {relation.name: relation for relation in written.relations()}
    for name in wordings()["wikidata"].values():
        assert any(wording.endswith("?") for wording in named[name].wordings)
    assert set(wordings()["relation_nouns"]) <= set(named)


def test_every_everyday_property_can_be_asked_for():
    for group in wordings()["everyday_group"]:
        assert len(group["subjects"]) >= 4
        for one in group["property"]:
            assert all("{}" in question for question in one["questions"])
            assert len(one["values"]) >= 2
