"""What the checks know of one prescription: the person, its drugs, and the drugs still at home."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from his.catalogs.strengths import Amount, read_strength
from pharmacy.safety.lists import Lists

PREGNANT, LACTATING = "pregnancy", "lactation"
YES, NO = "yes", "no"
NONE_KNOWN = "none"
UNCHECKED, UNKNOWN = "unchecked", "unknown"
"""Levels of what a check could not look at, and of what nobody asked the person."""
_SYSTEMIC = ("1.", "2.", "4.02")
"""Beginnings of the route codes that bring a drug into the whole body: by mouth, injected, rectal."""
ASKED_FROM, ASKED_UNTIL = 12, 55
"""Whole years of age between which women are asked about pregnancy."""


def is_systemic(route: str) -> bool:
    """Whether a route brings the drug into the whole body. An unknown route is taken for one."""
    return not route or route.startswith(_SYSTEMIC)


@dataclass(frozen=True, slots=True)
class Allergy:
    """A recorded allergy: `item` is an ingredient key or a group with @; `is_severe` anaphylaxis or a severe reaction
    of the skin; `is_text` when it was read out of the free text."""

    item: str
    reaction: str = ""
    is_severe: bool = False
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """The patient as far as known. None and empty text are unknown, never "no". eGFR in ml/min/1,73 m²; of a known
    impairment without a figure, the lowest of its class."""

    age_months: int | None = None
    sex: str = ""
    weight_kg: Decimal | None = None
    pregnancy: str = ""
    lactation: str = ""
    egfr: Decimal | None = None
    diagnoses: tuple[str, ...] = ()
    main: str = ""
    is_long_disease: bool = False
    allergies: tuple[Allergy, ...] = ()

    @property
    def may_be_pregnant(self) -> bool:
        """Whether it makes sense to ask: women from 12 to 55 years."""
        return self.sex == "2" and self.age_months is not None and ASKED_FROM <= self.age_months // 12 <= ASKED_UNTIL


@dataclass(frozen=True, slots=True)
class Prescriber:
    """Who prescribes: `controlled` when authorised for narcotic and psychotropic drugs; `scope` as the licence says."""

    controlled: bool = False
    scope: str = ""


@dataclass(frozen=True)
class Drug:
    """One line: `a_day` and `once` are in units of the drug, or ml when it is measured by volume; zero is not said."""

    number: int
    code: str
    name: str
    keys: tuple[str, ...]
    strength: str = ""
    route: str = ""
    is_volume: bool = False
    pack_ml: Decimal | None = None
    a_day: Decimal = Decimal(0)
    once: Decimal = Decimal(0)
    days: int = 1
    control: str = ""
    is_insured: bool = True

    @property
    def is_systemic(self) -> bool:
        return is_systemic(self.route)

    @cached_property
    def amounts(self) -> dict[str, Amount] | None:
        """The amount of each ingredient in one unit (or ml) of dosing; None when the label does not say it for sure."""
        strength = read_strength(self.strength, len(self.keys)) if self.keys else None
        if strength is None:
            return None
        found = strength.in_ml() if self.is_volume else strength.in_unit()
        return dict(zip(self.keys, found, strict=True)) if found is not None else None


@dataclass(frozen=True, slots=True)
class AtHome:
    """A drug of an earlier prescription that is not used up: the day after its last one, and whether it was handed
    out here or only prescribed."""

    code: str
    name: str
    keys: tuple[str, ...]
    route: str
    until: date
    days_left: int
    is_dispensed: bool

    @property
    def is_systemic(self) -> bool:
        return is_systemic(self.route)


@dataclass(frozen=True, slots=True)
class Prescribing:
    """All that is asked about: who, what, and what is still at home."""

    person: Person
    prescriber: Prescriber
    drugs: tuple[Drug, ...]
    at_home: tuple[AtHome, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found in the line `number`. `about` names the thing whatever the order of the lines, so that a
    reason given for it stays; `words` fill the message, `source` says where the list has it from."""

    number: int
    about: str
    level: str
    words: dict[str, str]
    source: str = ""


Check = Callable[[Prescribing, Lists], Iterable[Found]]
