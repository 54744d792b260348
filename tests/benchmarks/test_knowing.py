import pytest
from fakes import FakeEncoder
from made_up_hops import made_up_case, write_cases

from benchmarks.knowing import UNKNOWN, KnowingBase, KnownFact, floors, known_facts, without
from benchmarks.mquake_data import read_cases

FACTS = (
    KnownFact("Who heads York?", "The head of York is", "Ada", ("York",)),
    KnownFact("Where is York?", "York lies in", "England", ("York",)),
    KnownFact("Who heads New York?", "The head of New York is", "Bo", ("New York", "NY")),
    KnownFact("Who heads Italy?", "The head of Italy is", "Cy", ("Italy", "IT", "Italia")),
    KnownFact("Who sings country music?", "", "Di", ("country music", "country")),
    KnownFact("What sank in 1912?", "In 1912 sank the", "Titanic", ()),
)


@pytest.fixture
def base():
    return KnowingBase(FACTS, FakeEncoder(), floor=0.5)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("who heads  York", "Ada"),
        ("The head of York is", "Ada"),
        ("York lies in", "England"),
        ("What sank in 1912?", "Titanic"),
    ],
)
def test_a_facts_own_wording_is_answered(base, question, answer):
    assert base.answer(question) == answer
    assert base.nearest(question)[1] == 1


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who is it that heads York?", "Ada"),
        ("Where is it, York?", "England"),
        ("Who is it that heads New York?", "Bo"),
        ("Who is it that heads NY?", "Bo"),
        ("Who is it that heads Italia?", "Cy"),
        ("Who is it that heads IT?", "Cy"),
        ("Who is it that heads Norway?", UNKNOWN),
        ("Which rivers flow past York in spring?", UNKNOWN),
        ("What sank then?", UNKNOWN),
        ("Who sings in the country?", UNKNOWN),  # a common word that is an alias too
        ("Who is it that sings country music?", "Di"),
    ],
)
def test_another_wording_is_answered_by_the_nearest_fact_about_what_it_names(
    base, question, answer
):
    assert base.answer(question) == answer


def test_answers_are_given_many_at_once(base):
    assert base.answer_all(["Who heads York?", "Who heads Rome?"]) == ["Ada", UNKNOWN]


def test_a_subject_is_taken_out_with_its_accents_and_marks():
    assert without('Who wrote "Émile"?', "Émile") == "who wrote it?"
    assert without("Who wrote Yorkshire?", "York") == "who wrote yorkshire?"


def test_what_edits_say_is_not_known(tmp_path):
    write_cases(tmp_path, [made_up_case(1, hops=3, edited=(1,)), made_up_case(2, edited=(0, 1))])
    facts = {fact.question: fact for fact in known_facts(read_cases(tmp_path, "test"))}
    assert facts["Where does Firm1 sit?"].answer == "Town1"  # of the old world, though edited
    assert facts["Which land is Town101 in?"].answer == "Land101"
    assert "Where does Firm102 sit?" not in facts
    answers = {fact.answer for fact in facts.values()}
    assert not answers & {"Town101", "Firm102", "Town202"}


def test_facts_know_what_other_cases_call_their_subject(tmp_path):
    cases = [made_up_case(1), made_up_case(1)]
    cases[1]["case_id"] = 2
    cases[1]["single_hops"][0]["answer_alias"] = ["The Works"]
    write_cases(tmp_path, cases)
    facts = known_facts(read_cases(tmp_path, "test"))
    (fact,) = [fact for fact in facts if fact.question == "Where does Firm1 sit?"]
    assert set(fact.subjects) == {"Firm1", "The Old Firm 1", "The Works", "🏴"}
    base = KnowingBase(facts, FakeEncoder(), floor=0.3)
    assert base.answer("Where does The Works sit?") == "Town1"


def test_floors_are_measured_by_clozes_and_by_other_relations(tmp_path):
    write_cases(tmp_path, [made_up_case(n, hops=3, split="dev") for n in range(4)])
    cases = read_cases(tmp_path, "dev")
    measured = floors(cases, FakeEncoder(), (0.0, 0.5, 1.01))
    assert [floor for floor, _, _ in measured] == [0.0, 0.5, 1.01]
    assert measured[0][1:] == (1, 1)
    assert measured[1][2] < 0.5
    assert measured[2][1:] == (0, 0)
