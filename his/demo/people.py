"""Invented people of province 99: names, papers, cards and bodies, drawn from a seeded generator. Nothing is stored."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random

from his.core.dates import BirthDate, Precision, age_months, age_years
from his.demo.profiles import rows

CARD_FROM, CARD_TO = date(2026, 1, 1), date(2026, 12, 31)
_OCCUPATIONS = {
    "DN4": ("81", "82", "75", "52", "74", "71"),
    "HC4": ("23", "36", "41", "22"),
    "GD4": ("61", "63", "52", "92", "95"),
}
_ALLERGIES = ("Penicilin", "Hải sản", "Aspirin", "Sulfamid", "Tôm, cua")
_PRIME, _SHIFT = 7_368_787, 1_299_709
"""Spread serial numbers over their digits without repeating one."""


@dataclass(frozen=True, slots=True)
class CardPlan:
    """A card as its owner shows it."""

    number: str
    registered_facility_code: str
    valid_from: date = CARD_FROM
    valid_to: date = CARD_TO
    area_code: str = ""
    five_years_from: date | None = None
    copay_exempt_from: date | None = None


@dataclass(slots=True, eq=False)
class Person:
    """One invented person. `weight_kg` and `height_cm` are of the body, not of one day."""

    full_name: str
    birth: BirthDate
    sex: str
    citizen_id: str = ""
    phone: str = ""
    address: str = ""
    commune_code: str = ""
    ethnicity_code: str = "01"
    occupation_code: str = "00"
    blood_group: str = ""
    guardian_name: str = ""
    guardian_phone: str = ""
    allergies: str = ""
    weight_kg: Decimal = Decimal(55)
    height_cm: Decimal = Decimal(158)
    cards: list[CardPlan] = field(default_factory=list)

    def age(self, on: date) -> int:
        """Completed years."""
        return age_years(self.birth.value, on)


class Invention:
    """Draws people of one facility. The same seed gives the same people; no number comes twice, here or there."""

    def __init__(self, facility_code: str, rng: Random) -> None:
        self.facility_code = facility_code
        self.rng = rng
        self.serial = 0

    def person(self, *, on: date, sex: str, age_min: int, age_max: int, is_insured: bool) -> Person:
        """A person of that sex (empty: either) who is that old on the day."""
        rng = self.rng
        sex = sex or rng.choice("12")
        born = self._born(on, age_min, age_max)
        age = age_years(born, on)
        person = Person(
            full_name=self._name(sex), birth=self._known(born, age), sex=sex, phone=f"09000{rng.randrange(100_000):05d}"
        )
        number = self._next()
        person.citizen_id = citizen_id(born, sex, number)
        self._home(person)
        self._body(person, on)
        if age < 16:
            person.guardian_name, person.guardian_phone = self._name("2"), person.phone
            person.phone = ""
        if rng.random() < 0.03:
            person.allergies = rng.choice(_ALLERGIES)
        if is_insured:
            person.cards.append(self._card(person, age, on, number))
        elif rng.random() < 0.3:
            person.citizen_id = ""
        return person

    def _next(self) -> int:
        self.serial += 1
        return (self.serial * _PRIME + _SHIFT) % 500_000 * 2 + int(self.facility_code) % 2

    def _born(self, on: date, age_min: int, age_max: int) -> date:
        first = on.replace(year=on.year - age_max - 1) + timedelta(days=1)
        last = on.replace(year=on.year - age_min) if age_min else on - timedelta(days=60)
        return first + timedelta(days=self.rng.randrange((last - first).days + 1))

    def _known(self, born: date, age: int) -> BirthDate:
        draw = self.rng.random()
        precision: Precision = "day"
        if age >= 60 and draw < 0.06:
            precision = "year"
        elif age >= 50 and draw < 0.08:
            precision = "month"
        if precision == "year":
            born = date(born.year, 1, 1)
        return BirthDate(born.replace(day=1) if precision == "month" else born, precision)

    def _name(self, sex: str) -> str:
        parts = (_names("family", ""), _names("middle", sex), _names("given", sex))
        return " ".join(self.rng.choices(texts, weights)[0] for texts, weights in parts)

    def _home(self, person: Person) -> None:
        near = {"99001": 0.85, "99002": 0.45}[self.facility_code]
        person.commune_code = "99001" if self.rng.random() < near else "99002"
        hamlets, _ = _names("hamlet", person.commune_code)
        place = "xã Thí Dụ" if person.commune_code == "99001" else "phường Kiểm Thử"
        person.address = f"{self.rng.choice(hamlets)}, {place}, tỉnh Ví Dụ"

    def _body(self, person: Person, on: date) -> None:
        months, years = age_months(person.birth.value, on), person.age(on)
        shift = Decimal(self.rng.randint(-12, 12)) / 100
        if months < 12:
            weight, height = Decimal("3.6") + Decimal("0.55") * months, Decimal(51) + 2 * months
        elif years < 13:
            weight, height = Decimal(8 + 2 * years) + Decimal(months % 12) / 6, Decimal(76 + 6 * years)
        else:
            weight, height = (Decimal(60), Decimal(165)) if person.sex == "1" else (Decimal(52), Decimal(155))
            if years < 18:
                weight, height = weight - 2 * (18 - years), height - 2 * (18 - years)
        person.weight_kg = round(weight * (1 + shift), 1)
        person.height_cm = round(height * (1 + shift / 4), 0)

    def _card(self, person: Person, age: int, on: date, number: int) -> CardPlan:
        rng = self.rng
        groups, weights = _groups(age, self.facility_code)
        prefix = rng.choices(groups, weights)[0]
        person.occupation_code = rng.choice(_OCCUPATIONS.get(prefix, ("00",)))
        if prefix == "DT2":
            person.ethnicity_code = rng.choice(("02", "03", "05", "06", "07"))
        valid_from, valid_to = CARD_FROM, CARD_TO
        if prefix == "TE1":
            valid_from = person.birth.value
            valid_to = date(valid_from.year + 6, valid_from.month, 1) + timedelta(days=27)
        return CardPlan(
            number=f"{prefix}99{self.facility_code[-1]}{number:09d}",
            registered_facility_code=self._registered(),
            valid_from=valid_from,
            valid_to=max(valid_to, on + timedelta(days=30)),
            area_code="K1" if prefix in {"DT2", "HN2"} and rng.random() < 0.3 else "",
            five_years_from=self._five_years(on) if prefix in {"GD4", "DN4", "HC4", "HT3"} else None,
            copay_exempt_from=date(2026, 5, 4) if prefix in {"GD4", "HT3"} and rng.random() < 0.01 else None,
        )

    def _five_years(self, on: date) -> date | None:
        return on - timedelta(days=self.rng.randrange(30, 1200)) if self.rng.random() < 0.35 else None

    def _registered(self) -> str:
        places, weights = {
            "99001": (("99001", "99002", "99003"), (84, 12, 4)),
            "99002": (("99002", "99001", "99003", "99010"), (46, 34, 14, 6)),
        }[self.facility_code]
        return self.rng.choices(places, weights)[0]


def citizen_id(born: date, sex: str, number: int) -> str:
    """A citizen number of province 099: century and sex, two digits of the year, six digits."""
    century = (born.year - 1900) // 100 * 2 + (sex == "2")
    return f"099{century}{born.year % 100:02d}{number:06d}"


@cache
def _names(part: str, of: str) -> tuple[list[str], list[int]]:
    found = [row for row in rows("names.csv") if row["part"] == part and row["of"] == of]
    return [row["text"] for row in found], [int(row["weight"]) for row in found]


@cache
def _groups(age: int, facility_code: str) -> tuple[list[str], list[int]]:
    """Card groups that a person of that age may hold, with their weights."""
    column = "weight_station" if facility_code == "99001" else "weight_hospital"
    found = [row for row in rows("cards.csv") if int(row["age_min"]) <= age <= int(row["age_max"])]
    return [row["prefix"] for row in found], [int(row[column]) for row in found]
