"""Kills a writing process again and again and checks what it leaves.

Run as ``python kill_driver.py FOLDER ROUNDS SEED``. Each round forks a writer, which
reports every call before and after, and kills it at a random moment. What was reported as
done must be there; the one call in between may have happened or not.
"""

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import faiss
from hashed_encoder import HashedEncoder

from memory_store import EditMemory

# A forked process has no threads but its own, so FAISS must not have begun any.
faiss.omp_set_num_threads(1)


def write(path, report, seed):
    """Add, update, remove and import until killed."""
    rng = random.Random(seed)

    def say(*words):
        os.write(report, (json.dumps(words) + "\n").encode())

    memory = EditMemory.open(path, HashedEncoder())
    held = [edit.id for edit in memory.list()]
    say("open")
    for step in range(10_000):
        choice = rng.random()
        name = f"{seed}-{step}"
        if choice < 0.5 or len(held) < 5:
            say("begin", [name], [])
            memory.add(f"Fact {name} holds.", id=name)
            held.append(name)
            say("done")
        elif choice < 0.65:
            names = [f"{name}-{n}" for n in range(5)]
            lines = "".join(json.dumps({"text": f"Fact {n}.", "id": n}) + "\n" for n in names)
            file = Path(f"{path}.{os.getpid()}.jsonl")
            file.write_text(lines)
            say("begin", names, [])
            memory.import_jsonl(file)
            file.unlink()
            held += names
            say("done")
        elif choice < 0.8:
            old = held.pop(rng.randrange(len(held)))
            say("begin", [name], [old])
            memory.update(old, f"Fact {name} holds instead.", new_id=name)
            held.append(name)
            say("done")
        else:
            old = held.pop(rng.randrange(len(held)))
            say("begin", [], [old])
            memory.remove(old)
            say("done")


def verify(path, expected, new, gone):
    """Return 0 if the memory holds what is expected, with or without the call in between."""
    with EditMemory.open(path, HashedEncoder()) as memory:
        held = {edit.id for edit in memory.list()}
        report = memory.check()
        found = all(memory.search(e.text, k=1)[0].edit == e for e in memory.list()[-3:])
    happened = (expected | set(new)) - set(gone)
    if held not in (expected, happened):
        sys.stderr.write(f"lost {expected - held}, found {held - expected}, {new} {gone}\n")
        return 1
    if not report.ok or not found:
        sys.stderr.write(f"{report.problems} {found}\n")
        return 1
    Path(f"{path}.held").write_text(json.dumps(sorted(held)))
    return 0


def forked(function, *arguments):
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = function(*arguments) or 0
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        os._exit(code)


def one_round(path, expected, rng, seed):
    """Run and kill a writer, then return what the memory holds."""
    reading, writing = os.pipe()
    child = forked(write, path, writing, seed)
    os.close(writing)
    if rng.random() < 0.85:
        select.select([reading], [], [], 10)  # until it is open; else it is killed on its way
    time.sleep(rng.random() * 0.06)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        words = [json.loads(line) for line in pipe if line.endswith(b"\n")]
    expected, new, gone = set(expected), [], []
    calls = 0
    for word in words:
        if word[0] == "begin":
            _, new, gone = word
        elif word[0] == "done":
            expected = (expected | set(new)) - set(gone)
            new, gone = [], []
            calls += 1
    _, status = os.waitpid(forked(verify, path, expected, new, gone), 0)
    if status:
        raise SystemExit(f"seed {seed}: what was reported as done is not there")
    return set(json.loads(Path(f"{path}.held").read_text())), calls


def main(folder, rounds, seed):
    rng = random.Random(seed)
    total = 0
    for number in range(rounds):
        if number % 25 == 0:  # a new file, to be killed while it is created too
            path, expected = Path(folder) / f"facts-{number}.db", set()
        expected, calls = one_round(path, expected, rng, seed * 100_000 + number)
        total += calls
    sys.stdout.write(json.dumps({"rounds": rounds, "calls": total}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
