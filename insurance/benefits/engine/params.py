"""The parameters of one day: dated numbers, card levels, route rates, decision rows and disputed settings.

`load(on=date)` reads a folder once; a later decree is a new row or a new folder, never a change of code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from insurance import law
from insurance.benefits.engine.diseases import DiseaseRow, by_letter
from insurance.benefits.engine.facts import BenefitError
from insurance.benefits.engine.tables import CardLevel, EntitlementRow, RouteRate, Setting, Tables, Value, read_tables

DATA_DIR = law.PRODUCT / "benefits"


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters as they stand on one day; `number` can also look at another day of the same tables."""

    on: date
    tables: Tables
    diseases: tuple[DiseaseRow, ...]
    today: Mapping[str, Value]
    laws: Mapping[str, str]
    settings: Mapping[str, Setting]
    diseases_by_letter: Mapping[str, tuple[DiseaseRow, ...]]

    def value(self, key: str, on: date | None = None) -> Value:
        """The dated value, refusing a day without one (chưa có tham số cho ngày này)."""
        day = on or self.on
        if day == self.on and key in self.today:
            return self.today[key]
        for found in self.tables.values.get(key, ()):
            if found.period.covers(day):
                return found
        raise BenefitError("parameter_missing", f"Chưa có tham số {key} cho ngày {day:%d/%m/%Y}", key=key)

    def number(self, key: str, on: date | None = None) -> Decimal:
        return Decimal(self.value(key, on).text)

    def words(self, key: str, on: date | None = None) -> tuple[str, ...]:
        return _codes(self.value(key, on).text)

    def step_number(self, key: str, position: str) -> Decimal:
        """`key:position`, or `key:more` for positions beyond the list (sixth exam, third patient of a bed)."""
        chosen = f"{key}:{position}"
        return self.number(chosen if chosen in self.tables.values else f"{key}:more")

    def law(self, key: str) -> str:
        """The text behind a stage on this day. Raises KeyError for a stage that no file names."""
        if key not in self.laws:
            raise KeyError(f"no law {key!r} on {self.on}")
        return self.laws[key]

    def setting(self, key: str) -> str:
        return self.settings[key].value

    def with_settings(self, **changes: str) -> "Params":
        """The same day with other choices for disputed points. Raises ValueError for an unknown choice."""
        settings = dict(self.settings)
        for key, value in changes.items():
            if key not in settings or value not in settings[key].choices:
                raise ValueError(f"no setting {key}={value}")
            settings[key] = replace(settings[key], value=value)
        return replace(self, settings=settings)

    def card_level(self, card_number: str) -> CardLevel:
        """The level of a card on this day, after the groups whose printed digit is out of date."""
        group, printed = card_number[:2], card_number[2]
        level = next(
            (
                o.level
                for o in self.tables.overrides
                if (o.card_group, o.printed_level) == (group, printed) and o.period.covers(self.on)
            ),
            printed,
        )
        for found in self.tables.levels:
            if found.level == level and found.period.covers(self.on):
                return found
        raise BenefitError("card_level_unknown", f"Không có mức hưởng cho thẻ {group}{printed}", field="card_number")

    def route(self, code: str, *, inpatient: bool) -> RouteRate:
        """The rate of an entitlement code on this day. Refuses codes that the list does not hold."""
        setting = "inpatient" if inpatient else "outpatient"
        for found in self.tables.routes:
            if found.code == code and found.setting in {"any", setting} and found.period.covers(self.on):
                return found
        raise BenefitError(
            "entitlement_unknown",
            f"Mã đối tượng KCB {code} không có hiệu lực ngày {self.on:%d/%m/%Y}",
            entitlement=code,
        )

    def codes_outside_limit(self) -> frozenset[str]:
        """Entitlement codes whose co-payment neither counts to the yearly limit nor is stopped by it."""
        return frozenset(r.code for r in self.tables.routes if r.period.covers(self.on) and not r.keeps_exemption)

    def salary_change(self) -> date | None:
        """The day inside this year from which the base salary in force holds; None when it held all year."""
        first = self.value("base_salary").period.first
        return first if first > date(self.on.year, 1, 1) else None

    def diseases_near(self, icd: str) -> tuple[DiseaseRow, ...]:
        """The listed diseases that may cover a code; `matching_rows` says which do."""
        return self.diseases_by_letter.get(icd.strip()[:1].upper(), ())

    def entitlement_rows(self) -> Iterable[EntitlementRow]:
        return (row for row in self.tables.entitlement if row.period.covers(self.on))


def load(data_dir: Path | None = None, *, on: date) -> Params:
    """Parameters of one day from a folder of the shape of `insurance/data/benefits`.

    Without a folder: the product's own with the decrees that the installation has added.
    """
    folders = (data_dir.resolve(),) if data_dir else tuple(root / "benefits" for root in law.roots())
    return _params(folders, on)


def validate(*folders: Path) -> str:
    """Parse folders afresh and return their digest. Raises ValueError naming file and row of the first fault."""
    return read_tables(*folders).digest


@lru_cache(maxsize=256)
def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split(";"))


@lru_cache(maxsize=4096)
def _params(folders: tuple[Path, ...], on: date) -> Params:
    tables = _tables(folders)
    values = (value for dated in tables.values.values() for value in dated)
    diseases = tuple(d.row for d in tables.diseases if d.period.covers(on))
    return Params(
        on=on,
        tables=tables,
        diseases=diseases,
        diseases_by_letter=by_letter(diseases),
        today={value.key: value for value in values if value.period.covers(on)},
        settings={setting.key: setting for setting in tables.settings if setting.period.covers(on)},
        laws={stage.key: stage.law for stage in tables.stages if stage.period.covers(on)},
    )


@lru_cache(maxsize=16)
def _tables(folders: tuple[Path, ...]) -> Tables:
    return read_tables(*folders)
