import json
from dataclasses import replace

import pytest
from fakes import FakeEncoder

from benchmarks.multi_hop_decompositions import (
    AS_MANY,
    EQUIVALENT,
    SINGLE,
    Decomposition,
    measure_decompositions,
    named_in,
    read_decompositions,
)
from benchmarks.rows import Rows
from mello.plans import Plan, write_plan

CHAIN = Decomposition(
    "Where does the employer of Ada sit?",
    Plan(("Who employs Ada?", "Where does #1 sit?")),
    (("Firm",), ("Town", "The Old Town")),
)
COMPARES = Decomposition(
    "Which is older, Dune or Emma?",
    Plan(
        (
            "When was Dune made?",
            "When was Emma made?",
            "Which is older, Dune (#1) or Emma (#2)?",
        )
    ),
    (("1965",), ("1815",)),
)


def measured(name, data, plans):
    rows, told = Rows("decompositions", 0, "command"), []
    written = dict(zip((one.question for one in data), plans, strict=True))
    measure_decompositions(
        rows,
        name,
        data,
        lambda questions, progress: [written[question] for question in questions],
        FakeEncoder(),
        lambda more: None,
        told.append,
        left_out=7,
    )
    assert all(row.setting["left_out"] == 7 for row in rows.rows)
    return {(row.kind, row.metric): row.value for row in rows.rows}, told


def test_the_datas_own_plans_are_equivalent():
    data = [CHAIN, COMPARES]
    rows, told = measured("2wiki", data, [write_plan(one.plan) for one in data])
    assert rows["2wiki: all", AS_MANY] == rows["2wiki: all", EQUIVALENT] == 1
    assert rows["2wiki: all", SINGLE] == 0
    assert told[0]["hops"][1] == {"question": "Where does Firm sit?", "answer": "Town"}


@pytest.mark.parametrize(
    ("plan", "as_many", "equivalent"),
    [
        ("1. Who is it that employs Ada?\n2. Where does #1 sit?", 1, 1),
        ("1. Where does Firm sit?\n2. Who employs Ada?", 1, 0),  # the second needs the first
        ("1. Who employs Ada?\n2. Where is #1?\n3. Who heads #2?", 0, 0),
        ("1. Who employs Ada?\n2. Who heads #1?", 1, 0),
        ("none", 0, 0),
        ("1. Who employs #2?\n2. Where is #1?", 0, 0),
    ],
)
def test_a_chain_is_held_against_the_datas(plan, as_many, equivalent):
    rows, _ = measured("musique", [CHAIN], [plan])
    assert rows["musique: 2 hops", AS_MANY] == as_many
    assert rows["musique: 2 hops", EQUIVALENT] == equivalent


def test_hops_that_dont_need_each_other_may_come_in_either_order():
    other = "1. When was Emma made?\n2. When was Dune made?\n3. Which is older, #1 or #2?"
    rows, _ = measured("2wiki", [COMPARES], [other])
    assert rows["2wiki: all", EQUIVALENT] == 1
    without_comparing = "1. When was Emma made?\n2. When was Dune made?"
    assert measured("2wiki", [COMPARES], [without_comparing])[0]["2wiki: all", EQUIVALENT] == 1


def test_a_last_step_over_two_answers_is_a_hop_where_the_data_have_its_answer():
    joined = Decomposition(
        "Who links Ada and Bo?",
        Plan(("Who employs Ada?", "Who employs Bo?", "Who links #1 and #2?")),
        (("Firm",), ("Works",), ("Cy",)),
    )
    rows, _ = measured("musique", [joined], [write_plan(joined.plan)])
    assert rows["musique: 3 hops", AS_MANY] == rows["musique: 3 hops", EQUIVALENT] == 1


def test_two_hops_of_one_wording_are_both_counted():
    same = Decomposition(
        "Are the heads of A1 and B2 one?",
        Plan(("Who heads A1?", "Who heads B2?", "Where does #1 live?", "Where does #2 live?")),
        (("Cy",), ("Cy",), ("Oslo",), ("Oslo",)),
    )
    rows, _ = measured("2wiki", [same], [write_plan(same.plan)])
    assert rows["2wiki: all", AS_MANY] == rows["2wiki: all", EQUIVALENT] == 1


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What is the performer of Friend Like That?", "Friend Like That"),
        ("Who directed The Last Bridge?", "The Last Bridge"),
        ("The Air Defense Artillery is a branch of what?", "The Air Defense Artillery"),
        ("When was House of the Dead made?", "House of the Dead"),
        ("In which year did Ada win?", "Ada"),
        ("who is it?", None),
    ],
)
def test_what_a_first_hop_is_about_is_its_longest_name(question, name):
    assert named_in(question) == ((name,) if name else ())


def test_other_questions_for_a_step_count_with_the_answers_before_in_place():
    chain = replace(CHAIN, wordings={1: ("In which town are the headquarters of #1?",)})
    plan = write_plan(Plan(("Who employs Ada?", "In which town are the headquarters of #1?")))
    for one, equivalent in ((CHAIN, 0), (chain, 1)):
        rows, _ = measured("musique", [one], [plan])
        assert rows["musique: all", EQUIVALENT] == equivalent


def test_records_of_the_dev_part_are_read(tmp_path):
    folder = tmp_path / "decomposition"
    folder.mkdir()
    musique = [
        {
            "question": f"Where does the maker of Thing{n} live?",
            "question_decomposition": [
                {"question": f"Thing{n} >> maker", "answer": f"Maker{n}"},
                {"question": "Where does #1 live?", "answer": f"Town{n}"},
            ],
            "answer": f"Town{n}",
            "answer_aliases": [f"Old Town {n}"],
        }
        for n in range(60)
    ]
    wiki = [
        {
            "type": "compositional",
            "question": f"Where was the director of Film{n} born?" if n % 2 else "Where?",
            "evidences": [
                [f"Film{n}", "director", f"Ada{n}"],
                [f"Ada{n}", "place of birth", f"Town{n}"],
            ],
        }
        for n in range(60)
    ]
    for n, record in enumerate(wiki):
        record["question"] += "" if n % 2 else f" {n}"
    for name, records in (("musique", musique), ("2wiki", wiki)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    found, counts = read_decompositions(tmp_path, "musique", 0, 5)
    assert len(found) == 5
    assert counts["left_out"] == 0
    assert counts["of"] > 5
    assert found[0].plan.steps[0].startswith("What is the maker of Thing")
    assert found[0].answers[1][-1].startswith("Old Town")
    again, _ = read_decompositions(tmp_path, "musique", 0, 5)
    assert again == found
    assert found[0].wordings[0] == [] and found[0].wordings[1] == []  # an unknown label, and none
    found, counts = read_decompositions(tmp_path, "2wiki", 0, 100)
    assert 0 < counts["left_out"] < counts["of"]
    assert len(found) == counts["of"] - counts["left_out"]
    assert all(one.hops == 2 for one in found)
