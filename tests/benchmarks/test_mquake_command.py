import json
import shutil

import pytest
from made_up_hops import made_up_case, write_cases
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.rows import read_rows
from serac.decomposer import SHIPPED


@pytest.fixture
def data(tmp_path):
    """A data folder with two test cases and one of each other split."""
    cases = [made_up_case(n, split=split) for n, split in enumerate(("test", "test", "train"))]
    write_cases(tmp_path / "data", [*cases, made_up_case(3, split="dev")])
    return tmp_path / "data"


@pytest.fixture
def decomposer(tmp_path):
    """A copy of the shipped decomposer."""
    return shutil.copytree(SHIPPED, tmp_path / "decomposer")


def run(command, *options):
    return CliRunner().invoke(app, [command, *map(str, options)])


@pytest.mark.model
def test_parts_are_measured_and_traces_kept(data, decomposer, tmp_path):
    options = [
        "--data",
        data,
        "--out",
        tmp_path,
        "--small",
        "--decomposer",
        decomposer,
        "--no-gate",
    ]
    parts = ["--only", "all", "--only", "unedited", "--only", "hops", "--base", "knowing"]
    result = run("mquake", *options, *parts)
    assert result.exit_code == 0, result.output
    rows = {part: read_rows(tmp_path / f"mquake_{part}.jsonl") for part in parts[1:6:2]}
    assert {row.n for row in rows["all"] if row.metric == "M-Acc"} == {2}
    setting = rows["unedited"][0].setting
    assert (setting["left_out"], setting["cases"], setting["edits"]) == (0, 2, 4)
    assert setting["gated"] is False
    assert rows["all"][0].command == (
        "python -m benchmarks mquake --data DATA --seed 0 --cases 300 --decomposer FOLDER "
        "--base knowing --no-gate --small --only all"
    )
    told = (tmp_path / "told_mquake_all.jsonl").read_text().splitlines()
    assert len(told) == 6
    assert json.loads(told[0])["base"] == "knowing"


@pytest.mark.model
def test_decompositions_are_measured(decomposer, tmp_path):
    folder = tmp_path / "data" / "decomposition"
    folder.mkdir(parents=True)
    musique = [
        {
            "question": f"Where does the maker of Thing{n} live?",
            "question_decomposition": [
                {"question": f"Thing{n} >> maker", "answer": f"Maker{n}"},
                {"question": "Where does #1 live?", "answer": f"Town{n}"},
            ],
            "answer": f"Town{n}",
            "answer_aliases": [],
        }
        for n in range(30)
    ]
    wiki = [
        {
            "type": "compositional",
            "question": f"Where was the director of Film{n} born?",
            "evidences": [
                [f"Film{n}", "director", f"Ada{n}"],
                [f"Ada{n}", "place of birth", f"Town{n}"],
            ],
        }
        for n in range(30)
    ]
    for name, records in (("musique", musique), ("2wiki", wiki)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    options = ["--out", tmp_path, "--cases", 2, "--decomposer", decomposer]
    result = run("decompositions", "--data", tmp_path / "data", *options)
    assert result.exit_code == 0, result.output
    rows = read_rows(tmp_path / "decompositions.jsonl")
    assert {row.kind for row in rows} >= {"musique: all", "2wiki: all"}
    assert {row.n for row in rows} == {2}
    assert len((tmp_path / "told_decompositions.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize("option", ["--only", "--base", "--answerer"])
def test_what_there_is_not_is_refused(data, tmp_path, option):
    result = run("mquake", "--data", data, "--out", tmp_path, option, "nothing")
    assert "there is no nothing" in str(result.exception)


def test_the_taught_base_has_to_be_named(data, tmp_path):
    result = run("mquake", "--data", data, "--out", tmp_path, "--base", "taught")
    assert "there is no taught" in str(result.exception)


def test_a_small_run_never_takes_the_place_of_the_results(data):
    result = run("mquake", "--data", data, "--small")
    assert "a small run is no result" in str(result.exception)
