"""What a facility can diagnose, order and prescribe on a day, looked up once: profiles name it by code or by words."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from his.accounts.models import Facility, Room
from his.catalogs.loaders import starter
from his.catalogs.models import Diagnosis, Drug, PricedService
from his.core.text import fold
from his.demo.profiles import DrugChoice, DrugSpec, OrderSpec, Profile, profiles, tokens

EXAM_GROUP, LABORATORY, BED_GROUPS = "13", "1", frozenset({"14", "15", "16"})
PROCEDURE_GROUPS = frozenset({"8", "18"})
# The exam of a room, by words of its name, where the price list does not know the room's own code.
_ROOM_WORDS = (("nhi", "kham nhi"), ("phu san", "kham phu san"), ("ngoai", "kham ngoai"), ("", "kham noi"))
_CODE = re.compile(r"^\d{2}\.\d+")


@dataclass(frozen=True, slots=True)
class ServiceItem:
    """A service that can be ordered: the figures of its result and the machine that makes them (MA_MAY)."""

    row: PricedService
    indicators: tuple[dict[str, str], ...]
    device_code: str

    @property
    def code(self) -> str:
        return str(self.row.code)

    @property
    def group_code(self) -> str:
        return str(self.row.group_code)


@dataclass(slots=True)
class Menu:
    """The catalogue of one facility on one day. `missing` collects what no choice of a profile could be found for."""

    facility: Facility
    on: date
    services: list[ServiceItem] = field(default_factory=list)
    drugs: list[Drug] = field(default_factory=list)
    diagnoses: dict[str, Diagnosis] = field(default_factory=dict)
    missing: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _words: dict[int, set[str]] = field(default_factory=dict)
    _cache: dict[tuple[str, Any], Any] = field(default_factory=dict)

    @property
    def is_station(self) -> bool:
        return bool(self.facility.kind == Facility.Kind.COMMUNE_STATION)

    def service(self, spec: OrderSpec) -> ServiceItem | None:
        """The first service that the order names and the facility offers."""
        return self._once("service", spec.choices, lambda: self._service(spec))

    def drug(self, spec: DrugSpec) -> tuple[DrugChoice, Drug] | None:
        """The first drug that the profile names and the facility has, with how it is taken."""
        return self._once("drug", spec.choices, lambda: self._drug(spec))

    def main_code(self, profile: Profile) -> str | None:
        """The first code of the profile that may be a main disease on the day."""
        fit = (
            code
            for code in profile.main
            if (row := self.diagnoses.get(code)) and not (row.not_as_main or row.cause_of_death_only)
        )
        found = next(fit, None)
        if found is None:
            self.missing["diagnosis"].add(" | ".join(profile.main))
        return found

    def _once(self, kind: str, key: Any, find: Any) -> Any:
        if (kind, key) not in self._cache:
            self._cache[kind, key] = find()
        return self._cache[kind, key]

    def _service(self, spec: OrderSpec) -> ServiceItem | None:
        for choice in spec.choices:
            if _CODE.match(choice):
                fits = [item for item in self.services if item.code.startswith(f"{choice}.") or item.code == choice]
            else:
                fits = [item for item in self.services if self._named(item.row, choice)]
            if fits:
                return min(fits, key=lambda item: (len(item.row.name), item.code))
        self.missing["service"].add(" | ".join(spec.choices))
        return None

    def _drug(self, spec: DrugSpec) -> tuple[DrugChoice, Drug] | None:
        # A combination only where no choice has its ingredient alone.
        for is_strict in (True, False):
            for choice in spec.choices:
                fits = [row for row in self.drugs if self._fits(choice, row, is_strict=is_strict)]
                if fits:
                    return choice, min(fits, key=lambda row: (_parts(row.ingredient), len(row.name), row.code))
        self.missing["drug"].add(" | ".join(choice.words for choice in spec.choices))
        return None

    def _fits(self, choice: DrugChoice, row: Drug, *, is_strict: bool) -> bool:
        if row.quantity_rule != choice.rule or (is_strict and _parts(row.ingredient) > _parts(choice.words)):
            return False
        # Outpatients are given no injections, insulin pens and vials apart.
        if row.route_code.startswith("2.") and choice.rule != "pack":
            return False
        return self._named(row, choice.words)

    def _named(self, row: PricedService | Drug, words: str) -> bool:
        """Whether each word begins a word of the row's name, ingredient, strength or unit."""
        known = self._words.get(id(row))
        if known is None:
            more = f" {row.strength.replace(' ', '')} {row.unit}" if isinstance(row, Drug) else ""
            known = self._words[id(row)] = set(tokens(f"{row.search_name}{fold(more)}"))
        return all(any(one.startswith(word) for one in known) for word in tokens(fold(words)))


def _parts(ingredient: str) -> int:
    """How many ingredients are combined, less one."""
    return len(re.findall(r"[+;,]", ingredient))


def read_menu(facility: Facility, on: date) -> Menu:
    """Read the catalogue of a facility in force on the day, in the order of codes."""
    menu = Menu(facility, on)
    known = {cells["code"].rsplit(".", 1)[0]: cells for _row, cells in starter.rows("services.csv")}
    for row in PricedService.objects.for_facility(facility).on(on).exclude(group_code="").order_by("code"):
        if row.group_code == EXAM_GROUP or row.group_code in BED_GROUPS:
            continue
        # A price list of form 05/DM names no figures and no machines: those of the same national service serve.
        cells = known.get(row.code.rsplit(".", 1)[0], {})
        figures = row.indicators or starter.indicators(cells.get("result_indicators", ""))
        machine = row.device_code or cells.get("device_code", "")
        menu.services.append(ServiceItem(row, tuple(figures), machine))
    menu.drugs = list(Drug.objects.for_facility(facility).medicines().on(on).filter(price__gt=0).order_by("code"))
    wanted = {code for row in profiles() for code in (*row.main, *(code for code, _ in row.others))}
    menu.diagnoses = {row.code: row for row in Diagnosis.objects.on(on).filter(code__in=wanted)}
    return menu


def set_exam_services(facility: Facility, on: date) -> list[str]:
    """Give every exam room an exam that the price list has, by words where its code is not there. Answers the changes.

    Rooms without any are named in the answer with an empty code and take no patients.
    """
    exams = list(PricedService.objects.for_facility(facility).on(on).filter(group_code=EXAM_GROUP).order_by("code"))
    codes = {row.code for row in exams}
    changed = []
    for room in Room.objects.for_facility(facility).filter(kind=Room.Kind.EXAM).order_by("code"):
        if room.exam_service_code in codes:
            continue
        words = next(exam for name, exam in _ROOM_WORDS if name in fold(room.name))
        room.exam_service_code = next((row.code for row in exams if fold(row.name).startswith(words)), "")
        room.save(update_fields=["exam_service_code"])
        changed.append(f"{room.code} {room.name}: {room.exam_service_code}")
    return changed


def quantity_in_packs(choice: DrugChoice) -> Decimal | None:
    """The quantity that the doctor types for tubes and drops; None where it follows from the doses."""
    return choice.packs or None
