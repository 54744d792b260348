import shutil
import subprocess

import pytest

from benchmarks import rows


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_results_that_a_run_writes_do_not_make_its_code_dirty(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True
        )

    code, result = tmp_path / "benchmarks" / "rows.py", tmp_path / "benchmarks" / "results" / "x"
    for file in (code, result):
        file.parent.mkdir(exist_ok=True)
        file.write_text("one")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    monkeypatch.setattr(rows, "__file__", str(code))
    commit = rows.code_version()
    assert commit != "unknown"
    result.write_text("another")
    assert rows.code_version() == commit
    code.write_text("another")
    assert rows.code_version() == f"{commit}-dirty"
