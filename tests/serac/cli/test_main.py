"""What a shell sees of the command's end: pipes, Ctrl-C, wrong usage."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import FakeEncoder

from memory_store import EditMemory
from memory_store.encoder import EMBEDDED_DIMENSION, EMBEDDED_FINGERPRINT

ROOT = Path(__file__).parents[3]
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def start(*words, path=None):
    memory = ["--memory", str(path)] if path else []
    code = "from serac.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *words, *memory],
        cwd=ROOT,
        text=True,
        preexec_fn=listen_to_ctrl_c,
        **PIPES,
    )


def listen_to_ctrl_c():
    """As in a terminal: a shell's background jobs, which tests may be, are started deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def memory(tmp_path):
    """A file with more edits than a pipe holds; no model has to be loaded for it."""

    class Named(FakeEncoder):
        fingerprint = EMBEDDED_FINGERPRINT

    path = tmp_path / "facts.db"
    with EditMemory.open(path, Named(EMBEDDED_DIMENSION)) as opened:
        opened.add_many([f"Fact number {n} holds beyond the river." for n in range(3000)])
    return path


@pytest.mark.parametrize("command", ["export", "list"])
def test_a_reader_that_has_seen_enough_ends_it_quietly(memory, command):
    with start(command, path=memory) as running:
        assert "Fact number 0" in running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(60) == 0


def test_a_reader_that_is_gone_before_a_short_answer_ends_it_quietly(memory):
    with start("list", "--limit", "1", path=memory) as running:
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(60) == 0


def test_ctrl_c_ends_it_with_130_and_no_traceback(memory):
    """Importing from stdin waits for its lines, once it runs."""
    with start("import", "/dev/stdin", path=memory) as running:
        while not Path(f"{memory}-wal").exists():
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        shown = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in "".join(shown)


@pytest.mark.parametrize("words", [["nosuch"], ["add"], ["list", "--limit", "x"], ["list", "--no"]])
def test_wrong_usage_is_2(words):
    with start(*words) as running:
        shown = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "Error" in shown[1] and "Traceback" not in shown[1]
