"""Which cash entries are in which document, what is still to be invoiced, and whether a day is level.

Only entries that pay are invoiced: receipts and used deposits, less what was given back. A deposit that is held is
none (NĐ 254/2026/NĐ-CP Điều 9).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.core.dates import day_range, local
from his.core.errors import NotFound
from his.core.money import ZERO
from insurance.billing.effects import PAYS, paid_of, sum_of
from insurance.models import CashEntry, Invoice, InvoiceEntry, InvoiceProfile
from patients.models import Visit

Relation = Invoice.Relation


def profile_on(facility: Facility, day: date) -> InvoiceProfile | None:
    """As whom the facility issues invoices on the day."""
    rows = InvoiceProfile.objects.for_facility(facility).filter(valid_from__lte=day)
    found: InvoiceProfile | None = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day)).first()
    return found


def get_invoice(facility: Facility, pk: int) -> Invoice:
    """A document of the facility, or NotFound."""
    rows = Invoice.objects.for_facility(facility)
    related = ("profile__facility", "visit__patient", "root__profile", "corrects__profile", "made_by")
    found: Invoice | None = rows.select_related(*related).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def open_entries(facility: Facility) -> QuerySet[CashEntry]:
    """Entries that pay and are in no document, in the order of the ledger."""
    rows = CashEntry.objects.for_facility(facility).filter(kind__in=PAYS, invoiced__isnull=True)
    return rows.select_related("visit__patient", "reverses").order_by("at", "pk")


def corrections_due(facility: Facility) -> list[CashEntry]:
    """Money given back of what is invoiced already, not in a document yet."""
    return list(open_entries(facility).filter(reverses__invoiced__isnull=False))


def to_invoice(facility: Facility, *, visit: Visit | None = None, day: date | None = None) -> list[CashEntry]:
    """Entries of a visit or a day for a first document: those that correct an invoice are left out."""
    rows = open_entries(facility).exclude(_is_correction())
    if visit is not None:
        rows = rows.filter(visit=visit)
    if day is not None:
        start, end = day_range(day)
        rows = rows.filter(at__gte=start, at__lt=end)
    return list(rows)


def first_open_day(facility: Facility) -> date | None:
    """The first day that has entries for a first document."""
    first = open_entries(facility).exclude(_is_correction()).first()
    return local(first.at).date() if first else None


def _is_correction() -> Q:
    return Q(reverses__isnull=False, reverses__kind__in=PAYS, reverses__invoiced__isnull=False)


@dataclass(frozen=True, slots=True)
class DayBalance:
    """One day: what was paid, what of it is in documents, đồng. Level when nothing is open."""

    paid: Decimal
    invoiced: Decimal

    @property
    def open(self) -> Decimal:
        return self.paid - self.invoiced


def day_balance(facility: Facility, day: date) -> DayBalance:
    """The identity of a day: receipts that are not deposits, less refunds, against the documents that hold them."""
    start, end = day_range(day)
    entries = CashEntry.objects.for_facility(facility).filter(at__gte=start, at__lt=end)
    held = InvoiceEntry.objects.for_facility(facility).filter(entry__in=entries)
    return DayBalance(
        entries.aggregate(total=sum_of("paid"))["total"], held.aggregate(total=Coalesce(Sum("amount"), ZERO))["total"]
    )


def invoices_of_day(facility: Facility, day: date) -> QuerySet[Invoice]:
    """The documents of a day, the latest first."""
    related = ("profile", "visit__patient", "corrects__profile")
    rows: QuerySet[Invoice] = Invoice.objects.for_facility(facility).filter(day=day).select_related(*related)
    return rows.order_by("-pk")


def waiting(facility: Facility) -> QuerySet[Invoice]:
    """Documents in the queue, the oldest first."""
    rows: QuerySet[Invoice] = Invoice.objects.for_facility(facility).filter(state=Invoice.State.WAITING)
    return rows.select_related("profile__facility", "corrects__profile").order_by("pk")


# Chains of corrections


@dataclass(frozen=True, slots=True)
class Chain:
    """A document with everything that corrects it, in order."""

    documents: tuple[Invoice, ...]

    @property
    def root(self) -> Invoice:
        return self.documents[0]

    @property
    def current(self) -> Invoice:
        """The one that holds: the last replacement, else the first document. Adjustments add to it."""
        return [row for row in self.documents if row.relation != Relation.ADJUSTMENT][-1]

    @property
    def latest(self) -> Invoice:
        """The last document of any kind: its buyer is the right one."""
        return self.documents[-1]

    @property
    def amount(self) -> Decimal:
        """What all documents say together, đồng."""
        current = self.current
        later = [row for row in self.documents if row.relation == Relation.ADJUSTMENT and row.pk > current.pk]
        return current.amount + sum((row.amount for row in later), ZERO)

    @property
    def method(self) -> str:
        """The method of the first correction, which later ones must use too; empty while there is none."""
        return next((row.relation for row in self.documents if row.relation != Relation.ORIGINAL), "")


def chain_of(invoice: Invoice) -> Chain:
    """The chain of a document."""
    root = invoice.root_id or invoice.pk
    rows = Invoice.objects.for_facility(invoice.facility).filter(Q(pk=root) | Q(root_id=root))
    return Chain(tuple(rows.select_related("profile__facility", "corrects__profile").order_by("pk")))


def entries_of_chain(chain: Chain) -> list[InvoiceEntry]:
    """The cash entries in all documents of a chain, in the order of the ledger."""
    rows = InvoiceEntry.objects.for_facility(chain.root.facility).filter(invoice__in=chain.documents)
    return list(rows.select_related("entry__visit", "entry__reverses").order_by("entry__at", "entry_id"))


def net_by_receipt(entries: Iterable[CashEntry]) -> list[tuple[CashEntry, Decimal]]:
    """What is left of each receipt or used deposit among the entries, in their order; what is gone is left out."""
    rows = list(entries)
    left: dict[int, Decimal] = {}
    for entry in rows:
        first = entry.pk if paid_of(entry) > 0 else entry.reverses_id or entry.pk
        left[first] = left.get(first, ZERO) + paid_of(entry)
    return [(entry, left[entry.pk]) for entry in rows if paid_of(entry) > 0 and left[entry.pk]]


def payment_of(entries: Sequence[CashEntry]) -> str:
    """How it was paid, as the document says it."""
    methods = {entry.method for entry in entries}
    return methods.pop() if len(methods) == 1 else Invoice.Payment.MIXED
