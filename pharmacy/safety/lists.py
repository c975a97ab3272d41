"""The lists that the checks ask, read once from rows of text: ingredients, interactions, doses, contraindications.

An item of a list is an ingredient key, a group (`@nsaid`), or several that must all be in one drug (`a+b`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from pharmacy.safety.names import Names

Cells = Mapping[str, str]
T = TypeVar("T")


class ListError(ValueError):
    """A row of a list cannot be read; the message names it."""


class Level(StrEnum):
    """What a row of a list asks for: refuse, a reason, or only to be told."""

    BLOCK = "block"
    REASON = "reason"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """The worst is 0."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of ingredients; `is_allergen`: allergies are recorded against it as a whole."""

    key: str
    name: str
    is_allergen: bool


@dataclass(frozen=True, slots=True)
class Interaction:
    """Two items that do something to each other, and what to do about it."""

    a: str
    b: str
    level: Level
    effect: str
    management: str
    source: str


@dataclass(frozen=True, slots=True)
class DoseLimit:
    """Limits of an ingredient from `from_months` until before `to_months` of age: mg a kilogram and a dose (`kg_dose`)
    or a day, mg a dose and a day. `route` is the beginning of the route codes it is about."""

    route: str
    from_months: int
    to_months: int | None
    kg_dose: Decimal | None
    kg_day: Decimal | None
    max_dose: Decimal | None
    max_day: Decimal | None
    source: str


@dataclass(frozen=True, slots=True)
class Caution:
    """An item that is not for some people: below an age in months, below an eGFR, in a state, allergic to something,
    with a disease. `limit` is that number, `to` the state, the allergen or the ICD-10 beginnings."""

    item: str
    level: Level
    effect: str
    source: str
    limit: Decimal = Decimal(0)
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Support:
    """An item that the fund pays for only under a condition."""

    ref: str
    item: str
    route: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    age_min: int | None
    age_max: int | None
    condition: str
    source: str


@dataclass(frozen=True, slots=True)
class Lists:
    """All lists in force on one day. An empty list makes its check impossible, never silent."""

    names: Names
    titles: Mapping[str, str]
    """Ingredients and groups (with @) as people call them."""
    groups_of: Mapping[str, frozenset[str]]
    groups: tuple[Group, ...]
    interactions: Mapping[tuple[str, str], Interaction]
    doses: Mapping[str, tuple[DoseLimit, ...]]
    ages: tuple[Caution, ...]
    renal: tuple[Caution, ...]
    states: tuple[Caution, ...]
    allergies: tuple[Caution, ...]
    diseases: tuple[Caution, ...]
    support: tuple[Support, ...]

    def items_of(self, key: str) -> frozenset[str]:
        """An ingredient with the groups that it belongs to, as lists name them."""
        return self.groups_of.get(key, frozenset()) | {key}

    def title(self, item: str) -> str:
        """An ingredient or group in words."""
        return self.titles.get(item, item)

    def items_of_all(self, keys: Iterable[str]) -> frozenset[str]:
        """The ingredients of a drug with all groups that they belong to."""
        return frozenset().union(*(self.items_of(key) for key in keys))


def is_meant(item: str, items: frozenset[str]) -> bool:
    """Whether an item of a list means a drug with these ingredients and groups."""
    return item in items or ("+" in item and all(part in items for part in item.split("+")))


NAMES = (
    "ingredients", "groups", "salts", "interactions", "doses", "ages", "renal", "pregnancy", "cross_allergies",
    "diseases", "support",
)  # fmt: skip
"""The lists by the names of their files."""
IDENTITY: Mapping[str, tuple[str, ...]] = {
    "ingredients": ("key",),
    "groups": ("key",),
    "salts": ("word",),
    "interactions": ("a", "b"),
    "doses": ("ingredient", "route", "from_months"),
    "ages": ("item",),
    "renal": ("item", "below_egfr"),
    "pregnancy": ("state", "item"),
    "cross_allergies": ("allergen", "item"),
    "diseases": ("item", "icd"),
    "support": ("ref", "item"),
}
"""The columns that say what a row is about: a later folder replaces the row with the same."""


def read_lists(rows: Mapping[str, Iterable[Cells]]) -> Lists:
    """The lists from the rows in force, by list name. Raises ListError for a row that cannot be read."""
    ingredients, groups = list(rows["ingredients"]), _each("groups", rows["groups"], _group)
    known = [(row["key"], (row["key"], row["name"], *_parts(row["aliases"]))) for row in ingredients]
    known += [(f"@{row['key']}", (row["name"], *_parts(row["aliases"]))) for row in rows["groups"]]
    titles = {row["key"]: row["name"] for row in ingredients} | {f"@{group.key}": group.name for group in groups}
    lists = Lists(
        names=Names.of(known, (row["word"] for row in rows["salts"])),
        titles=titles,
        groups_of={row["key"]: frozenset(f"@{name}" for name in _parts(row["groups"])) for row in ingredients},
        groups=tuple(groups),
        interactions={(one.a, one.b): one for one in _each("interactions", rows["interactions"], _interaction)},
        doses=_doses(rows["doses"]),
        ages=tuple(_each("ages", rows["ages"], lambda row: _caution(row, limit="below_months"))),
        renal=tuple(_each("renal", rows["renal"], lambda row: _caution(row, limit="below_egfr"))),
        states=tuple(_each("pregnancy", rows["pregnancy"], lambda row: _caution(row, to="state"))),
        allergies=tuple(_each("cross_allergies", rows["cross_allergies"], lambda row: _caution(row, to="allergen"))),
        diseases=tuple(_each("diseases", rows["diseases"], lambda row: _caution(row, to="icd"))),
        support=tuple(_each("support", rows["support"], _support)),
    )
    _refuse_unknown(lists)
    return lists


def _refuse_unknown(lists: Lists) -> None:
    """Items that no list of names has would never be found, so they are named at once."""
    named: set[str] = set(lists.doses)
    for pair in lists.interactions:
        named.update(pair)
    for cautions in (lists.ages, lists.renal, lists.states, lists.allergies, lists.diseases):
        named.update(part for one in cautions for part in one.item.split("+"))
    named.update(allergen for one in lists.allergies for allergen in one.to)
    named.update(part for one in lists.support for part in one.item.split("+"))
    for groups in lists.groups_of.values():
        named |= groups
    if unknown := sorted(named - lists.titles.keys()):
        raise ListError(f"safety lists: not among ingredients and groups: {', '.join(unknown)}")


def _each(name: str, rows: Iterable[Cells], read: Callable[[Cells], T]) -> list[T]:
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except (KeyError, ValueError, InvalidOperation) as error:
            raise ListError(f"safety/{name}.csv: {dict(row)}: {error!r}") from error
    return found


def _group(row: Cells) -> Group:
    return Group(row["key"], row["name"], row["is_allergen"] == "1")


def _interaction(row: Cells) -> Interaction:
    a, b = sorted((row["a"], row["b"]))
    return Interaction(a, b, Level(row["level"]), row["effect"], row["management"], row["source"])


def _doses(rows: Iterable[Cells]) -> dict[str, tuple[DoseLimit, ...]]:
    found: dict[str, list[DoseLimit]] = {}
    for ingredient, limit in _each("doses", rows, lambda row: (row["ingredient"], _dose(row))):
        found.setdefault(ingredient, []).append(limit)
    return {ingredient: tuple(limits) for ingredient, limits in found.items()}


def _dose(row: Cells) -> DoseLimit:
    kg_dose, kg_day, max_dose, max_day = (_number(row[name]) for name in ("kg_dose", "kg_day", "max_dose", "max_day"))
    if kg_dose is kg_day is max_dose is max_day is None:
        raise ValueError("no limit")
    months = int(row["from_months"]), _whole(row["to_months"])
    return DoseLimit(row["route"], *months, kg_dose, kg_day, max_dose, max_day, row["source"])


def _caution(row: Cells, *, limit: str = "", to: str = "") -> Caution:
    return Caution(
        item=row["item"],
        level=Level(row["level"]),
        effect=row["effect"],
        source=row["source"],
        limit=Decimal(row[limit]) if limit else Decimal(0),
        to=_codes(row[to]) if to else (),
    )


def _support(row: Cells) -> Support:
    include, exclude = _codes(row["include_icd"]), _codes(row["exclude_icd"])
    ages = _whole(row["age_min"]), _whole(row["age_max"])
    return Support(row["ref"], row["item"], row["route"], include, exclude, *ages, row["condition"], row["source"])


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())


def _codes(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _number(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _whole(text: str) -> int | None:
    return int(text) if text else None
