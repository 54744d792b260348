import pytest
from data_folder import write_data_folder
from fakes import FakeEncoder

from classifiers.facts import Fact, FactBook, read_facts
from classifiers.pairs import (
    ScopeQuery,
    folded,
    part_of,
    read_scope_data,
    texts_reported_on,
)
from classifiers.training_pairs import (
    NEAREST_KIND,
    _paired,
    _tell,
    dev_queries,
    encode_all,
    make_training_pairs,
    shortlists,
)
from classifiers.training_queries import TrainingQuery, training_queries, usable_scope_pair


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


def test_nothing_that_figures_are_reported_on_or_chosen_by_is_asked_even_in_disguise(folder):
    data, book = read_scope_data(folder), read_facts(folder)
    forbidden = texts_reported_on(folder) | {
        folded(query.text) for query in dev_queries(folder, data, book, 0)
    }
    neighbours = [(text, "an edit") for text in sorted(forbidden)]
    made = training_queries(data, book, neighbours, 0, forbidden, written_facts=20)
    assert made
    asked = {folded(query.text) for query in made} | {folded(query.plain) for query in made}
    assert not asked & forbidden


def test_dev_subjects_are_not_asked_about(folder, made):
    dev = {fact.subject for fact in read_facts(folder).facts if fact.part == "dev"}
    assert dev
    told = [pair for pair in made.pairs if pair.label and pair.kind != "question in our own words"]
    words = {word for pair in told for word in pair.edit.replace("?", " ").split()}
    assert not words & {name.split()[-1] for name in dev}


def test_a_question_from_the_object_s_side_is_not_in_scope():
    fact = Fact("Ada is a citizen of Rome", "Ada", "P27", "Rome", "mquake", "fit")
    asked = ScopeQuery("Who is a citizen of Rome?", fact.edit, None, "paraphrase", "", "fit")
    assert not usable_scope_pair(asked, fact, ("fit",))
    of_ada = ScopeQuery("Whose citizen is Ada?", fact.edit, None, "paraphrase", "", "dev")
    assert usable_scope_pair(of_ada, fact, ("fit",))
    assert not usable_scope_pair(of_ada, fact, ("dev",))
    assert not usable_scope_pair(of_ada, None, ("fit",))


@pytest.mark.parametrize(
    ("about", "told", "verdict"),
    [
        (("zsre", "a", "Ada"), ("zsre", "b", "Ivo"), "apart"),
        (("zsre", "a", "Ada"), ("zsre", "b", "Ada"), "not comparable"),
        (("zsre", "a", "Ada"), ("mquake", "b", "Ada"), "not comparable"),
        (("mquake", "P35", "Ada"), ("mquake", "P6", "Ada"), "same subject and relation"),
        (("mquake", "P35", "Ada"), ("mquake", "P19", "Ada"), "apart"),
        (None, ("mquake", "P19", "Ada"), "is named"),
        (None, ("mquake", "P19", "Ivo"), "apart"),
        (("zsre", "a", "Ada"), None, "unknown subject"),
    ],
)
def test_a_near_edit_is_told_apart_only_where_that_is_known(about, told, verdict):
    query = TrainingQuery(
        "Who is Aad?", "k", "an edit" if about else None, (), about, "Who is Ada?"
    )
    assert _tell(query, told, FactBook()).endswith(verdict)


def test_an_edit_of_the_same_subject_and_relation_is_never_told_apart(folder):
    data, book = read_scope_data(folder), read_facts(folder)
    known = next(f for f in book.facts if f.family == "counterfact" and f.part != "dev")
    twin = f"{known.subject} is a native of Somewhere"
    book.facts.append(Fact(twin, known.subject, known.relation, "Somewhere", "counterfact", "fit"))
    queries = training_queries(data, book, [], seed=0, written_facts=20)
    edits = list(dict.fromkeys(fact.edit for fact in book.facts if fact.part != "dev"))
    pairs, left_out = _paired(queries, edits, book, FakeEncoder(), 0, lambda *_: None)
    about = [pair for pair in pairs if pair.edit in (twin, known.edit)]
    asked = {query.text for query in queries if query.edit == known.edit}
    assert not [p for p in about if not p.label and p.query in asked]
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
