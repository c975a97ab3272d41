"""The lines of the bank and the papers of transfers of a month, and what is unmatched on both sides."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Prefetch, QuerySet

from his.accounts.models import Facility
from his.core.dates import day_range
from his.core.errors import NotFound
from his.core.money import ZERO
from insurance.billing.effects import VOIDS
from insurance.models import CashEntry
from reports.bank.matching import Line, Paper, is_named
from reports.bank.models import BankLine, BankMatch
from reports.period import Period


@dataclass(slots=True)
class BankRow:
    """A line, a paper, or both as matched. Without a match `near` are the papers that the line may be: the one it
    names, though with another amount, first."""

    line: BankLine | None
    entry: CashEntry | None
    match: BankMatch | None = None
    near: list[CashEntry] = field(default_factory=list)
    is_short: bool = False
    """Whether a paper is named whose amount is another."""

    @property
    def difference(self) -> Decimal:
        """What the bank says less what the paper says, đồng."""
        return (self.line.amount if self.line else ZERO) - (self.entry.amount if self.entry else ZERO)

    @property
    def state_vi(self) -> str:
        if self.line and self.entry:
            return "Khớp"
        if self.line:
            return "Lệch số tiền, chờ đối soát" if self.is_short else "Chưa có phiếu thu"
        return "Chưa thấy trong sao kê"


def bank_rows(facility: Facility, period: Period) -> list[BankRow]:
    """All lines of the period with their papers, then the papers of the period that no line stands for."""
    standing = Prefetch("matches", standing_matches(facility).select_related("entry__visit__patient"), "standing")
    lines = BankLine.objects.for_facility(facility).filter(day__gte=period.start, day__lte=period.end)
    free = list(free_papers(facility, period))
    rows = []
    for line in lines.prefetch_related(standing).order_by("day", "pk"):
        match: BankMatch | None = next(iter(line.standing), None)
        row = BankRow(line, match.entry if match else None, match)
        if match is None:
            named = [entry for entry in free if is_named(as_line(line), as_paper(entry))]
            row.is_short = bool(named)
            row.near = [*named, *(one for one in free if one.amount == line.amount and one not in named)]
        rows.append(row)
    return rows + [BankRow(None, entry) for entry in free]


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


def as_paper(entry: CashEntry) -> Paper:
    """What the rules look at of a paper."""
    code = entry.transfer_order.code if entry.transfer_order else ""
    return Paper(entry.pk, entry.bank_reference, code, entry.amount)


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
