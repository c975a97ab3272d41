"""Clients that are killed in the middle of what they do, and begin again as a browser does: what the tortures share.

Each request has a key. A client notes in its own file that it begins a request and what came of it; one that was killed
is started again and first repeats what it had begun, with the same key.
"""

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol
from uuid import uuid4

from his.core.errors import Refusal
from his.demo.volume.stock_clients import start

Entry = dict[str, Any]


class Arena(Protocol):
    """What the clients fight over."""

    @property
    def folder(self) -> Path:
        """Where each client keeps its notes."""

    def chosen(self, client: int, rng: random.Random) -> tuple[str, list[Any]]:
        """The next request of a client and its values, plain ones, so that it can be noted and repeated."""

    def ask(self, client: int, key: str, what: str, values: list[Any]) -> Entry:
        """Do it; answers what is noted of the answer. May be refused."""


def torture(arena: Arena, *, clients: int, seconds: float) -> int:
    """All clients for so long, one killed about every fifth of a second; answers how many were killed."""
    until, rng, kills = monotonic() + seconds, random.Random(1), 0
    processes = dict(enumerate(start(range(clients), _client, arena, until)))
    while monotonic() < until:
        sleep(rng.uniform(0.1, 0.3))
        number = rng.randrange(clients)
        os.kill(processes[number].pid, signal.SIGKILL)
        processes[number].join()
        kills += processes[number].exitcode == -signal.SIGKILL
        (processes[number],) = start([number], _client, arena, until)
    for process in processes.values():
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a client ended with {process.exitcode}")
    for number in range(clients):
        _repeat_unanswered(number, arena)
    return kills


def answers(arena: Arena) -> list[Entry]:
    """What the clients were answered: done, refused or busy."""
    return [entry for file in sorted(arena.folder.iterdir()) for entry in _entries(file) if "what" not in entry]


def told(found: list[Entry], say: Callable[[str], None]) -> tuple[list[Entry], int]:
    """Say how often each thing was done, busy and refused; answers what was done, and how often clients were busy."""
    done = [entry for entry in found if "done" in entry]
    busy = Counter(entry["busy"] for entry in found if "busy" in entry)
    say(f"  {dict(Counter(one['asked'] for one in done))}")
    say(f"  bận: {dict(busy)}")
    say(f"  từ chối: {dict(Counter(one['refused'] for one in found if 'refused' in one))}")
    return done, busy.total()


def gaps(numbers: list[str], separator: str) -> int:
    """Numbers that are missing in their series or given twice; a series is what stands before the last separator."""
    found = Counter(numbers)
    twice = sum(count - 1 for count in found.values())
    by_series: dict[str, set[int]] = {}
    for number in found:
        series, _, place = number.rpartition(separator)
        by_series.setdefault(series, set()).add(int(place))
    return twice + sum(max(places) - len(places) for places in by_series.values())


def _client(number: int, arena: Arena, until: float) -> None:
    """One process: what was begun and not answered first, then one request after the other."""
    _repeat_unanswered(number, arena)
    rng = random.Random(f"{number}:{monotonic()}")
    while monotonic() < until:
        what, values = arena.chosen(number, rng)
        key = uuid4().hex
        _note(arena, number, key=key, what=what, values=values)
        _ask(number, arena, key, what, values)


def _repeat_unanswered(number: int, arena: Arena) -> None:
    begun: dict[str, Entry] = {}
    for entry in _entries(_journal(arena, number)):
        if "what" in entry:
            begun[entry["key"]] = entry
        elif "busy" not in entry:
            begun.pop(entry["key"])
    for key, entry in begun.items():
        _ask(number, arena, key, entry["what"], entry["values"])


def _ask(number: int, arena: Arena, key: str, what: str, values: list[Any]) -> None:
    while True:
        try:
            facts = arena.ask(number, key, what, values)
        except Refusal as refusal:
            if refusal.code == "busy":
                _note(arena, number, key=key, busy=what)
                continue
            _note(arena, number, key=key, refused=refusal.code)
        else:
            _note(arena, number, key=key, asked=what, **facts)
        return


def _journal(arena: Arena, number: int) -> Path:
    return arena.folder / f"{number}.jsonl"


def _note(arena: Arena, client: int, /, **entry: object) -> None:
    with _journal(arena, client).open("a", encoding="utf-8") as file:
        file.write("\n" + json.dumps(entry) + "\n")


def _entries(journal: Path) -> Iterator[Entry]:
    """Whole lines only: a client may have been killed while it wrote one."""
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            continue
