import pytest
from data_folder import write_data_folder

from classifiers.facts import neighbourhood_prompts, read_facts
from classifiers.pairs import folded, part_of, reported_subjects


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


def test_wordings_come_from_the_fit_part_alone(tmp_path):
    book = read_facts(write_data_folder(tmp_path, people=4), seed=0)
    told = {fact.relation for fact in book.facts if fact.family == "knowedit"}
    assert told == {"The capital of {} is"}
    used = {relation for family, relation in book.wordings if family == "knowedit"}
    if all(fact.part == "dev" for fact in book.facts if fact.family == "knowedit"):
        assert not used


def test_neighbours_are_those_of_the_training_splits(folder):
    found = dict(neighbourhood_prompts(folder))
    assert found
    assert all(fact["split"] == "train" for fact in found.values())
    assert all(text.startswith("Settler") for text in found)
