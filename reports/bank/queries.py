"""The lines of the bank and the papers of transfers of a month, and what is unmatched on both sides."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from his.accounts.models import Facility
from his.core.dates import day_range, local
from his.core.errors import NotFound
from his.core.money import ZERO
from his.ui.text import signed_money_text
from insurance.billing.effects import VOIDS
from insurance.models import CashEntry
from reports.bank.matching import Line, Names, Paper
from reports.bank.models import BankLine, BankMatch
from reports.period import Period

AROUND = timedelta(days=7)
"""How many days before and after its line a paper may have been written."""


@dataclass(slots=True)
class BankRow:
    """A line, a paper, or both as matched."""

    line: BankLine | None
    entry: CashEntry | None
    match: BankMatch | None = None
    is_named: bool = False
    """Whether a free paper and the line, that has no match, name each other."""
    is_short: bool = False
    """Whether all of these papers have another amount."""

    @property
    def difference(self) -> Decimal:
        """What the bank says less what the paper says, đồng."""
        return (self.line.amount if self.line else ZERO) - (self.entry.amount if self.entry else ZERO)

    @property
    def state_vi(self) -> str:
        if self.line and self.entry:
            return f"Khớp, lệch {signed_money_text(self.difference)} đ" if self.difference else "Khớp"
        if self.is_short:
            return "Lệch số tiền, chờ đối soát"
        if self.is_named:
            return "Có phiếu cùng mã, chưa khớp"
        return "Chưa có phiếu thu" if self.line else "Chưa thấy trong sao kê"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A paper that a line may be: they name each other, or have the same amount, or both."""

    entry: CashEntry
    is_named: bool
    is_same: bool


def bank_rows(facility: Facility, period: Period) -> list[BankRow]:
    """All lines of the period with their papers, then the papers of the period that no line stands for."""
    free = list(free_papers(facility, around(period)))
    names = Names(as_papers(free))
    standing = Prefetch("matches", standing_matches(facility).select_related("entry__visit__patient"), "standing")
    lines = BankLine.objects.for_facility(facility).filter(day__gte=period.start, day__lte=period.end)
    rows = []
    for line in lines.annotate(is_reused=Exists(_namesakes(facility))).prefetch_related(standing).order_by("day", "pk"):
        match: BankMatch | None = next(iter(line.standing), None)
        row = BankRow(line, match.entry if match else None, match)
        if match is None:
            named = names.of(as_line(line))
            row.is_named = bool(named)
            row.is_short = bool(named) and all(paper.amount != line.amount for paper in named)
        rows.append(row)
    return rows + [BankRow(None, entry) for entry in free if period.start <= local(entry.at).date() <= period.end]


def candidates(facility: Facility, line: BankLine) -> list[Candidate]:
    """The free papers that a line may be, the likeliest first: those that name it or that it names, whose month or the
    days around it are the line's, and those of the same amount of the days around the line."""
    near = around(Period(line.day, line.day))
    free = list(free_papers(facility, around(Period.month(line.day))))
    named = {paper.pk for paper in Names(as_papers(free)).of(as_line(line))}
    found = [
        Candidate(entry, entry.pk in named, entry.amount == line.amount)
        for entry in free
        if entry.pk in named or (near.start <= local(entry.at).date() <= near.end and entry.amount == line.amount)
    ]
    return sorted(found, key=lambda one: (not one.is_named, not one.is_same))


def around(period: Period) -> Period:
    """The days in which papers of the lines of a period may have been written."""
    return Period(period.start - AROUND, period.end + AROUND)


def reused_lines(facility: Facility) -> QuerySet[BankLine]:
    """Lines whose reference another line has too, with another day or amount."""
    return BankLine.objects.for_facility(facility).filter(Exists(_namesakes(facility)))


def _namesakes(facility: Facility) -> QuerySet[BankLine]:
    return BankLine.objects.for_facility(facility).filter(key=OuterRef("key")).exclude(pk=OuterRef("pk"))


def standing_matches(facility: Facility) -> QuerySet[BankMatch]:
    """Matches that were not taken back and whose paper was not voided since."""
    return _kept(facility).exclude(entry__in=_voided(facility))


def dead_matches(facility: Facility) -> QuerySet[BankMatch]:
    """Matches that nobody took back though their paper was voided since: line and money wait for another paper."""
    return _kept(facility).filter(entry__in=_voided(facility))


def _kept(facility: Facility) -> QuerySet[BankMatch]:
    return BankMatch.objects.for_facility(facility).filter(undone_at__isnull=True)


def _voided(facility: Facility) -> QuerySet[CashEntry, int | None]:
    """The papers that were voided, as ids for a query."""
    voids = CashEntry.objects.for_facility(facility).filter(kind__in=VOIDS.values(), reverses__isnull=False)
    return voids.values_list("reverses", flat=True)


def free_papers(facility: Facility, period: Period) -> QuerySet[CashEntry]:
    """Receipts and deposits by transfer of the period that stand and that no line of the bank is matched with."""
    start, end = day_range(period.start)[0], day_range(period.end)[1]
    rows = CashEntry.objects.for_facility(facility).filter(
        kind__in=VOIDS, method=CashEntry.Method.TRANSFER, at__gte=start, at__lt=end
    )
    rows = rows.exclude(pk__in=standing_matches(facility).values("entry"))
    rows = rows.exclude(pk__in=_voided(facility))
    return rows.select_related("visit__patient", "transfer_order").order_by("at", "pk")


def free_lines(facility: Facility) -> QuerySet[BankLine]:
    """Lines that no paper is matched with."""
    rows = BankLine.objects.for_facility(facility)
    return rows.exclude(pk__in=standing_matches(facility).values("line")).order_by("day", "pk")


def as_line(line: BankLine) -> Line:
    """What the rules look at of a line."""
    return Line(line.pk, line.reference, line.content, line.amount)


def as_papers(entries: Iterable[CashEntry]) -> list[Paper]:
    """What the rules look at of papers."""
    return [
        Paper(one.pk, one.bank_reference, one.transfer_order.code if one.transfer_order else "", one.amount)
        for one in entries
    ]


def get_line(facility: Facility, pk: int) -> BankLine:
    """A line of the facility, or NotFound."""
    found = BankLine.objects.for_facility(facility).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def get_match(facility: Facility, pk: int) -> BankMatch:
    """A match of the facility that stands, or NotFound."""
    found = standing_matches(facility).select_related("line", "entry").filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found
