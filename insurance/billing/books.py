"""Numbers of the cashier's papers, without gaps, in books (quyển sổ) for each facility, kind and year."""

from dataclasses import dataclass
from datetime import date, datetime

from his.accounts.models import Facility
from his.core.dates import local
from insurance.billing.cash_rules import rules_on
from insurance.billing.effects import EFFECTS, VOIDS
from insurance.models import CashEntry, ReceiptBook
from patients.models import Counter
from patients.services.counters import next_number


def take_number(*, facility: Facility, kind: str, at: datetime) -> str:
    """The next number of a kind of paper, such as `PT26.000001`; a new book begins when the last one is full."""
    series = series_of(kind, local(at).date())
    number = next_number(facility=facility, series=counter_of(series))
    open_books(facility=facility, series=series, until=number, on=local(at).date())
    return number_text(series, number)


def series_of(kind: str, on: date) -> str:
    """The series of a kind of paper in the year of the day: `PT26`."""
    return f"{EFFECTS[kind].prefix}{on:%y}"


def counter_of(series: str) -> str:
    """The counter that gives the numbers of a series out."""
    return f"cash:{series[:2]}:{series[2:]}"


def number_text(series: str, number: int) -> str:
    """The number as printed."""
    return f"{series}.{number:06d}"


def open_books(*, facility: Facility, series: str, until: int, on: date) -> None:
    """Make sure that every number up to `until` lies in a book. Books have the size in force on the day.

    The caller holds the counter of the series, so that two cashiers do not open the same book.
    """
    last = ReceiptBook.objects.for_facility(facility).filter(series=series).order_by("-number").first()
    number, end = (last.number, last.last) if last else (0, 0)
    if end >= until:
        return
    size = rules_on(facility, on).book_size
    while end < until:
        number, first, end = number + 1, end + 1, end + size
        ReceiptBook.objects.create(facility=facility, series=series, number=number, first=first, last=end)


def book_of(entry: CashEntry) -> ReceiptBook | None:
    """The book that the number of an entry lies in; none for numbers from before there were books."""
    series, position = entry.number.split(".")
    rows = ReceiptBook.objects.for_facility(entry.facility).filter(series=series)
    found: ReceiptBook | None = rows.filter(first__lte=int(position), last__gte=int(position)).first()
    return found


@dataclass(frozen=True, slots=True)
class BookUse:
    """How far a book is used: numbers given out, which of them were voided, how many are left."""

    book: ReceiptBook
    used: int
    voided: list[str]

    @property
    def left(self) -> int:
        return self.book.last - self.book.first + 1 - self.used

    @property
    def last_used(self) -> int:
        return self.book.first + self.used - 1


def book_uses(facility: Facility, year: int) -> list[BookUse]:
    """All books of a year, the latest of each series first (sử dụng sổ phiếu)."""
    suffix = f"{year % 100:02d}"
    books = ReceiptBook.objects.for_facility(facility).filter(series__endswith=suffix).order_by("series", "-number")
    given = given_out(facility)
    voids = CashEntry.objects.for_facility(facility).filter(kind__in=VOIDS.values())
    voided = list(voids.order_by("reverses__number").values_list("reverses__number", flat=True))
    return [_use(book, given.get(book.series, 0), voided) for book in books]


def _use(book: ReceiptBook, given: int, voided: list[str]) -> BookUse:
    used = max(0, min(given, book.last) - book.first + 1)
    mine = [n for n in voided if n.startswith(f"{book.series}.") and book.first <= int(n.split(".")[1]) <= book.last]
    return BookUse(book, used, mine)


def given_out(facility: Facility) -> dict[str, int]:
    """The last number that was given out, by series: `PT26` -> 17."""
    rows = Counter.objects.filter(facility=facility, series__startswith="cash:").values_list("series", "last")
    return {"".join(series.split(":")[1:]): last for series, last in rows}


def missing_numbers(facility: Facility, series: str) -> list[str]:
    """Numbers that were given out and are in no entry: there are none, and tests and reconciliation ask."""
    rows = CashEntry.objects.for_facility(facility).filter(number__startswith=f"{series}.")
    seen = {int(number.split(".")[1]) for number in rows.values_list("number", flat=True)}
    return [number_text(series, n) for n in range(1, given_out(facility).get(series, 0) + 1) if n not in seen]
