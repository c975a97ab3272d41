"""ICD-10 with Vietnamese names (QĐ 4469/QĐ-BYT 28/10/2020): the main list and its annexes of rules.

Names always come from the main list. The annex sheets only give codes: in copies in circulation their names are
formulas that look the code up, and may be empty or stale. A2 lists codes that are not a main disease, A3.x valid
ages, A4.x the sex, A1 the dagger and asterisk pairs.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, workbook_of
from his.catalogs.loaders.sheet import Workbook, code, text
from his.catalogs.models import Diagnosis, DiagnosisPair
from his.catalogs.search_words import search_key
from his.core.errors import Refusal
from his.core.text import fold

SOURCE = "QĐ 4469/QĐ-BYT 2020"
EFFECTIVE = date(2020, 10, 28)
DAYS_A_YEAR = 365.25
ICD_CODE = re.compile(r"^[A-Z]\d{2}(\.\d{1,2})?$")

_CODE, _NAME, _NAME_EN = "MÃ BỆNH", "TÊN BỆNH", "DISEASE NAME"
_ANNEX_TITLE = re.compile(r"^phu luc (a[1-4](?:\.\d+)?)\b", re.IGNORECASE)


@dataclass(slots=True)
class Rules:
    """What the annexes say, by code. Ages are whole days, both ends included; None is open."""

    not_as_main: set[str] = field(default_factory=set)
    ages: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    sexes: dict[str, str] = field(default_factory=dict)
    pairs: list[tuple[int, str, str, str]] = field(default_factory=list)
    places: dict[str, tuple[int, str]] = field(default_factory=dict)


def load(request: Request) -> Plan:
    """Plan the import of the workbook. Refuses it when the main list or an annex's age range cannot be understood."""
    book = workbook_of(request)
    plan = Plan(SOURCE)
    table = book.table(_CODE, _NAME)
    rules = _read_annexes(book, plan, main=table.name)
    starts = request.effective_on or EFFECTIVE
    section = plan.section(Diagnosis, "code", repeats_are_errors=False)
    known = set()
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        icd = dotted(reader.get(_CODE, code, required=True) or "")
        name = reader.get(_NAME, required=True)
        if icd and not ICD_CODE.match(icd):
            reader.fail(_CODE, "bad_code", "Mã bệnh không đúng dạng ICD-10", icd)
        if reader.ok:
            known.add(icd)
            section.records.append(_record(row, icd, name, cells, rules, starts))
    _warn_unknown(plan, rules, known)
    pairs = plan.section(DiagnosisPair, "dagger_code", "asterisk_code", repeats_are_errors=False)
    for row, dagger, asterisk, main in rules.pairs:
        values = {"dagger_code": dagger, "asterisk_code": asterisk, "main_code": main, "source": SOURCE}
        pairs.records.append(Record(row, values, starts))
    return plan


def dotted(raw: str) -> str:
    """The stored form of a code: without dagger or asterisk, a dot after the third character (`A066†` -> `A06.6`)."""
    bare = raw.upper().rstrip("†*+").replace(".", "")
    return bare if len(bare) <= 3 else f"{bare[:3]}.{bare[3:]}"


def _record(row: int, icd: str, name: str, cells: Mapping[str, Any], rules: Rules, starts: date) -> Record:
    low, high = rules.ages.get(icd, (None, None))
    values = {
        "code": icd,
        "name": name,
        "name_en": text(cells.get(_NAME_EN)),
        "search_name": search_key("diagnosis", icd, name),
        "chapter_code": text(cells.get("MÃ CHƯƠNG")),
        "chapter_name": text(cells.get("TÊN CHƯƠNG")),
        "block_code": text(cells.get("MÃ NHÓM CHÍNH")),
        "block_name": text(cells.get("TÊN NHÓM CHÍNH")),
        "only_sex": rules.sexes.get(icd, ""),
        "age_min_days": low,
        "age_max_days": high,
        "not_as_main": icd in rules.not_as_main,
        "discouraged_as_main": False,
        "has_more_specific": False,
        "mainly_female": False,
        "mainly_male": False,
        "cause_of_death_only": False,
        "source": SOURCE,
    }
    return Record(row, values, starts)


def _read_annexes(book: Workbook, plan: Plan, *, main: str) -> Rules:
    rules = Rules()
    for name, sheet in book.sheets.items():
        if name == main:
            continue
        annex = title = ""
        for row, cells in enumerate(sheet, 1):
            first = text(cells[0]) if cells else ""
            if heading := _ANNEX_TITLE.match(fold(first)):
                annex, title = heading[1].upper(), first
            elif annex and (icd := _annex_code(first)):
                _apply(rules, plan, annex, title, icd, cells, row)
    return rules


def _annex_code(cell: str) -> str:
    icd = dotted(cell)
    return icd if ICD_CODE.match(icd) else ""


def _apply(rules: Rules, plan: Plan, annex: str, title: str, icd: str, cells: Any, row: int) -> None:
    rules.places.setdefault(icd, (row, annex))
    if annex == "A1":
        asterisk, main = _annex_code(text(cells[2])), _annex_code(text(cells[4])) if len(cells) > 4 else ""
        if asterisk and main in {icd, asterisk}:
            rules.pairs.append((row, icd, asterisk, main))
        else:
            plan.warn(row, "A1", "bad_pair", "Cặp mã kép không đọc được", icd)
    elif annex == "A2":
        rules.not_as_main.add(icd)
    elif annex.startswith("A3"):
        rules.ages[icd] = _narrow(rules.ages.get(icd, (None, None)), age_range(title))
    elif annex in {"A4.1", "A4.2"}:
        rules.sexes[icd] = "2" if annex == "A4.1" else "1"


def age_range(title: str) -> tuple[int | None, int | None]:
    """Valid ages in days from an annex title: `0 - 365 ngày`, `0 ngày – 2 tuổi`, `trên 27 ngày tuổi`, `8 – 19 tuổi`.

    An upper age in years holds to the day before the next birthday; "over 15 years" is read as from the 15th
    birthday, the reading that turns fewer patients away. Refuses a title of another shape.
    """
    said = fold(title).replace("–", "-")
    if found := re.search(r"0 - (\d+) ngay", said):
        return 0, int(found[1])
    if found := re.search(r"0 ngay - (\d+) tuoi", said):
        return 0, _last_day(int(found[1]))
    if found := re.search(r"(\d+) - (\d+) tuoi", said):
        return _birthday(int(found[1])), _last_day(int(found[2]))
    if found := re.search(r"tren (\d+) ngay", said):
        return int(found[1]) + 1, None
    if found := re.search(r"(?:tren (\d+) tuoi|(\d+) tuoi tro len)", said):
        return _birthday(int(found[1] or found[2])), None
    raise Refusal("unknown_age_range", f"Không hiểu khoảng tuổi trong tiêu đề phụ lục: {title}", field="path")


def _birthday(years: int) -> int:
    return int(years * DAYS_A_YEAR)


def _last_day(years: int) -> int:
    return int((years + 1) * DAYS_A_YEAR) - 1


def _narrow(one: tuple[int | None, int | None], two: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
    low = max((end for end in (one[0], two[0]) if end is not None), default=None)
    high = min((end for end in (one[1], two[1]) if end is not None), default=None)
    return low, high


def _warn_unknown(plan: Plan, rules: Rules, known: set[str]) -> None:
    for icd, place in _unknown(rules, known):
        plan.warn(place[0], place[1], "unknown_code", "Mã của phụ lục không có trong danh mục chính, bỏ qua", icd)
    for icd, (low, high) in rules.ages.items():
        if low is not None and high is not None and low > high:
            plan.warn(rules.places[icd][0], "A3", "empty_age_range", "Các phụ lục tuổi của mã này mâu thuẫn", icd)


def _unknown(rules: Rules, known: set[str]) -> Iterator[tuple[str, tuple[int, str]]]:
    return ((icd, place) for icd, place in rules.places.items() if icd not in known)
