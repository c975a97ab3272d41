"""Looking things up in the catalogues, always on a day.

Searches take what a hand types: the beginning of a code, or beginnings of words without marks and in any order.
An exact code comes first, then codes that begin with it, then names that begin with the query, then short names.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any, TypeVar

from django.db.models import Case, F, IntegerField, Model, Q, QuerySet, Value, When
from django.db.models.functions import Length

from his.accounts.models import Facility
from his.catalogs.loaders import starter
from his.catalogs.models import AdministrativeUnit, CodeEntry, Diagnosis, Drug, PricedService
from his.core.errors import Refusal
from his.core.text import fold

ModelT = TypeVar("ModelT", bound=Model)

_WORD = re.compile(r"[0-9a-z]+(?:[.,/%][0-9a-z]+)*")
_ICD_START = re.compile(r"^[A-Z]\d{1,4}$")


def search_diagnoses(
    q: str, *, on: date, limit: int = 10, favourites: Sequence[str] = (), main_only: bool = False
) -> list[Diagnosis]:
    """Diagnoses in force on the day that fit the query, best first.

    `j069` finds J06.9. `favourites` are codes that the doctor uses often: found by words, they come first, then the
    common diagnoses of the starter list, then the rest; with an empty query they are the answer. `main_only` leaves
    out codes that may not be a main disease. A code that has a more specific one comes after those that have none.
    """
    rows = Diagnosis.objects.on(on)
    if main_only:
        rows = rows.filter(not_as_main=False, cause_of_death_only=False)
    if not fold(q):
        return list(rows.filter(code__in=list(favourites)).order_by("code")[:limit])
    liked = _case(When(code__in=list(favourites), then=0), When(code__in=common_diagnoses(), then=1), otherwise=2)
    return _ranked(rows, q, _icd_prefix(q), limit, liked, "has_more_specific")


def search_services(
    facility: Facility, q: str, *, on: date, limit: int = 10, groups: Sequence[str] = ()
) -> list[PricedService]:
    """Services that the facility offers on the day; `groups` narrows to cost groups (`1` laboratory, `13` exams)."""
    rows = PricedService.objects.for_facility(facility).on(on)
    if groups:
        rows = rows.filter(group_code__in=list(groups))
    return _ranked(rows, q, q.strip().upper(), limit) if fold(q) else list(rows.order_by("name")[:limit])


def has_on_demand_prices(facility: Facility, on: date) -> bool:
    """Whether the facility offers any service at an on-demand price (giá theo yêu cầu) on the day."""
    return bool(PricedService.objects.for_facility(facility).on(on).filter(on_demand_price__isnull=False).exists())


def search_drugs(facility: Facility, q: str, *, on: date, limit: int = 10) -> list[Drug]:
    """Drugs and herbs on the facility's list on the day, by name, ingredient, strength or code; no supplies."""
    if not fold(q):
        return []
    return _ranked(Drug.objects.for_facility(facility).medicines().on(on), q, q.strip().upper(), limit)


def search_items(facility: Facility, q: str, *, on: date, limit: int = 10) -> list[Drug]:
    """Whatever the facility stocks on the day, drugs and medical supplies, by name, ingredient, model or code."""
    if not fold(q):
        return []
    return _ranked(Drug.objects.for_facility(facility).on(on), q, q.strip().upper(), limit)


def communes(q: str, *, on: date, province_code: str = "", near: str = "", limit: int = 10) -> list[AdministrativeUnit]:
    """Communes of the day by name, optionally of one province; words of the province may stand in the query too.

    `tan thanh ca mau` finds Tân Thành of Cà Mau. Communes of the province `near` come before equally good ones.
    """
    rows = AdministrativeUnit.objects.on(on).filter(level=AdministrativeUnit.Level.COMMUNE)
    if province_code:
        rows = rows.filter(parent_code=province_code)
    here = _case(When(parent_code=near, then=0), otherwise=1)
    words = _WORD.findall(fold(q))
    if not words:
        return list(rows.order_by(here, "search_name", "code")[:limit])
    in_name = _all_match(rf"\m{re.escape(word)}" for word in words)
    whole = _all_match(rf"\m{re.escape(word)}\M" for word in words)
    begins = Q(search_name__regex=rf"^({'|'.join(COMMUNE_LEVELS)})? ?{re.escape(' '.join(words))}")
    order = [_case(When(whole, then=0), When(in_name, then=1), otherwise=2), _case(When(begins, then=0), otherwise=1)]
    fits = in_name | _with_province(words, on) | (Q(code__startswith=words[0]) if len(words) == 1 else Q(pk__in=[]))
    return list(rows.filter(fits).order_by(order[0], here, order[1], Length("name"), "code")[:limit])


def _with_province(words: Sequence[str], on: date) -> Q:
    """The condition that some words begin words of the province's name and the others those of the commune's."""
    found = Q(pk__in=[])
    for province in provinces(on=on):
        rest = [word for word in words if not re.search(rf"\b{re.escape(word)}", province.search_name)]
        if len(rest) < len(words):
            found |= Q(parent_code=province.code) & _all_match(rf"\m{re.escape(word)}" for word in rest)
    return found


def commune_on(code: str, on: date) -> AdministrativeUnit | None:
    """The commune of that code on the day; its `parent_code` is the province."""
    level = AdministrativeUnit.Level.COMMUNE
    return AdministrativeUnit.objects.on(on).filter(level=level, code=code[:10]).first() if code else None


def commune_names(units: Iterable[AdministrativeUnit], *, on: date) -> dict[str, str]:
    """Communes by code as people say them: "Xã Thí Dụ, Tỉnh Ví Dụ"."""
    names = {province.code: province.name for province in provinces(on=on)}
    return {unit.code: ", ".join(filter(None, [unit.name, names.get(unit.parent_code, "")])) for unit in units}


def commune_of_address(address: str, *, on: date) -> AdministrativeUnit | None:
    """The one commune that a written address names, or None: nothing is guessed.

    The commune must be a whole part of the address with the word of its level (many bear the name of a former
    district, which old addresses put in the same place), be the last part or stand directly before its province, and
    be the only one that fits. An address of three levels, with a district, names a commune of before 01/07/2025.
    """
    parts = _address_parts(address)
    levels = tuple(f"{level} " for level in COMMUNE_LEVELS)
    wanted = {part: at for at, part in enumerate(parts) if part.startswith(levels)}
    rows = AdministrativeUnit.objects.on(on).filter(level=AdministrativeUnit.Level.COMMUNE, search_name__in=wanted)
    spellings = {province.code: _province_spellings(province.search_name) for province in provinces(on=on)}
    found = []
    for unit in rows:
        after = parts[wanted[unit.search_name] + 1 :]
        if not after or (len(after) == 1 and after[0] in spellings.get(unit.parent_code, ())):
            found.append(unit)
    return found[0] if len(found) == 1 else None


COMMUNE_LEVELS = ("xa", "phuong", "thi tran", "dac khu")
_LEVEL_WORDS = re.compile(rf"\s(?=(?:{'|'.join(COMMUNE_LEVELS)}|huyen|quan|thi xa|thanh pho|tp|tinh)\b)")
_SEPARATORS = re.compile(r"\s*[,;]\s*|\s+[-–]\s+")


def _address_parts(address: str) -> list[str]:
    """The folded parts of an address between commas; without any, before the words of the levels."""
    parts = [part.strip(" .") for part in _SEPARATORS.split(fold(address)) if part.strip(" .")]
    return _LEVEL_WORDS.split(parts[0]) if len(parts) == 1 else parts


def _province_spellings(search_name: str) -> set[str]:
    bare = re.sub(r"^(tinh|thanh pho) ", "", search_name)
    return {search_name, bare, f"tinh {bare}", f"thanh pho {bare}", f"tp {bare}", f"tp. {bare}", f"tp.{bare}"}


def provinces(*, on: date) -> list[AdministrativeUnit]:
    """Provinces of the day by code."""
    return list(AdministrativeUnit.objects.on(on).filter(level=AdministrativeUnit.Level.PROVINCE).order_by("code"))


def unit_name(level: str, code: str, on: date) -> str:
    """The name of a province, district or commune on the day; empty when unknown."""
    names = AdministrativeUnit.objects.on(on).filter(level=level, code=code).values_list("name", flat=True)
    return names.first() or ""


def service_on(facility: Facility, code: str, on: date) -> PricedService:
    """The service of the facility's price list on the day. Refuses when it is not on the list then."""
    row = PricedService.objects.for_facility(facility).on(on).filter(code=code).first()
    return _known(row, "unknown_service", f"Dịch vụ {code} không có trong bảng giá của cơ sở vào ngày này", code)


def drug_on(facility: Facility, code: str, on: date) -> Drug:
    """The drug or herb of the facility's list on the day. Refuses when it is not on the list then, or is a supply."""
    row = Drug.objects.for_facility(facility).medicines().on(on).filter(code=code).first()
    return _known(row, "unknown_drug", f"Thuốc {code} không có trong danh mục của cơ sở vào ngày này", code)


def item_on(facility: Facility, code: str, on: date) -> Drug:
    """The drug or supply of the facility's list on the day. Refuses when it is not on the list then."""
    row = Drug.objects.for_facility(facility).on(on).filter(code=code).first()
    return _known(row, "unknown_drug", f"{code} không có trong danh mục thuốc, vật tư vào ngày này", code)


def diagnosis_on(code: str, on: date) -> Diagnosis:
    """The diagnosis of the day. Refuses an unknown code."""
    return diagnoses_on([code], on)[0]


def diagnoses_on(codes: Sequence[str], on: date) -> list[Diagnosis]:
    """The diagnoses of the day, in the order of the codes. Refuses the first unknown one."""
    rows = {row.code: row for row in Diagnosis.objects.on(on).filter(code__in=codes)}
    message = "Mã bệnh {} không có trong danh mục ICD-10 vào ngày này"
    return [_known(rows.get(code), "unknown_diagnosis", message.format(code), code) for code in codes]


def code_name(list: str, code: str, on: date) -> str:  # noqa: A002 - the field's own name
    """The name of a code of an enumeration on the day; empty when unknown."""
    return CodeEntry.objects.on(on).filter(list=list, code=code).values_list("name", flat=True).first() or ""


def code_choices(list: str, on: date) -> Sequence[tuple[str, str]]:  # noqa: A002 - the field's own name
    """Codes and names of an enumeration on the day, in the order of the list, as form choices."""
    return tuple(CodeEntry.objects.on(on).filter(list=list).order_by("position").values_list("code", "name"))


def _known(row: ModelT | None, refusal: str, message_vi: str, code: str) -> ModelT:
    if row is None:
        raise Refusal(refusal, message_vi, field="code", value=code)
    return row


def _icd_prefix(q: str) -> str:
    bare = re.sub(r"\s+", "", q).upper().replace(".", "")
    if not _ICD_START.match(bare):
        return ""
    return bare if len(bare) <= 3 else f"{bare[:3]}.{bare[3:]}"


def _ranked(rows: QuerySet[Any], q: str, prefix: str, limit: int, *preferred: Any) -> list[Any]:
    """Best first: exact code, codes that begin so, what is preferred, whole words, names that begin so, short names."""
    folded = fold(q)
    words = [re.escape(word) for word in _WORD.findall(folded)]
    fits, by_code = Q(code__startswith=prefix), [When(code=prefix, then=0), When(code__startswith=prefix, then=1)]
    if not prefix:
        fits, by_code = Q(pk__in=[]), []
    order = []
    if words:
        fits |= _all_match(rf"\m{word}" for word in words)
        order.append(_case(When(_all_match(rf"\m{word}\M" for word in words), then=0), otherwise=1))
        begins = rf"^(benh (ly )?)?{re.escape(folded)}"
        order.append(_case(When(search_name__regex=begins, then=0), otherwise=1))
    first = [_case(*by_code, otherwise=2), *preferred] if by_code else [*preferred]
    return list(rows.filter(fits).order_by(*first, *order, Length("name"), F("code"))[:limit])


def _all_match(patterns: Iterable[str]) -> Q:
    found = Q()
    for pattern in patterns:
        found &= Q(search_name__regex=pattern)
    return found


def _case(*whens: When, otherwise: int) -> Case:
    return Case(*whens, default=Value(otherwise), output_field=IntegerField())


@cache
def common_diagnoses() -> tuple[str, ...]:
    """Codes of the starter list: what commune stations and district hospitals see most."""
    return tuple(cells["code"] for _row, cells in starter.rows("diagnoses.csv"))
