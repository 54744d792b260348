import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.peers.cases import PeerCases, everyday_questions
from benchmarks.peers.command import Plan, run_editor
from benchmarks.peers.evaluation import SMALL
from benchmarks.peers.roster import EDITORS, Setup, chosen, made
from benchmarks.rows import read_rows
from memory_store.errors import ArtifactError, ErrataError, ModelError


@pytest.fixture
def setup(base, encoder):
    with Setup("cpu", base, encoder, small=True) as setup:
        setup.counterfactual = setup.plain  # the shipped adapter fits another body
        yield setup


@pytest.fixture
def run(data, tmp_path, setup):
    plan = Plan(PeerCases("counterfact", data, 0), tmp_path, 0, SMALL, "cpu", True)
    questions = everyday_questions(data, 2, 0)

    def run(name, *counts, **more):
        run_editor(plan, name, counts, setup, questions, **more)
        return read_rows(tmp_path / "peers_counterfact.jsonl")

    return run


def test_each_editor_and_size_adds_its_rows_to_those_there(run):
    rows = run("unedited", 1)
    for name in ("serac", "rag", "stuffing"):
        rows = run(name, 1, 3)
    found = {(row.setting["editor"], row.setting["edits"]) for row in rows}
    assert found == {
        ("unedited", 1),
        *((name, n) for name in ("SERAC's rule", "plain RAG", "prompt stuffing") for n in (1, 3)),
    }
    for row in rows:
        assert row.setting["device"] == "cpu"
        assert f"--sizes {row.setting['edits']} --cases 2 --small" in row.command


def test_what_is_there_is_not_run_again_unless_asked_for(run, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.rows.code_version", lambda: "one")
    before = run("rag", 3)
    assert run("rag", 3) == before
    assert "there already" in capsys.readouterr().err
    assert len(run("rag", 3, again=True)) == len(before)
    assert "there already" not in capsys.readouterr().err
    monkeypatch.setattr("benchmarks.rows.code_version", lambda: "two")
    assert {row.setting["code"] for row in run("rag", 3)} == {"two"}


def test_all_is_as_many_as_there_are(run):
    assert {row.setting["edits"] for row in run("unedited", 1000, None)} == {12}


def test_what_there_is_not_is_refused(data, tmp_path):
    def refusal(*options):
        words = ["peers", "--data", str(data), "--out", str(tmp_path), *options]
        result = CliRunner().invoke(app, words)
        assert result.exit_code != 0
        return str(result.exception)

    assert "there is no nothing; use unedited, overlay" in refusal("--only", "rag,nothing")
    assert "is no number of edits" in refusal("--sizes", "1,many")
    assert "--only names nothing" in refusal("--only", "")
    assert "there is no set else" in refusal("--set", "else")
    small = CliRunner().invoke(app, ["peers", "--data", str(data), "--small"])
    assert "a small run is no result" in str(small.exception)


def test_rome_edits_the_block_it_is_given(base, encoder):
    with Setup("cpu", base, encoder, rome_block=1, small=True) as setup:
        assert EDITORS["rome"](setup).editor.settings.layer == 1


def test_second_moments_from_a_file_are_not_timed(base, encoder, tmp_path):
    file = tmp_path / "moments.safetensors"
    with Setup("cpu", base, encoder, second_moments=file, rome_block=1, small=True) as setup:
        assert made("rome", setup)[1] is not None
        assert file.is_file()
        assert made("rome", setup)[1] is None


def test_what_no_editor_could_do_is_told_before_any_begins(base, encoder, tmp_path):
    with Setup("cpu", base, encoder, mend=tmp_path, rome_block=9) as setup:
        setup.check(["unedited", "ft"])
        with pytest.raises(ArtifactError, match="holds no MEND"):
            setup.check(["unedited", "mend"])
        with pytest.raises(ModelError, match="there is no block 9"):
            setup.check(["rome"])


def test_mend_needs_its_folder(tmp_path):
    for folder in (None, tmp_path / "none"):
        with pytest.raises(ErrataError, match="MEND has to be trained first"):
            chosen(["mend"], folder)
    assert "mend" not in chosen([], None)
    assert list(EDITORS) == chosen([], tmp_path)


@pytest.mark.model
def test_the_embedded_models_are_edited_and_asked(data, tmp_path):
    words = ["peers", "--data", str(data), "--out", str(tmp_path), "--small", "--device", "cpu"]
    words += ["--set", "counterfact", "--only", "overlay", "--sizes", "3", "--cases", "1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    rows = read_rows(tmp_path / "peers_counterfact.jsonl")
    found = {(row.kind, row.metric): row.value for row in rows}
    assert found["exact", "answer follows the edit"] == 1
    assert found["neighborhood", "same text as unedited"] == 1
    assert found["cost", "undone bit for bit"] == 1
