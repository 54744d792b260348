import pytest
from data_folder import write_data_folder
from fakes import FakeEncoder

from classifiers.facts import read_facts
from classifiers.pairs import folded, part_of, read_scope_data, texts_reported_on
from classifiers.training_pairs import (
    NEAREST_KIND,
    _paired,
    encode_all,
    make_training_pairs,
    shortlists,
)
from classifiers.training_queries import training_queries


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def made(folder):
    return make_training_pairs(folder, FakeEncoder(), seed=0, written_facts=150)


def test_every_kind_is_named_and_counted(made):
    counts = made.counts()
    assert sum(sum(part.values()) for part in counts.values()) == len(made.pairs)
    assert {"prompt", "paraphrase", "alias", "question in our own words"} <= set(counts["in scope"])
    assert {
        NEAREST_KIND,
        "neighborhood",
        "neighbour",
        "same subject, other relation",
        "same relation, other subject",
        "near-miss name",
        "subject and object swapped",
        "reversed",
        "negated",
        "same_subject",
    } <= set(counts["out of scope"])
    for roughening in ("in a longer text", "without capitals", "with a typo"):
        assert any(roughening in kind for kind in counts["in scope"])


def test_nothing_that_figures_are_reported_on_is_asked(made, folder):
    reported = texts_reported_on(folder)
    assert not [pair for pair in made.pairs if folded(pair.query) in reported]


def test_no_dev_subject_is_trained_on(made, folder):
    dev = {f.subject for f in read_facts(folder).facts if f.part == "dev"}
    assert dev
    told = " ".join(pair.edit for pair in made.pairs if pair.kind == "prompt")
    assert not [name for name in dev if f"{name} " in told]


def test_a_pair_has_one_label_only(made):
    assert len({(pair.query, pair.edit) for pair in made.pairs}) == len(made.pairs)


def test_an_edit_of_the_same_subject_and_relation_is_never_told_apart(folder):
    data, book = read_scope_data(folder), read_facts(folder)
    twin = "Works0 was made by whom? Somebody"
    known = next(fact for fact in book.facts if fact.family == "zsre" and fact.part != "dev")
    book.facts.append(type(known)(twin, known.subject, known.relation, "Somebody", "zsre", "fit"))
    queries = training_queries(data, book, [], seed=0, written_facts=20)
    edits = list(dict.fromkeys(fact.edit for fact in book.facts if fact.part != "dev"))
    pairs, left_out = _paired(queries, edits, book, FakeEncoder(), 0, lambda *_: None)
    about = [pair for pair in pairs if pair.edit in (twin, known.edit)]
    apart = [p for p in about if not p.label and p.kind == NEAREST_KIND]
    assert not [p for p in apart if p.query in (f"Who made {known.subject}?",)]
    assert left_out["a near edit of the same subject and relation"] > 0


def test_the_seed_decides_everything(folder, made):
    again = make_training_pairs(folder, FakeEncoder(), seed=0, written_facts=150)
    other = make_training_pairs(folder, FakeEncoder(), seed=1, written_facts=150)
    assert again == made
    assert other.pairs != made.pairs


def test_shortlists_are_those_of_the_router():
    edits = [f"The tower {n} is in town {n}" for n in range(50)]
    stages = []
    [near] = shortlists(
        ["Where is the tower 7?"], edits, FakeEncoder(256), lambda *told: stages.append(told)
    )
    assert near[0].place == 7
    assert len(near) == 12
    assert stages == [("edits", 50, 50), ("queries", 1, 1)]


def test_no_text_is_no_special_case():
    assert encode_all(FakeEncoder(), [], lambda done: None).shape == (0, 64)


def test_a_part_never_depends_on_the_order(folder):
    assert part_of("Isle1", 0) == part_of("isle1 ", 0)
