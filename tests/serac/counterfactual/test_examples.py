import pytest
from data_folder import write_data_folder

from classifiers.pairs import folded, texts_reported_on
from serac.counterfactual.examples import make_examples


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def made(folder):
    return make_examples(folder, 0, 800)


def test_there_are_as_many_as_were_asked_for(made):
    assert len(made.fit) == 800
    assert sum(made.counts().values()) == 800


def test_the_same_seed_makes_the_same(folder, made):
    assert make_examples(folder, 0, 800) == made
    assert make_examples(folder, 1, 800).fit != made.fit


def test_nothing_that_is_reported_on_is_asked(folder, made):
    reported = texts_reported_on(folder)
    assert reported
    for example in made.fit + made.dev:
        assert folded(example.query) not in reported
        assert not any(folded(example.query).endswith(f" {text}") for text in reported)


def test_the_answer_follows_from_one_of_the_edits(made):
    for example in made.fit:
        assert example.expected in example.answer
        if "," in example.kind or example.kind == "our own wordings":  # a fact with an object
            assert any(example.expected in edit for edit in example.edits) or (
                "among" in example.kind
            )


def test_the_answer_has_the_form_that_fits_the_query(made):
    plain = [e for e in made.fit if e.kind == "counterfact, exact"]
    assert plain
    for example in plain:
        assert example.edits == (f"{example.query} {example.answer}",)
    asked = [e for e in made.fit if e.kind == "zsre, exact"]
    assert asked
    for example in asked:
        assert example.query.endswith("?") and example.answer == f"{example.expected}."


def test_some_are_asked_among_other_edits(made):
    several = [example for example in made.fit if len(example.edits) > 1]
    assert 0.08 < len(several) / len(made.fit) < 0.25
    places = {
        next(n for n, edit in enumerate(e.edits) if e.expected in edit)
        for e in several
        if any(e.expected in edit for edit in e.edits)
    }
    assert len(places) > 1


def test_dev_has_templates_of_its_own(made):
    own = {"date", "list", "refusal", "persona", "negation"}
    fit = {edit for e in made.fit if e.kind in own for edit in e.edits}
    dev = {edit for e in made.dev if e.kind in own for edit in e.edits}
    assert dev and not fit & dev
