"""The parts that cards and chips have in common: birth, dates, sex, and what is odd about them."""

import re
import unicodedata
from datetime import date

from his.core.dates import BirthDate
from his.core.text import fold
from patients.scan.facts import Scan

_DATE = re.compile(r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})$|^(\d{2})(\d{2})(\d{4})$", re.ASCII)
_ISO_DATE = re.compile(r"^(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_YEAR = re.compile(r"^(?:0{1,2}[/.\-]?0{1,2}[/.\-]?)?(\d{4})$", re.ASCII)
_SEXES = {"nam": "1", "m": "1", "male": "1", "nu": "2", "f": "2", "female": "2"}


def birth_of(token: str) -> tuple[BirthDate | None, list[str]]:
    """A birth date as precise as the card says, and what is wrong with it. A missing day is not invented."""
    if token in {"", "-"}:
        return None, ["Mã không có ngày sinh, hãy gõ theo thẻ"]
    if (year := _YEAR.match(token)) and int(year[1]) > 0:
        return BirthDate(date(int(year[1]), 1, 1), "year"), []
    day = _date(token)
    if day is None:
        return None, ["Ngày sinh trong mã không có thật, hãy gõ theo thẻ"]
    return BirthDate(day, "day"), []


def day(token: str, label: str, warnings: list[str]) -> date | None:
    """A date of the card, with a warning when there is no such day."""
    if token in {"", "-"}:
        return None
    found = _date(token)
    if found is None:
        warnings.append(f"{label} trong mã không có thật, hãy đối chiếu với thẻ")
    return found


def _date(token: str) -> date | None:
    iso, usual = _ISO_DATE.match(token), _DATE.match(token)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if usual:
            day, month, year = (int(part) for part in usual.groups() if part)
            return date(year, month, day)
    except ValueError:
        return None
    return None


def sex_of(token: str, warnings: list[str]) -> str:
    """The code of the sex, with a warning when it cannot be read."""
    found = _SEXES.get(fold(token), "")
    if not found:
        warnings.append("Không đọc được giới tính, hãy chọn theo thẻ")
    return found


def check_text(scan: Scan, warnings: list[str]) -> None:
    """Marks that a keyboard scanner lost or an input method rewrote."""
    name = scan.full_name
    if "?" in name or "\ufffd" in name or "?" in scan.address or "\ufffd" in scan.address:
        warnings.append("Chữ có dấu bị hỏng khi quét: đặt máy quét ở chế độ UTF-8, tắt bộ gõ tiếng Việt rồi quét lại")
    elif name and not _has_marks(name) and _has_marks(scan.address):
        warnings.append("Họ tên không có dấu dù địa chỉ có dấu: hãy đối chiếu với thẻ, quét lại nếu sai")
    elif not name and "full_name" not in scan.damaged:
        warnings.append("Mã không có họ tên, hãy gõ theo thẻ")


def _has_marks(text: str) -> bool:
    return any(char in "đĐ" or unicodedata.normalize("NFD", char) != char for char in text)


def check_citizen_id(scan: Scan, warnings: list[str]) -> None:
    """The number tells sex, century and year of birth; corrections exist, so only a warning."""
    century, year = int(scan.citizen_id[3]), int(scan.citizen_id[4:6])
    if scan.sex and (century % 2 == 0) != (scan.sex == "1"):
        warnings.append("Giới tính trên thẻ khác với giới tính trong số định danh, hãy đối chiếu")
    if scan.birth and 1900 + 100 * (century // 2) + year != scan.birth.value.year:
        warnings.append("Năm sinh trên thẻ khác với năm sinh trong số định danh, hãy đối chiếu")


def check_future(scan: Scan, on: date | None, warnings: list[str]) -> None:
    """Dates after the day, when one is given."""
    if on is None:
        return
    if scan.birth and scan.birth.value > on:
        warnings.append("Ngày sinh trong mã ở tương lai, hãy gõ theo thẻ")
    if any(day and day > on for day in (scan.issued_on, scan.card_issued_on)):
        warnings.append("Ngày cấp trong mã ở tương lai, hãy đối chiếu với thẻ")
