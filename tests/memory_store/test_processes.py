import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from memory_store import MemoryBusyError

HERE = Path(__file__).parent
FACT = "The Space Needle is located in Paris."

WORKER = """
    import json, sys
    sys.path[:0] = [sys.argv[2], sys.argv[3]]
    from hashed_encoder import HashedEncoder
    from memory_store import EditMemory
    memory = EditMemory.open(sys.argv[1], HashedEncoder())
    print("ready", flush=True)
    for line in sys.stdin:
        command, value = json.loads(line)
        if command == "add":
            answer = memory.add(value).id
        elif command == "add_many":
            answer = len(memory.add_many(value))
        elif command == "remove":
            answer = memory.remove(value).id
        elif command == "search":
            answer = [hit.edit.text for hit in memory.search(value, k=3)]
        elif command == "lock":
            memory._database.execute("BEGIN IMMEDIATE")
            answer = "locked"
        elif command == "unlock":
            memory._database.execute("COMMIT")
            answer = "free"
        print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def start(path):
    """Starts another process with a handle on the same file."""
    processes = []

    def start_one():
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WORKER), path, HERE, HERE.parents[1]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "ready\n"

        def ask(command, value=None, wait=True):
            process.stdin.write(json.dumps([command, value]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline()) if wait else process

        return ask

    yield start_one
    for process in processes:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


def test_a_reader_sees_a_writer_on_its_next_search(open_memory, start):
    memory = open_memory(busy_timeout=10)
    other = start()
    name = other("add", FACT)
    assert memory.search(FACT)[0].edit.id == name
    mine = memory.add("The Louvre was built by Ada Lovelace.")
    assert other("search", mine.text)[0] == mine.text
    other("remove", name)
    assert [h.edit.id for h in memory.search(FACT)] == [mine.id]
    memory.remove(mine.id)
    assert other("search", mine.text) == []
    assert other("add_many", [f"Fact {n} is here." for n in range(200)]) == 200
    assert memory.search("Fact 77 is here.", k=1)[0].edit.text == "Fact 77 is here."
    assert memory.check().ok


def test_a_second_writer_waits_or_is_told(open_memory, start):
    impatient, patient = open_memory(busy_timeout=0.1), start()
    other = start()
    assert other("lock") == "locked"
    with pytest.raises(MemoryBusyError, match=r"another process is writing"):
        impatient.add(FACT)
    assert impatient.search(FACT) == []
    waiting = patient("add", FACT, wait=False)
    assert other("unlock") == "free"
    name = json.loads(waiting.stdout.readline())
    assert impatient.search(FACT)[0].edit.id == name


def test_writers_that_take_turns_lose_nothing(open_memory, start):
    first, second = start(), start()
    names = []
    for step in range(20):
        waiting = [
            ask("add", f"Writer {n}, step {step}.", wait=False)
            for n, ask in enumerate((first, second))
        ]
        names += [json.loads(process.stdout.readline()) for process in waiting]
    memory = open_memory()
    assert {edit.id for edit in memory.list()} == set(names) and len(set(names)) == 40
    assert memory.check().ok
