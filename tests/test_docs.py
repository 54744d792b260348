"""The documents are true: examples run, help is shown as it is, links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_command_s_page_is_what_the_command_says(tmp_path):
    page = tmp_path / "cli.md"
    command = ["typer", "serac.cli", "utils", "docs", "--name", "errata", "--output", str(page)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, cwd=ROOT)
    assert page.read_text() == (ROOT / "docs" / "cli.md").read_text(), (
        "make it again: python -m typer serac.cli utils docs --name errata --output docs/cli.md"
    )


@pytest.mark.model
def test_the_python_examples_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "counterfactual" in shown and "base" in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_make_targets_that_are_named_are_there():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:`|^)make (\w+)", text, re.MULTILINE)) <= targets


def test_the_benchmarks_that_are_named_are_there():
    from benchmarks.__main__ import app

    commands = {one.name or one.callback.__name__ for one in app.registered_commands}
    commands |= {one.name for one in app.registered_groups}
    for page in [*PAGES, ROOT / "Makefile"]:
        named = re.findall(r"python -m benchmarks (\w+)", page.read_text(encoding="utf-8"))
        assert set(named) <= commands, page
