"""A line of a checked claim as it is shown: every field with its name, and what was found there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from insurance.checking.results import FoundPlace, KeptClaim
from insurance.rules.words import SEVERITY_VI, WEIGHT
from insurance.standards import load

MOST_ROWS = 20
"""How many rows are shown when a finding speaks of a table as a whole."""


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field: tag, Vietnamese name (empty for a tag that the standard does not know), text, and what was found.

    `is_asked` marks the field of the finding that was opened, `worst` is the severity of the worst that was found.
    """

    tag: str
    name: str
    text: str
    found: tuple[tuple[str, str], ...]
    worst: str
    is_asked: bool


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One row of a table."""

    number: int
    fields: tuple[ShownField, ...]


def shown_rows(claim: KeptClaim, place: FoundPlace, found: Iterable[FoundPlace]) -> list[ShownLine]:
    """The row that a finding speaks of; all rows, up to twenty, when it speaks of the table as a whole."""
    rows = claim.tables.get(place.name, ())
    wanted = [place.row] if place.row else range(1, min(len(rows), MOST_ROWS) + 1)
    here = [one for one in found if one.name == place.name]
    names = _names(claim.standard, place.name)
    return [_line(number, rows[number - 1], names, place, here) for number in wanted if number <= len(rows)]


def _names(standard: str, table: str) -> Mapping[str, str]:
    spec = load(standard).tables.get(table)
    return {field.tag: field.name for field in spec.fields} if spec else {}


def _line(
    number: int, row: Mapping[str, str], names: Mapping[str, str], place: FoundPlace, found: Sequence[FoundPlace]
) -> ShownLine:
    """Fields in the order of the standard, then those that it does not know; one that is missing but found too."""
    by_field: dict[str, list[FoundPlace]] = {}
    for one in sorted(found, key=lambda one: WEIGHT[one.severity]):
        if one.row in (number, None) and one.field:
            by_field.setdefault(one.field, []).append(one)
    tags = dict.fromkeys([*(tag for tag in names if tag in row or tag in by_field), *row, *by_field])
    fields = (_field(tag, names.get(tag, ""), row.get(tag, ""), by_field.get(tag, ()), place) for tag in tags)
    return ShownLine(number, tuple(fields))


def _field(tag: str, name: str, text: str, found: Sequence[FoundPlace], place: FoundPlace) -> ShownField:
    said = tuple((SEVERITY_VI[one.severity], one.message) for one in found)
    return ShownField(tag, name, text, said, found[0].severity if found else "", tag == place.field)
