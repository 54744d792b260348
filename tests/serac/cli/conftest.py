"""Runs the command in this process, and gives what a shell would see."""

import sys
from dataclasses import dataclass

import pytest

from serac.cli import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def errata(tmp_path, monkeypatch, capsys):
    """Call with a command's words; ``--memory`` is added unless told otherwise."""
    path = tmp_path / "facts.db"

    def run(*words, memory=True):
        arguments = [str(word) for word in words]
        if memory:
            arguments += ["--memory", str(path)]
        monkeypatch.setattr(sys, "argv", ["errata", *arguments])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        shown = capsys.readouterr()
        return Result(code, shown.out, shown.err)

    run.memory = path
    return run
