import pytest
from data_folder import write, write_data_folder

from classifiers.facts import Fact, neighbourhood_prompts, read_facts
from classifiers.pairs import folded, part_of, records, reported_subjects


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def book(folder):
    return read_facts(folder, seed=0)


def test_facts_of_every_family_know_what_they_are_about(book):
    by_family = {fact.family: fact for fact in book.facts}
    assert set(by_family) == {"counterfact", "zsre", "mquake", "knowedit"}
    for fact in book.facts:
        assert fact.subject in fact.edit
        assert fact.edit.endswith(fact.object)
        assert fact.part == part_of(fact.subject, 0)


def test_no_subject_that_figures_are_reported_on_is_among_them(book, folder):
    hidden = reported_subjects(folder)
    assert hidden
    assert not hidden & {folded(fact.subject) for fact in book.facts}


def test_a_paraphrase_is_parted_into_its_leading_text_and_a_wording(book):
    assert "{} is a native of" in book.wordings["counterfact", "P19"]
    assert all(text.startswith("It rained on day") for text in book.leading)


def test_questions_that_a_rephrasing_links_are_one_relation(book):
    [wordings] = [found for (family, _), found in book.wordings.items() if family == "zsre"]
    assert wordings == ["Who made {}?", "{} was made by whom?"]


def test_aliases_of_objects_are_kept(book):
    assert book.aliases["Lake0"] == ["Lake0 Water"]


@pytest.mark.parametrize(("part", "used"), [("dev", False), ("fit", True), ("calibrate", True)])
def test_wordings_of_dev_subjects_are_not_used(tmp_path, part, used):
    folder = write_data_folder(tmp_path, people=4)
    subject = next(f"Rock{n}" for n in range(100) if part_of(f"Rock{n}", 0) == part)
    file = folder / "knowedit" / "wiki_recent_train.jsonl"
    record = {
        "subject": subject,
        "prompt": f"The keeper of {subject} is",
        "target_new": "Ada",
        "portability": {},
        "locality": {},
    }
    write(file, [*records(file), record])

    book = read_facts(folder, seed=0)

    assert (("knowedit", "The keeper of {} is") in book.wordings) is used
    assert any(fact.subject == subject for fact in book.facts)


def test_facts_that_a_reported_case_edits_are_left_out(book, folder):
    cases = list(records(folder / "mquake" / "cases.jsonl"))
    edited = {case["requested_rewrite"][0]["subject"] for case in cases if case["split"] != "train"}
    assert edited
    assert not edited & {fact.subject for fact in book.facts if fact.family == "mquake"}


def test_relations_that_share_a_wording_are_alike(tmp_path):
    folder = write_data_folder(tmp_path)
    file = folder / "counterfact" / "train.jsonl"
    full = list(records(file))
    other = {**full[0]["requested_rewrite"], "relation_id": "P20", "prompt": "{} is a native of"}
    write(file, [*full, *[{**full[n], "requested_rewrite": other} for n in range(4)]])
    facts = list(records(folder / "counterfact" / "facts.jsonl"))
    named = {**facts[0], "prompt": f"{facts[0]['subject']} is a native of", "case_id": 999}
    write(folder / "counterfact" / "facts.jsonl", [*facts, named])
    assert frozenset({"P19", "P20"}) in read_facts(folder, seed=0).alike


def test_relations_of_persons_are_known():
    assert Fact("", "", "P19", "", "counterfact", "fit").of_person
    assert Fact("", "", "The gender of {} is", "", "knowedit", "fit").of_person
    assert not Fact("", "", "P37", "", "counterfact", "fit").of_person


def test_neighbours_are_those_of_the_training_splits(folder):
    found = dict(neighbourhood_prompts(folder))
    assert found
    assert all(fact["split"] == "train" for fact in found.values())
    assert all(text.startswith("Settler") for text in found)
