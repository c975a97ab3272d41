"""What people come with, as data: `data/profiles.csv` holds one row for each kind of visit.

A row gives how often it is seen at a commune station and at a district hospital, in which season, sex and age, then
what the desks write: reason, history, findings, readings, orders, drugs and outcome. Drugs are named by words of
their names and services by code or words, so that the same rows fit any price list and drug list. All texts are
invented.

Cells: alternatives of a text are joined by `||`; parts of a list by `;`; `?40` after a part means in 40 of 100 visits.
An order is `22.0121 | words of its name`, first found first taken, `!` when its reading shows the disease. A drug is
`words | other words: 1-0-0-1 x 5`; `ml` after the doses for bottles to drink, `pack 1 x 7` for tubes and drops, and
`x D` for a course as long as the visit's drugs last.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
COURSE = 0
"""Days of a drug that lasts as long as the course of the visit."""

_CHANCE = re.compile(r"\s*\?(\d+)")
_DOSE = re.compile(
    r"^(?P<doses>[\d.]+(?:-[\d.]+){3})(?P<ml> ml)? x (?P<days>\d+|D)$|^pack (?P<packs>\d+) x (?P<of>\d+|D)$"
)
_RANGE = re.compile(r"^(-?[\d.]+)-([\d.]+)$")
_SEASONS = {12: 0, 1: 0, 2: 0, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2, 8: 2, 9: 3, 10: 3, 11: 3}


@dataclass(frozen=True, slots=True)
class DrugChoice:
    """Words of a drug's name and how it is taken. Doses are in units, or ml when `rule` is `volume`."""

    words: str
    rule: str
    doses: tuple[Decimal, Decimal, Decimal, Decimal]
    packs: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class DrugSpec:
    """One drug of a profile: choices in order of preference, given in `chance` of 100 visits."""

    choices: tuple[DrugChoice, ...]
    chance: int


@dataclass(frozen=True, slots=True)
class OrderSpec:
    """One service: codes or words in order of preference; `is_abnormal` when its reading shows the disease."""

    choices: tuple[str, ...]
    chance: int
    is_abnormal: bool


@dataclass(frozen=True, slots=True)
class Value:
    """What a result shows in this disease: a range of numbers, or words."""

    low: Decimal
    high: Decimal
    text: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of visit. Weights are per kind of facility; seasons are factors of winter, spring, summer, autumn."""

    key: str
    weight_station: float
    weight_hospital: float
    seasons: tuple[float, ...]
    sex: str
    age_min: int
    age_max: int
    rooms: tuple[str, ...]
    main: tuple[str, ...]
    others: tuple[tuple[str, int], ...]
    reasons: tuple[str, ...]
    histories: tuple[str, ...]
    findings: tuple[str, ...]
    treatment: str
    advice: str
    vitals: tuple[tuple[str, tuple[Value, ...]], ...]
    orders: tuple[OrderSpec, ...]
    results: dict[str, Value]
    drugs: tuple[DrugSpec, ...]
    outcome: str
    follow_up_days: int
    visit_type: str
    injury: str
    is_chronic: bool
    emergency: int

    def weight(self, *, is_station: bool, month: int) -> float:
        """How often it is seen in that month, compared with the others."""
        return (self.weight_station if is_station else self.weight_hospital) * self.seasons[_SEASONS[month]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a service without figures says: normal, and when it shows the disease. Words are folded."""

    words: tuple[str, ...]
    description: str
    conclusion: str
    abnormal_description: str
    abnormal_conclusion: str


@cache
def profiles() -> tuple[Profile, ...]:
    """All rows in the order of the file."""
    return tuple(_profile(cells) for cells in rows("profiles.csv"))


def profile(key: str) -> Profile:
    """One row by its key."""
    return next(row for row in profiles() if row.key == key)


@cache
def readings() -> tuple[Reading, ...]:
    """The first row whose words are all in a service's name speaks for it; the last row fits every service."""
    return tuple(
        Reading(
            tuple(tokens(cells["words"])),
            cells["description"],
            cells["conclusion"],
            cells["abnormal_description"],
            cells["abnormal_conclusion"],
        )
        for cells in rows("readings.csv")
    )


@cache
def word_values() -> dict[str, tuple[str, ...]]:
    """What an indicator without limits shows; `*` for all that are not named."""
    return {cells["indicator"]: tuple(cells["values"].split("|")) for cells in rows("values.csv")}


def rows(name: str) -> Iterator[dict[str, str]]:
    """Rows of a data file."""
    with (DATA / name).open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def tokens(folded: str) -> list[str]:
    """Words and numbers of a folded text: "x-quang 1,5mg" gives x, quang, 1,5mg."""
    return re.findall(r"[0-9a-z]+(?:[.,][0-9a-z]+)*", folded)


def _profile(cells: dict[str, str]) -> Profile:
    return Profile(
        key=cells["key"],
        weight_station=float(cells["weight_station"]),
        weight_hospital=float(cells["weight_hospital"]),
        seasons=tuple(float(part) for part in cells["seasons"].split()),
        sex=cells["sex"],
        age_min=int(cells["age_min"]),
        age_max=int(cells["age_max"]),
        rooms=tuple(cells["rooms"].split()),
        main=_alternatives(cells["main"]),
        others=tuple((code, int(chance)) for code, chance in (part.split() for part in _parts(cells["others"]))),
        reasons=_texts(cells["reason"]),
        histories=_texts(cells["history"]),
        findings=_texts(cells["findings"]),
        treatment=cells["treatment"],
        advice=cells["advice"],
        vitals=tuple(_vital(part) for part in _parts(cells["vitals"])),
        orders=tuple(_order(part) for part in _parts(cells["orders"])),
        results=dict(_result(part) for part in _parts(cells["results"])),
        drugs=tuple(_drug(part) for part in _parts(cells["drugs"])),
        outcome=cells["outcome"],
        follow_up_days=int(cells["follow_up_days"]),
        visit_type=cells["visit_type"],
        injury=cells["injury"],
        is_chronic=cells["chronic"] == "1",
        emergency=int(cells["emergency"]),
    )


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _texts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split("||"))


def _alternatives(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split("|"))


def _chance(part: str) -> tuple[str, int]:
    """The part without its mark, and its chance of 100."""
    found = _CHANCE.search(part)
    return (_CHANCE.sub("", part).strip(), int(found[1])) if found else (part, 100)


def _order(part: str) -> OrderSpec:
    text, chance = _chance(part)
    return OrderSpec(_alternatives(text.replace("!", "")), chance, "!" in text)


def _vital(part: str) -> tuple[str, tuple[Value, ...]]:
    name, ranges = part.split()
    return name, tuple(_value(one) for one in ranges.split("/"))


def _result(part: str) -> tuple[str, Value]:
    code, _, text = part.partition(" ")
    return code, _value(text)


def _value(text: str) -> Value:
    found = _RANGE.match(text)
    return Value(Decimal(found[1]), Decimal(found[2])) if found else Value(Decimal(0), Decimal(0), text)


def _drug(part: str) -> DrugSpec:
    text, chance = _chance(part)
    choices: list[DrugChoice] = []
    taken = ""
    # A choice without doses is taken like the next one, so the cell is read from its end.
    for one in reversed(_alternatives(text)):
        words, _, dose = one.partition(":")
        taken = dose.strip() or taken
        choices.insert(0, _choice(words.strip(), taken))
    return DrugSpec(tuple(choices), chance)


def _choice(words: str, dose: str) -> DrugChoice:
    found = _DOSE.match(dose)
    if found is None:
        raise ValueError(f"profiles.csv: {words}: a dose reads 1-0-0-1 x 5 or pack 1 x 7, not {dose!r}")
    nothing = (Decimal(0),) * 4
    if found["packs"]:
        return DrugChoice(words, "pack", nothing, Decimal(found["packs"]), _days(found["of"]))
    morning, noon, afternoon, evening = (Decimal(one) for one in found["doses"].split("-"))
    rule = "volume" if found["ml"] else "count"
    return DrugChoice(words, rule, (morning, noon, afternoon, evening), Decimal(0), _days(found["days"]))


def _days(text: str) -> int:
    return COURSE if text == "D" else int(text)
