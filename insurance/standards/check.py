"""Check the structure of a claim table against its standard: presence, width, type, decimals, code lists.

What links fields, rows or tables belongs to the rules and to `money_check`; a field required only under a
condition (`when`) is left to the rules too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from functools import lru_cache

from insurance.standards.model import NUMBER_TYPES, CodeList, Field, FieldType, Standard
from insurance.standards.problems import Problem
from insurance.standards.values import SEPARATOR, PartialDate, clean_text, formatter

_NUMBER = re.compile(r"-?[0-9]+(?:\.([0-9]+))?")
_INTEGER = re.compile(r"[0-9]+")
_DAY = re.compile(r"[0-9]{8}")
_MOMENT = re.compile(r"[0-9]{12}")

Complaint = tuple[str, str]
"""Code and Vietnamese message of what is wrong with one value."""
Judge = Callable[[str], Complaint | None]
Complain = Callable[[str, date | None], tuple[Complaint, ...]]
_REMEMBERED, _SHORT = 256, 64
MOST_PROBLEMS = 20_000
"""How many problems of one table are told."""


def check(standard: Standard, table: str, rows: Iterable[object], on: date | None = None) -> list[Problem]:
    """All structural problems of one table, in the order of rows and fields; none means the table is sound. Ends when
    there are more than anyone reads.

    A row is a typed row or a mapping of tag to text. `on` is the end date of the visit, by which codes are
    looked up; without it a code is accepted when it was ever in force.
    """
    spec = standard.table(table)
    found = list(rows)
    problems = []
    if not found:
        problems.append(Problem(table, None, "", "no_rows", f"{table} không có dòng nào"))
    if len(found) > 1 and not spec.many:
        problems.append(Problem(table, None, "", "many_rows", f"{table} chỉ được có một dòng", str(len(found))))
    judges = _judges(standard, table)
    for number, row in enumerate(found, start=1):
        if len(problems) > MOST_PROBLEMS:
            break
        values, complaints = _texts(standard, table, row)
        problems += [Problem(table, number, tag, code, message, text) for tag, code, message, text in complaints]
        for field, tag, is_dated, judged, remembered in judges:
            text = values.get(tag)
            if text is None:
                continue
            complain = remembered if len(text) <= _SHORT else judged
            for code, message in complain(text, on if is_dated else None):
                said = f"{field.tag} ({field.name}): {message}"
                problems.append(Problem(table, number, field.tag, code, said, clean_text(text)))
    return problems


def _texts(standard: Standard, table: str, row: object) -> tuple[Mapping[str, str], list[tuple[str, str, str, str]]]:
    """The row as tag to text, with complaints (tag, code, message, value) about fields that have no text."""
    complaints: list[tuple[str, str, str, str]] = []
    if isinstance(row, Mapping):
        known = _tags(standard, table)
        for tag in row.keys() - known:
            message = f"{tag}: trường không có trong bảng {table} của chuẩn {standard.name}"
            complaints.append((tag, "unknown_field", message, str(row[tag])))
        for tag in known - row.keys():
            complaints.append((tag, "missing_field", f"{tag}: thiếu thẻ trong tệp", ""))
        return row, sorted(complaints)
    texts = {}
    for field, write in _writers(standard, table):
        value = getattr(row, field.source) if field.source else None
        try:
            texts[field.tag] = write(value)
        except TypeError:
            message = f"{field.tag} ({field.name}): giá trị không đúng kiểu {field.type}"
            complaints.append((field.tag, "bad_type", message, repr(value)))
    return texts, complaints


def _complaints(standard: Standard, field: Field, text: str, judge: Judge, on: date | None) -> Iterator[Complaint]:
    if not text.strip(SEPARATOR):
        if field.required == "yes":
            yield "required", "bắt buộc có giá trị"
        return
    if field.max is not None and len(text) > field.max:
        yield "too_long", f"dài {len(text)} ký tự, tối đa {field.max}"
    complaint = judge(text)
    if complaint:
        yield complaint
    elif field.codelist:
        codes = standard.codelists[field.codelist]
        parts = text.split(SEPARATOR) if field.types[0].base == "list" else [text]
        yield from _unlisted(codes, parts, on)


def _unlisted(codes: CodeList, parts: list[str], on: date | None) -> Iterator[Complaint]:
    for part in parts:
        if codes.admits(part, on):
            continue
        if codes.admits(part):
            yield "not_in_force", f"mã {part} không có hiệu lực ngày {on:%d/%m/%Y} ({codes.title})"
        else:
            yield "not_in_list", f"mã {part} không có trong danh mục {codes.title}"


@lru_cache(maxsize=256)
def _tags(standard: Standard, table: str) -> frozenset[str]:
    return frozenset(field.tag for field in standard.table(table).fields)


@lru_cache(maxsize=256)
def _judges(standard: Standard, table: str) -> tuple[tuple[Field, str, bool, Complain, Complain], ...]:
    """Each field with its tag, whether the day matters, and what is wrong with a raw text: asked afresh, and kept.

    Short texts recur (codes, zeros, days), so their answers are kept, some hundreds for each field.
    """
    found = []
    for field in standard.table(table).fields:
        judged = _complainer(standard, field)
        found.append((field, field.tag, bool(field.codelist), judged, lru_cache(maxsize=_REMEMBERED)(judged)))
    return tuple(found)


def _complainer(standard: Standard, field: Field) -> Complain:
    judge = _judge(standard, field)

    def judged(text: str, on: date | None) -> tuple[Complaint, ...]:
        return tuple(_complaints(standard, field, clean_text(text), judge, on))

    return judged


@lru_cache(maxsize=256)
def _writers(standard: Standard, table: str) -> tuple[tuple[Field, Callable[[object], str]], ...]:
    return tuple((field, formatter(standard, field)) for field in standard.table(table).fields)


def _judge(standard: Standard, field: Field) -> Judge:
    """What a filled text of the field must satisfy; of several types one is enough."""
    judges = [_of_type(standard, kind) for kind in field.types]

    def judge(text: str) -> Complaint | None:
        complaints = [one(text) for one in judges]
        return None if None in complaints else complaints[-1]

    return judge


def _of_type(standard: Standard, kind: FieldType) -> Judge:
    if kind.base == "list":
        item = _of_type(standard, FieldType(kind.item))
        return lambda text: next(filter(None, (item(part) for part in text.split(SEPARATOR) if part)), None)
    if kind.base in NUMBER_TYPES:
        places, _ = standard.places(kind)
        return lambda text: _number(text, places, kind.base)
    return {"code": _code, "text": _any, "int": _int, "date8": _date8, "datetime12": _moment(kind)}[kind.base]


def _any(text: str) -> Complaint | None:
    return None


def _code(text: str) -> Complaint | None:
    return ("bad_code", "mã không được chứa dấu xuống dòng") if "\n" in text or "\t" in text else None


def _int(text: str) -> Complaint | None:
    return None if _INTEGER.fullmatch(text) else ("bad_number", "phải là số nguyên không âm")


def _number(text: str, places: int, base: str) -> Complaint | None:
    match = _NUMBER.fullmatch(text)
    if not match:
        return "bad_number", "phải là số, dấu thập phân là dấu chấm"
    if text.startswith("-"):
        return "negative", "không được âm"
    if len(match[1] or "") > places and (match[1] or "")[places:].strip("0"):
        return "too_many_decimals", f"quá {places} chữ số thập phân"
    if base == "percent" and Decimal(text) > 100:
        return "out_of_range", "tỷ lệ phải từ 0 đến 100"
    return None


def _date8(text: str) -> Complaint | None:
    wrong = ("bad_date", "phải là ngày có thật dạng năm-tháng-ngày 8 chữ số")
    if not _DAY.fullmatch(text):
        return wrong
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return wrong
    return None


def _moment(kind: FieldType) -> Judge:
    wrong = ("bad_date", "phải là thời điểm có thật dạng năm-tháng-ngày-giờ-phút 12 chữ số")

    def judge(text: str) -> Complaint | None:
        if not _MOMENT.fullmatch(text):
            return wrong
        try:
            if kind.partial:
                PartialDate.parse(text)
            else:
                date(int(text[:4]), int(text[4:6]), int(text[6:8]))
                time(int(text[8:10]), int(text[10:]))
        except ValueError:
            return wrong
        return None

    return judge
