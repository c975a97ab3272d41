"""Values of the claim tables: partly known dates, clean text, and how a value of each type is written.

Text becomes composed Unicode (NFC) with plain line feeds, trimmed, without the characters that XML 1.0 forbids.
Numbers are written exactly, never rounded: too many decimals stay visible and are found by the check.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from his.core.dates import local
from insurance.standards.model import NUMBER_TYPES, Field, FieldType, Standard

SEPARATOR = ";"

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UNCLEAN = re.compile("[\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

Formatter = Callable[[object], str]


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A moment known only in part, such as a birth with a year and nothing more (không rõ ngày, tháng).

    Written as twelve digits, year first; an unknown month, day or time is written as zeros. Refuses a
    day without its month, a time without its day, and any impossible date or time.
    """

    year: int
    month: int | None = None
    day: int | None = None
    hour: int | None = None
    minute: int | None = None

    def __post_init__(self) -> None:
        if self.day is not None and self.month is None:
            raise ValueError("a day needs its month")
        if self.hour is not None and self.day is None:
            raise ValueError("a time needs its day")
        if (self.hour is None) != (self.minute is None):
            raise ValueError("an hour needs its minute")
        if self.month == 0 or self.day == 0:
            raise ValueError("an unknown month or day is None, not 0")
        date(self.year, self.month or 1, self.day or 1)
        time(self.hour or 0, self.minute or 0)

    @classmethod
    def of(cls, value: date | datetime) -> PartialDate:
        """The fully known date; with the time of day when the value has one."""
        if isinstance(value, datetime):
            return cls(value.year, value.month, value.day, value.hour, value.minute)
        return cls(value.year, value.month, value.day)

    @classmethod
    def parse(cls, digits: str) -> PartialDate:
        """Read twelve digits; zeros for month, day or time mean unknown. Refuses anything else."""
        if not re.fullmatch(r"[0-9]{12}", digits):
            raise ValueError(f"not twelve digits: {digits!r}")
        year, month, day = int(digits[:4]), int(digits[4:6]) or None, int(digits[6:8]) or None
        if digits[8:] == "0000":
            return cls(year, month, day)
        return cls(year, month, day, int(digits[8:10]), int(digits[10:]))

    def digits(self) -> str:
        """The twelve digits of the claim tables, zeros where unknown."""
        return f"{self.year:04d}{self.month or 0:02d}{self.day or 0:02d}{self.hour or 0:02d}{self.minute or 0:02d}"


def day(text: str) -> date | None:
    """The day of 8 or 12 digits, year first; None when it is none."""
    if len(text) not in (8, 12) or not (text.isascii() and text.isdecimal()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def clean_text(value: str) -> str:
    """The text as it is written and read back: NFC, line feeds, trimmed, no forbidden character."""
    if _UNCLEAN.search(value) is None:
        return _composed(value)
    return _composed(_FORBIDDEN.sub("", value.replace("\r\n", "\n").replace("\r", "\n")))


def escaped(text: str) -> str:
    """Clean text as the content of an element."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescaped(content: str) -> str:
    """The clean text of which this is the content of an element: the other way of `escaped`."""
    if "&" not in content:
        return content
    return content.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def xml_text(value: str) -> str:
    """Clean text, escaped for the content of an element."""
    return escaped(clean_text(value))


def _composed(text: str) -> str:
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text.strip()
    return unicodedata.normalize("NFC", text).strip()


def formatter(standard: Standard, field: Field) -> Formatter:
    """How the values of a field are written, unescaped; None and "" are empty, a tuple is joined by `;`
    and keeps the place of an item that is None.

    The formatter raises TypeError for a value of the wrong kind, such as a float or a number in a code.
    """
    one = _alternatives([_scalar(standard, kind) for kind in field.types])

    def write(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, tuple):
            return SEPARATOR.join("" if item is None else one(item) for item in value)
        return one(value)

    return write


def _alternatives(writers: list[Formatter]) -> Formatter:
    if len(writers) == 1:
        return writers[0]

    def write(value: object) -> str:
        for writer in writers:
            try:
                return writer(value)
            except TypeError:
                continue
        raise TypeError(f"no alternative takes {value!r}")

    return write


def _scalar(standard: Standard, kind: FieldType) -> Formatter:
    base = kind.item if kind.base == "list" else kind.base
    if base in NUMBER_TYPES:
        return _number(*standard.places(FieldType(base, places=kind.places)))
    if base == "int":
        return _integer(kind.places or 1)
    moment = _partial12 if kind.partial else _datetime12
    return {"code": _text, "text": _text, "date8": _date8, "datetime12": moment}[base]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a code or text is a str, not {value!r}")
    return value


def _integer(digits: int) -> Formatter:
    def write(value: object) -> str:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"not an int: {value!r}")
        return f"{value:0{digits}d}"

    return write


def _number(places: int, fixed: bool) -> Formatter:
    least = -places

    def write(value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
            raise TypeError(f"not a Decimal: {value!r}")
        number = Decimal(value) or Decimal(0)
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int):
            raise TypeError(f"not a finite number: {value!r}")
        if fixed and exponent >= least:
            return f"{number:.{places}f}"
        text = f"{number:f}"
        whole, _, rest = text.partition(".")
        kept = rest.rstrip("0")
        if fixed:
            kept = kept.ljust(places, "0")
        return f"{whole}.{kept}" if kept else whole

    return write


def _date8(value: object) -> str:
    if isinstance(value, datetime):
        raise TypeError(f"a moment where a date is due: {value!r}")
    if not isinstance(value, date):
        raise TypeError(f"not a date: {value!r}")
    return f"{value.year:04d}{value.month:02d}{value.day:02d}"


def _datetime12(value: object) -> str:
    if isinstance(value, datetime):
        at = local(value) if value.tzinfo is not None else value
        return f"{at.year:04d}{at.month:02d}{at.day:02d}{at.hour:02d}{at.minute:02d}"
    if isinstance(value, PartialDate):
        return value.digits()
    raise TypeError(f"not a moment: {value!r}")


def _partial12(value: object) -> str:
    """A moment known in part; of a plain day the time is unknown."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return PartialDate.of(value).digits()
    return _datetime12(value)
