"""A prescription as tables that rules read, beside those of a claim: of insured and uninsured visits alike.

`RX` holds its lines, `PERSON` the patient and the prescriber (one row), `ALLERGY` recorded allergies, `HOME` drugs of
earlier prescriptions that are not used up. Their tags are the product's own; no standard has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from insurance import law
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.model import RuleError
from insurance.standards.values import day
from pharmacy.safety.facts import NONE_KNOWN, Allergy, AtHome, Drug, Person, Prescriber, Prescribing
from pharmacy.safety.lists import IDENTITY, NAMES, ListError, Lists, read_lists

RX: Final = "RX"
PERSON: Final = "PERSON"
ALLERGY: Final = "ALLERGY"
HOME: Final = "HOME"
TABLES: Final[Mapping[str, frozenset[str]]] = {
    RX: frozenset(
        {
            "DRUG", "NAME", "INGREDIENT", "STRENGTH", "ROUTE", "RULE", "PACK", "A_DAY", "ONCE", "DAYS", "CONTROL",
            "INSURED",
        }
    ),
    PERSON: frozenset(
        {
            "AGE_MONTHS", "SEX", "WEIGHT", "PREGNANCY", "LACTATION", "EGFR", "DIAGNOSES", "MAIN", "LONG", "ALLERGIES",
            "AUTHORISED",
        }
    ),
    ALLERGY: frozenset({"ITEM", "REACTION", "SEVERE"}),
    HOME: frozenset({"DRUG", "NAME", "INGREDIENT", "ROUTE", "UNTIL", "LEFT", "DISPENSED"}),
}  # fmt: skip
"""The tags of each table. Quantities are plain numbers, yes is 1, unknown is empty."""
FOLDER: Final = "safety"
_VOLUME = "volume"


def lists_on(on: date | None) -> Lists:
    """The lists of the product and of the installation's decrees in force on the day (None: rows without an end).

    Raises RuleError for a row that cannot be read.
    """
    return _lists(law.roots(), on)


@lru_cache(maxsize=40)
def _lists(roots: tuple[Path, ...], on: date | None) -> Lists:
    rows = {}
    for name in NAMES:
        found = law.dated_rows(f"{FOLDER}/{name}.csv", *IDENTITY[name])
        rows[name] = [row for row in found if (law.holds(row, on) if on else not row["valid_to"])]
    try:
        return read_lists(rows)
    except (ListError, KeyError) as error:
        raise RuleError(f"{error}") from error


def case_of(facts: VisitFacts, lists: Lists) -> Prescribing:
    """The prescription of the facts, read once for all rules that ask about it."""
    if "prescribing" not in facts.known:
        facts.known["prescribing"] = _case(facts, lists)
    case: Prescribing = facts.known["prescribing"]
    return case


def _case(facts: VisitFacts, lists: Lists) -> Prescribing:
    first = facts.first(PERSON) or Row(PERSON, 1, {})
    return Prescribing(
        person=_person(first, facts.rows(ALLERGY), lists),
        prescriber=Prescriber(first.text("AUTHORISED") == "1"),
        drugs=tuple(_drug(row, lists) for row in facts.rows(RX)),
        at_home=tuple(_at_home(row, lists) for row in facts.rows(HOME)),
    )


def _person(row: Row, allergies: list[Row], lists: Lists) -> Person:
    months = row.text("AGE_MONTHS")
    coded = [
        Allergy(one.text("ITEM"), one.text("REACTION"), one.text("SEVERE") == "1")
        for one in allergies
        if one.text("ITEM") != NONE_KNOWN
    ]
    known = {allergy.item for allergy in coded}
    named = sorted(lists.names.within(row.text("ALLERGIES")) - known)
    return Person(
        age_months=int(months) if months else None,
        sex=row.text("SEX"),
        weight_kg=row.number_of("WEIGHT"),
        pregnancy=row.text("PREGNANCY"),
        lactation=row.text("LACTATION"),
        egfr=row.number_of("EGFR"),
        diagnoses=tuple(row.items("DIAGNOSES")),
        main=row.text("MAIN"),
        is_long_disease=row.text("LONG") == "1",
        allergies=(*coded, *(Allergy(item, row.text("ALLERGIES"), is_text=True) for item in named)),
    )


def _drug(row: Row, lists: Lists) -> Drug:
    return Drug(
        number=row.number,
        code=row.text("DRUG"),
        name=row.text("NAME"),
        keys=lists.names.split(row.text("INGREDIENT")),
        strength=row.text("STRENGTH"),
        route=row.text("ROUTE"),
        is_volume=row.text("RULE") == _VOLUME,
        pack_ml=row.number_of("PACK"),
        a_day=row.number_of("A_DAY") or Decimal(0),
        once=row.number_of("ONCE") or Decimal(0),
        days=int(row.text("DAYS") or 1),
        control=row.text("CONTROL"),
        is_insured=row.text("INSURED") == "1",
    )


def _at_home(row: Row, lists: Lists) -> AtHome:
    return AtHome(
        code=row.text("DRUG"),
        name=row.text("NAME"),
        keys=lists.names.split(row.text("INGREDIENT")),
        route=row.text("ROUTE"),
        until=day(row.text("UNTIL")) or date.max,
        days_left=int(row.text("LEFT")),
        is_dispensed=row.text("DISPENSED") == "1",
    )
