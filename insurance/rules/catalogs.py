"""The catalogues of the database as rules ask for them: national lists, and the lists of one facility.

Each catalogue is a dated list of codes with cells of text: flags are "1" or empty, days have 8 digits, amounts are
plain numbers. `CATALOGS` names all that a rule may ask for, with their cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Model, Q
from django.db.models.functions import Coalesce, Greatest

from his.accounts.models import Department, Facility, Staff
from his.catalogs.item_models import MEDICINES
from his.catalogs.loaders import starter
from his.catalogs.models import (
    AdministrativeUnit,
    Diagnosis,
    DiagnosisPair,
    Drug,
    ItemKind,
    LongPrescriptionDisease,
    PricedService,
    ProcedureCode,
    TechnicalService,
)
from insurance.rules.books import RuleBooks
from patients import dosing

_PERIOD = ("valid_from", "valid_to")
_LEVEL = AdministrativeUnit.Level


@dataclass(frozen=True, slots=True)
class Source:
    """Where a catalogue lies. `cells` names each cell's column; `keys` are the columns by which a row is found, a key
    of several columns is written with `|` between; `own` catalogues belong to a facility. With `covers` the key is an
    expression such as "E10 đến E14", and the function tells whether a code falls under it."""

    model: type[Model]
    keys: tuple[tuple[str, ...], ...]
    cells: Mapping[str, str]
    own: bool = False
    dated: bool = True
    where: Mapping[str, Any] = field(default_factory=dict)
    covers: Callable[[str, str], bool] | None = None
    computed: Mapping[str, Any] = field(default_factory=dict)
    """Columns that the database computes, by name."""

    @property
    def columns(self) -> list[str]:
        """Every column that is read, each once."""
        period = _PERIOD if self.dated else ()
        return list(dict.fromkeys([*period, *(name for key in self.keys for name in key), *self.cells.values()]))


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_PLACE = {"name": "name", "parent": "parent_code"}

CATALOGS: Mapping[str, Source | None] = {
    "icd10": Source(
        Diagnosis,
        (("code",),),
        _same(
            "name", "only_sex", "age_min_days", "age_max_days", "not_as_main", "discouraged_as_main",
            "has_more_specific", "mainly_female", "mainly_male", "cause_of_death_only",
        ),
    ),
    "icd10_pairs": Source(
        DiagnosisPair, (("dagger_code", "asterisk_code"), ("dagger_code",), ("asterisk_code",)),
        {"dagger": "dagger_code", "asterisk": "asterisk_code", "main": "main_code"},
    ),
    "icd9": Source(ProcedureCode, (("icd9_code",),), {"name": "icd9_name"}),
    "icd9_of_service": Source(ProcedureCode, (("service_code",),), {"icd9": "icd9_code", "name": "icd9_name"}),
    "national_services": Source(
        TechnicalService, (("code",),),
        {"name": "name", "price_name": "price_name", "line": "technical_line", "class": "procedure_class",
         "price": "reference_price"},
    ),
    "provinces": Source(AdministrativeUnit, (("code",),), _PLACE, where={"level": _LEVEL.PROVINCE}),
    "districts": Source(AdministrativeUnit, (("code",),), _PLACE, where={"level": _LEVEL.DISTRICT}),
    "communes": Source(AdministrativeUnit, (("code",),), _PLACE, where={"level": _LEVEL.COMMUNE}),
    "staff": Source(
        Staff, (("licence_no",),),
        {"name": "full_name", "code": "code", "title": "title", "department": "department__code",
         "scope": "working_scope", "licence_issued_on": "licence_issued_on", "is_head": "is_head",
         **_same(*_PERIOD)},
        own=True,
    ),
    "departments": Source(Department, (("code",),), {"name": "name", "is_active": "is_active"}, own=True, dated=False),
    "services": Source(
        PricedService, (("code",),),
        {"name": "name", "price_name": "price_name", "group": "group_code", "unit": "unit", "price": "price",
         "highest_price": "highest_price", "insured_price": "insured_price", "rate": "payment_rate",
         "scope": "scope_code", "line": "technical_line", "class": "procedure_class",
         "device": "device_code", "decision": "decision", **_same(*_PERIOD)},
        own=True,
        computed={"highest_price": Greatest("price", Coalesce("on_demand_price", "price"))},
    ),
    "drugs": Source(
        Drug,
        (
            ("ingredient_code",), ("code",), ("ingredient_code", "registration_no"),
            ("ingredient_code", "registration_no", "bid_info"),
        ),
        {"name": "name", "code": "code", "ingredient_code": "ingredient_code", "ingredient": "ingredient",
         "strength": "strength", "unit": "unit", "route": "route_code", "form": "dose_form",
         "registration": "registration_no", "bid": "bid_info", "price": "price", "insured_price": "insured_price",
         "rate": "payment_rate", "scope": "scope_code", "group": "group_code", **_same(*_PERIOD)},
        own=True,
        where={"kind__in": MEDICINES},
    ),
    "traditional_icd": None,
    "facilities": None,
    "devices": None,
    "device_services": None,
    "supplies": Source(
        Drug,
        (("ingredient_code",), ("code",), ("ingredient_code", "bid_info")),
        {"name": "name", "code": "code", "group": "group_code", "unit": "unit", "model": "model_code",
         "registration": "registration_no", "bid": "bid_info", "price": "price", "insured_price": "insured_price",
         "rate": "payment_rate", **_same(*_PERIOD)},
        own=True,
        where={"kind": ItemKind.SUPPLY},
    ),
    "long_prescriptions": Source(
        LongPrescriptionDisease, (("icd_expression",),), {"name": "name"}, covers=dosing.covers
    ),
    "drug_interactions": None,
    "drug_indications": None,
}  # fmt: skip
"""All catalogues by the name that rules use; None: the product has no such list, rules that need it cannot run."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a catalogue and the days on which it holds."""

    valid_from: date | None
    valid_to: date | None
    cells: Mapping[str, str]

    def holds(self, on: date | None) -> bool:
        """Whether the row holds on the day; without a day, whether it is not closed."""
        if on is None:
            return self.valid_to is None
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


class DatabaseCatalogs:
    """The catalogues as they stand now, for one facility or (None) the national ones only.

    With `whole` each list is read at its first use and kept, for many claims with one object; without, each code is
    asked for alone, for a single line at a desk. Both remember what they read: make a new object for new work.
    """

    def __init__(self, facility: Facility | None, *, whole: bool = True) -> None:
        self._facility, self._whole = facility, whole
        self._lists: dict[str, dict[str, list[Entry]]] = {}
        self._any: dict[str, bool] = {}
        self._answers: dict[tuple[str, str, date | None], Mapping[str, str] | None] = {}

    def has(self, name: str) -> bool:
        """Whether the catalogue has any row."""
        if name not in self._any:
            source = self._source(name)
            self._any[name] = source is not None and self._is_whole(source)
        return self._any[name]

    def find(self, name: str, code: str, on: date | None) -> Mapping[str, str] | None:
        """The row of a code on the day, or None. Where several rows hold, only cells in which they agree are filled:
        one ingredient code may stand for drugs with several prices, and nothing is said of what is not certain."""
        asked = (name, code, on)
        if asked not in self._answers:
            if len(self._answers) > _REMEMBERED:
                self._answers.clear()
            self._answers[asked] = _agreed([one.cells for one in self._entries(name, code) if one.holds(on)])
        return self._answers[asked]

    def _is_whole(self, source: Source) -> bool:
        """Whether the list says something about a code that it lacks. The starter lists of the demonstration know what
        its own facilities use, and nothing of other facilities' claims."""
        rows = self._rows(source)
        return bool((rows if self._facility else rows.exclude(source=starter.SOURCE)).exists())

    def _entries(self, name: str, code: str) -> Iterable[Entry]:
        source = self._source(name)
        if source is None or not code:
            return ()
        if source.covers is not None:
            found = self._list(name, source).items()
            return [entry for text, entries in found if source.covers(text, code) for entry in entries]
        if not self._whole:
            return [entry for entry, _keys in self._read(source, _by_key(source, code))]
        return self._list(name, source).get(code, ())

    def _list(self, name: str, source: Source) -> dict[str, list[Entry]]:
        """The rows of a whole catalogue by key, read once."""
        if name not in self._lists:
            entries: dict[str, list[Entry]] = {}
            for entry, keys in self._read(source, Q()):
                for key in keys:
                    entries.setdefault(key, []).append(entry)
            self._lists[name] = entries
        return self._lists[name]

    def _source(self, name: str) -> Source | None:
        source = CATALOGS.get(name)
        return None if source is not None and source.own and self._facility is None else source

    def _rows(self, source: Source) -> Any:
        rows = source.model._default_manager.filter(**source.where).annotate(**source.computed)
        return rows.filter(facility=self._facility) if source.own else rows

    def _read(self, source: Source, where: Q) -> Iterable[tuple[Entry, set[str]]]:
        columns = source.columns
        read = _reader(source, columns)
        for values in self._rows(source).filter(where).values_list(*columns).iterator(chunk_size=2000):
            yield read(values)


_REMEMBERED = 50_000
"""How many answers an object keeps: enough for the codes of a month, little memory."""


def rule_books(facility: Facility | None) -> RuleBooks:
    """The rules over the catalogues of a facility (None: national lists only) as they stand now.

    Keep it for one piece of work over many claims; make a new one for the next.
    """
    return RuleBooks(DatabaseCatalogs(facility))


def _reader(source: Source, columns: list[str]) -> Callable[[tuple[Any, ...]], tuple[Entry, set[str]]]:
    at = {column: place for place, column in enumerate(columns)}
    cells = [(cell, at[column]) for cell, column in source.cells.items()]
    keys = [[at[column] for column in key] for key in source.keys]

    def read(values: tuple[Any, ...]) -> tuple[Entry, set[str]]:
        start, end = (values[at["valid_from"]], values[at["valid_to"]]) if source.dated else (None, None)
        entry = Entry(start, end, {cell: text for cell, place in cells if (text := _text(values[place]))})
        return entry, {"|".join(values[place] for place in key) for key in keys if all(values[p] for p in key)}

    return read


def _by_key(source: Source, code: str) -> Q:
    """The rows of a code: by each key that has as many columns as the code has parts."""
    found = Q(pk__in=[])
    for key in source.keys:
        parts = code.split("|") if len(key) > 1 else [code]
        if len(parts) == len(key):
            found |= Q(**dict(zip(key, parts, strict=True)))
    return found


def _agreed(rows: list[Mapping[str, str]]) -> Mapping[str, str] | None:
    if len(rows) < 2:
        return rows[0] if rows else None
    first, *others = rows
    return {cell: text for cell, text in first.items() if all(other.get(cell, "") == text for other in others)}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)
