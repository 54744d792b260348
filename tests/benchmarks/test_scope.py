import json

import pytest
from typer.testing import CliRunner

from benchmarks import curve, scope_speed, speed
from benchmarks.__main__ import app
from benchmarks.report import figures
from benchmarks.rows import read_rows
from benchmarks.scope_page import scope_page
from classifiers import ARTIFACTS
from memory_store.errors import ErrataError


@pytest.fixture
def run(folder, tmp_path):
    """Runs the command over the made-up data and returns the folder of the rows."""

    def run(*options, scope=ARTIFACTS / "similarity"):
        out = tmp_path / "results"
        command = ["scope", "--data", str(folder), "--out", str(out), "--scope", str(scope)]
        CliRunner().invoke(app, [*command, *options], catch_exceptions=False)
        return out

    return run


@pytest.mark.model
def test_a_set_is_measured_beside_the_other_rules(run):
    out = run("--only", "mquake")
    rows = read_rows(out / "scope_mquake.jsonl")
    found = {(row.kind, row.metric): row for row in rows}
    row = found[("edited_hop", "fires on the right edit, 1.0% stated")]
    assert (row.n, row.setting["stated"], row.setting["edits_in_memory"]) == (20, 0.01, 60)
    assert row.setting["out_of_scope_dropped"] == 20
    assert row.command == "python -m benchmarks scope --data DATA --seed 0 --only mquake " + (
        "--scope FOLDER"
    )
    assert found[("edited_hop", "right edit on the shortlist")].value == 1.0
    assert found[("unedited_hop", "fires, MeLLo's retrieval")].value == 1.0
    assert ("unedited_hop", "fires, SERAC's rule") in found
    assert ("edited_hop", "fires on the right edit, cosine") in found
    defaults = {row.setting["method"] for row in rows if row.setting.get("default")}
    assert defaults == {"similarity", "SERAC's rule", "cosine", "MeLLo's retrieval"}
    curves = json.loads((out / "scope_roc.json").read_text())["mquake"]["unedited_hop"]
    assert set(curves) == {"similarity", "cosine"}

    cases = (out.parent / "private" / "scope_mquake.jsonl").read_text().splitlines()
    one = json.loads(cases[0])
    assert len(cases) == 40
    assert one["listed"] is True
    assert one["own_edit"] == "River2 flows into Sea2"

    page = scope_page(out)
    assert (
        "| queries | figure | n | similarity | SERAC's rule | cosine | MeLLo's retrieval |" in page
    )
    assert "| 0.1% | 0.5% | 1.0% | 5.0% | right edit on the shortlist |" in page
    assert [name for name, _ in figures(out)] == ["scope_roc"]


@pytest.mark.model
def test_the_first_classifier_is_a_baseline_of_the_cross_encoder(run, cross_encoder):
    out = run("--only", "wiki_recent", scope=cross_encoder)
    rows = read_rows(out / "scope_wiki_recent.jsonl")
    methods = {row.setting["method"] for row in rows}
    assert methods >= {"cross-encoder", "similarity"}
    assert rows[0].setting["scope_classifier"].startswith("cross-encoder@")
    assert "Expected calibration error: 0.1" in scope_page(out)
    assert [name for name, _ in figures(out)] == ["scope_roc", "scope_reliability"]


@pytest.mark.model
def test_one_kind_can_be_measured_again_and_the_others_stay(run):
    out = run("--only", "mquake")
    before = read_rows(out / "scope_mquake.jsonl")
    run("--only", "mquake", "--kind", "unedited_hop", "--seed", "3")
    after = read_rows(out / "scope_mquake.jsonl")
    assert len(after) == len(before)
    assert {(row.kind, row.seed) for row in after} == {("unedited_hop", 3), ("edited_hop", 0)}


@pytest.mark.model
def test_the_curve_and_the_speed_are_measured(run, monkeypatch):
    monkeypatch.setattr(curve, "MEMORIES", {1: 2, 10: 1})
    monkeypatch.setattr(scope_speed, "TIMED_QUERIES", 2)
    monkeypatch.setattr(speed, "ANSWER_TOKENS", 4)
    out = run("--only", "curve", "--only", "speed")
    rows = read_rows(out / "scope_curve.jsonl")
    assert {row.setting["edits_in_memory"] for row in rows} == {1, 10, 60}
    assert [name for name, _ in figures(out)] == ["scope_curve"]
    kinds = {row.kind for row in read_rows(out / "scope_speed.jsonl")}
    assert kinds >= {"base model", "route, short question about a name"}
    page = scope_page(out)
    assert "| queries | figure | 1 edit | 10 edits | 60 edits |" in page
    assert "## Time to decide" in page


@pytest.mark.parametrize(
    "options, told",
    [(["--only", "everything"], "no everything"), (["--kind", "exact"], "--only")],
)
def test_what_can_t_be_run_is_said_at_once(run, options, told):
    with pytest.raises(ErrataError, match=told):
        run(*options)
