"""The rows of a list as typed cells, one after the other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from his.core.money import ZERO
from insurance.claims.summaries import Summary, Texts, summaries
from reports.definition import Column
from reports.lists.codes import OldCodes
from reports.lists.statement import ListQuery, fields_in, groups_in, groups_of, result_fields

Cell = str | int | Decimal | None
Amounts = Mapping[Any, Decimal]
"""Sums of the lines by their cost groups, and amounts of the split by name."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """One visit: its part, its cells in the order of the columns, and why there are none where its claim cannot be
    built."""

    part: tuple[int, int]
    claim_code: str
    cells: tuple[Cell, ...]
    refusal: str


Reader = Callable[[int, Texts, Amounts], Cell]


def rows(query: ListQuery, *, start: int = 0, stop: int | None = None) -> Iterator[ListRow]:
    """The rows of a list in its order, numbered from 1; all of them, or those from `start` up to before `stop`.

    One statement, read through a cursor of the server, so in bounded memory; must run in a transaction.
    """
    found = query.ordered()
    if stop is not None:
        found = found[start:stop]
    fields, groups = result_fields(query.form), groups_of(query.form)
    readers = [reader(column, query.codes) for column in query.form.columns]
    number = start
    for summary in summaries(query.facility, found, "origin", "route", "sums", *fields):
        origin, route, sums, *amounts = summary.extra
        by_name = dict(zip((*groups, *fields), (*(sums or ()), *amounts), strict=True)) if sums else {}
        number += not summary.refusal
        yield _row(summary, (origin, route), number, by_name, readers)


def _row(summary: Summary, part: tuple[int, int], number: int, amounts: Amounts, readers: list[Reader]) -> ListRow:
    if summary.refusal:
        return ListRow(part, summary.claim_code, (), summary.refusal)
    cells = tuple(read(number, summary.texts, amounts) for read in readers)
    return ListRow(part, summary.claim_code, cells, "")


def reader(column: Column, codes: OldCodes) -> Reader:
    """How the cell of a column is read, by its source: `number`, `none`, `xml:TAG`, `first:TAG` (of several),
    `year:TAG`, `birth:SEX` (year of birth of that sex), `old:LIST:TAG`, `groups:1 2`, `money:NAME+NAME`."""
    kind, _, rest = column.source.partition(":")
    return _READERS[kind](column, rest, codes)


def _number(column: Column, rest: str, codes: OldCodes) -> Reader:
    return lambda number, texts, amounts: number


def _none(column: Column, rest: str, codes: OldCodes) -> Reader:
    return lambda number, texts, amounts: None


def _xml(column: Column, tag: str, codes: OldCodes) -> Reader:
    if column.type == "int":
        return lambda number, texts, amounts: int(texts[tag]) if texts[tag] else None
    return lambda number, texts, amounts: texts[tag]


def _first(column: Column, tag: str, codes: OldCodes) -> Reader:
    return lambda number, texts, amounts: texts[tag].split(";", 1)[0]


def _year(column: Column, tag: str, codes: OldCodes) -> Reader:
    return lambda number, texts, amounts: texts[tag][:4]


def _birth(column: Column, sex: str, codes: OldCodes) -> Reader:
    return lambda number, texts, amounts: texts["NGAY_SINH"][:4] if texts["GIOI_TINH"] == sex else ""


def _old(column: Column, rest: str, codes: OldCodes) -> Reader:
    name, _, tag = rest.partition(":")
    here, elsewhere = (codes.table(name, is_here=is_here) for is_here in (True, False))

    def read(number: int, texts: Texts, amounts: Amounts) -> Cell:
        is_here = texts["MA_DKBD"].split(";", 1)[0] == texts["MA_CSKCB"]
        return (here if is_here else elsewhere).get(texts[tag], "")

    return read


def _groups(column: Column, rest: str, codes: OldCodes) -> Reader:
    key = groups_in(rest)
    return lambda number, texts, amounts: amounts[key]


def _money(column: Column, rest: str, codes: OldCodes) -> Reader:
    names = fields_in(rest)
    if len(names) == 1:
        (name,) = names
        return lambda number, texts, amounts: amounts[name]
    return lambda number, texts, amounts: sum((amounts[name] for name in names), ZERO)


_READERS: dict[str, Callable[[Column, str, OldCodes], Reader]] = {
    "number": _number,
    "none": _none,
    "xml": _xml,
    "first": _first,
    "year": _year,
    "birth": _birth,
    "old": _old,
    "groups": _groups,
    "money": _money,
}
SOURCES = tuple(_READERS)
