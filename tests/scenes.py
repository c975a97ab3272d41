"""Scenes that many tests start from: made once for the tests of a module, each of which gets a copy.

`@scene` makes a fixture of a function that stores rows; its parameters are the scenes that it builds on. The rows lie
in an open transaction below that of the test, so that what a test does is undone and the scene stays. A test that asks
for other scenes, or for none, finds exactly the rows of those. A test with `transaction=True` has its scenes made for
itself alone, and stored.
"""

import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import validate_django_db

from insurance.rules.desk import forget

Make = Callable[..., Any]


def scene(make: Make) -> Any:
    """A fixture with the name of the function that gives each test a copy of what the function made."""
    names = list(inspect.signature(make).parameters)

    def fixture(request: pytest.FixtureRequest, scenes: "Scenes", db: None, **others: Any) -> Any:
        return make(**others) if commits(request.node) else scenes.copy_of(make)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    asked = [inspect.Parameter(name, kind) for name in ("request", "scenes", "db", *names)]
    vars(fixture).update(__signature__=inspect.Signature(asked), __doc__=make.__doc__, scene=make)
    return pytest.fixture(name=make.__name__)(fixture)


@dataclass(slots=True)
class _Layer:
    """The rows of one scene, in a transaction (or a savepoint) of their own, with all objects made so far."""

    make: Make
    around: transaction.Atomic
    made: dict[Make, Any]


@dataclass(slots=True)
class Scenes:
    """The scenes whose rows are in the database now, each upon the one before."""

    module: ModuleType | None = None
    layers: list[_Layer] = field(default_factory=list)
    seen: dict[int, Any] = field(default_factory=dict)

    def ready(self, item: pytest.Function) -> None:
        """Have the scenes of a test, and no others, in the database."""
        wanted = _wanted(item)
        kept = 0
        if item.module is self.module:
            while kept < min(len(wanted), len(self.layers)) and self.layers[kept].make is wanted[kept][0]:
                kept += 1
        self.module, self.seen = item.module, {}
        while len(self.layers) > kept:
            self._undo()
        for make, below in wanted[kept:]:
            self._make(make, below)
        forget()  # what the desks remember of the same facility as the test before left it

    def copy_of(self, make: Make) -> Any:
        """A copy for the test at work: what is one object in its scenes is one object in their copies."""
        return copy.deepcopy(self.layers[-1].made[make], self.seen)

    def _make(self, make: Make, below: list[Make]) -> None:
        made = copy.deepcopy(self.layers[-1].made) if self.layers else {}
        around = transaction.atomic()
        around._from_testcase = True  # what asks for a transaction of its own may run in here, as in a test
        around.__enter__()
        self.layers.append(_Layer(make, around, made))
        try:
            made[make] = make(*(made[one] for one in below))
            connection.check_constraints()  # now, and not again in each test
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        transaction.set_rollback(True)
        self.layers.pop().around.__exit__(None, None, None)

    def end(self) -> None:
        """Leave nothing."""
        while self.layers:
            self._undo()


def _wanted(item: pytest.Function) -> list[tuple[Make, list[Make]]]:
    """The scenes that a test asks for, each after those that it builds on, and the latter; none when it commits."""
    found: dict[Make, list[Make]] = {}
    fixtures = item._fixtureinfo.name2fixturedefs

    def take(name: str) -> Make | None:
        make = getattr(fixtures[name][-1].func, "scene", None) if name in fixtures else None
        if make is not None and make not in found:
            below = [take(one) for one in inspect.signature(make).parameters]
            found[make] = [one for one in below if one is not None]
        return make

    for name in [] if commits(item) else item.fixturenames:
        take(name)
    return list(found.items())


def commits(item: pytest.Item) -> bool:
    """Whether a test stores its rows for good, so that other connections see them."""
    marker, names = item.get_closest_marker("django_db"), getattr(item, "fixturenames", ())
    return bool(marker and validate_django_db(marker)[0]) or not {"transactional_db", "live_server"}.isdisjoint(names)


@pytest.fixture(scope="session")
def all_scenes(
    quick_password_hash: None, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Scenes]:
    """The scenes of this process; the accounts of all, also the first, have the hash that tests sign in by."""
    found = Scenes()
    yield found
    with django_db_blocker.unblock():
        found.end()


@pytest.fixture
def scenes(request: pytest.FixtureRequest, all_scenes: Scenes, django_db_blocker: DjangoDbBlocker) -> Scenes:
    """The scenes of a test, ready before its transaction begins: the first fixture of each test with a database."""
    with django_db_blocker.unblock():
        all_scenes.ready(request.node)
    return all_scenes


def scenes_come_first(items: list[pytest.Item]) -> None:
    """Give each test with a database its scenes before all else."""
    for item in items:
        names = getattr(item, "fixturenames", [])
        if item.get_closest_marker("django_db") or not {"db", "transactional_db", "live_server"}.isdisjoint(names):
            names.insert(0, "scenes")
