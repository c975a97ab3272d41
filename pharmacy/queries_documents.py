"""What the papers of the stores say: lists of documents and drafts, goods in transit, requests, lots to choose from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum

from his.accounts.models import Facility, User
from his.catalogs.models import Drug
from his.core.dates import day_range
from his.core.errors import NotFound
from his.core.text import fold
from pharmacy.allocation import ZERO, Wanted, allocate
from pharmacy.models import (
    CabinetHandover,
    Lot,
    LotBalance,
    OwnApprovalRule,
    StockDocument,
    StockDocumentLine,
    StockDraft,
    StockRequest,
    StockRequestLine,
    Store,
)
from pharmacy.queries import balances, documents, lot_stocks, usable, usable_lots

Kind = StockDocument.Kind
State = StockRequest.State

POSTED, REVERSED, DRAFT = "posted", "reversed", "draft"
"""States of the list of documents: in force, undone by another, still being written."""


def document(facility: Facility, pk: int) -> StockDocument:
    """One posted document of the facility, or NotFound."""
    found: StockDocument | None = documents(facility).select_related("origin", "detail__request").filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy chứng từ tại cơ sở này")
    return found


def found_documents(
    facility: Facility,
    *,
    store: Store | None = None,
    kind: str = "",
    state: str = "",
    first: date | None = None,
    last: date | None = None,
    number: str = "",
) -> QuerySet[StockDocument]:
    """Posted documents, latest first: of one store, kind, state and period (both days included), or by number."""
    rows = documents(facility, store=store).select_related("reversed_by", "origin")
    if kind in Kind.values:
        rows = rows.filter(kind=kind)
    if state in (POSTED, REVERSED):
        rows = rows.filter(reversed_by__isnull=state == POSTED)
    if first:
        rows = rows.filter(posted_at__gte=day_range(first)[0])
    if last:
        rows = rows.filter(posted_at__lt=day_range(last)[1])
    if number.strip():
        rows = rows.filter(Q(number__iexact=number.strip()) | Q(reference__icontains=number.strip()))
    return rows


def open_drafts(facility: Facility, *, store: Store | None = None, kind: str = "") -> QuerySet[StockDraft]:
    """Drafts that wait to be finished, latest change first."""
    rows = StockDraft.objects.for_facility(facility).filter(state=StockDraft.State.OPEN)
    if store is not None:
        rows = rows.filter(Q(store=store) | Q(target_store=store))
    if kind:
        rows = rows.filter(kind=kind)
    rows = rows.select_related("store", "target_store", "updated_by", "origin", "request")
    return rows.order_by("-updated_at", "-pk")


def draft(facility: Facility, pk: int) -> StockDraft:
    """One draft of the facility in any state, or NotFound."""
    rows = StockDraft.objects.for_facility(facility).select_related(
        "store", "target_store", "origin", "request", "created_by", "updated_by", "document"
    )
    found: StockDraft | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy phiếu nháp tại cơ sở này")
    return found


@dataclass(frozen=True, slots=True)
class Transit:
    """One lot of a shipment that has not arrived wholly; quantities in units of the drug."""

    shipment: StockDocument
    lot: Lot
    sent: Decimal
    arrived: Decimal

    @property
    def left(self) -> Decimal:
        """What is still on its way."""
        return self.sent - self.arrived

    @property
    def value(self) -> Decimal:
        """Đồng of what is still on its way."""
        return self.left * self.lot.unit_cost


def in_transit(
    facility: Facility, *, shipment: StockDocument | None = None, store: Store | None = None
) -> list[Transit]:
    """Everything that was sent and has not arrived, oldest shipment first; of one shipment or towards one store."""
    open_ones = StockDocument.objects.for_facility(facility).filter(kind=Kind.SHIPMENT, reversed_by=None)
    if shipment is not None:
        open_ones = open_ones.filter(pk=shipment.pk)
    if store is not None:
        open_ones = open_ones.filter(Q(target_store=store) | Q(store=store))
    rows = StockDocumentLine.objects.for_facility(facility)
    sent = _by_lot(rows.filter(document__in=open_ones), "document_id")
    arrivals = rows.filter(document__origin__in=open_ones, document__kind=Kind.ARRIVAL, document__reversed_by=None)
    arrived = _by_lot(arrivals, "document__origin_id")
    left = [key for key, quantity in sent.items() if quantity > arrived.get(key, ZERO)]
    shipments = documents(facility).in_bulk([pk for pk, _ in left])
    lots = Lot.objects.for_facility(facility).select_related("drug").in_bulk([lot for _, lot in left])
    found = [Transit(shipments[pk], lots[lot], sent[pk, lot], arrived.get((pk, lot), ZERO)) for pk, lot in left]
    return sorted(found, key=lambda row: (row.shipment.posted_at, row.shipment.pk, row.lot.drug.name, row.lot.pk))


def _by_lot(rows: QuerySet[StockDocumentLine], document_field: str) -> dict[tuple[int, int], Decimal]:
    sums = rows.values_list(document_field, "lot_id").annotate(total=Sum("quantity"))
    return {(pk, lot): total for pk, lot, total in sums}


def requests(facility: Facility, *, store: Store | None = None, state: str = "") -> QuerySet[StockRequest]:
    """Requests, latest first; of one store on either side, in one state."""
    rows = StockRequest.objects.for_facility(facility).select_related("store", "source_store", "created_by", "sent_by")
    if store is not None:
        rows = rows.filter(Q(store=store) | Q(source_store=store))
    if state in State.values:
        rows = rows.filter(state=state)
    return rows.order_by("-created_at", "-pk")


def request(facility: Facility, pk: int) -> StockRequest:
    """One request of the facility, or NotFound."""
    found: StockRequest | None = requests(facility).select_related("decided_by").filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy phiếu lĩnh tại cơ sở này")
    return found


@dataclass(frozen=True, slots=True)
class Progress:
    """One drug of a request: asked, approved, shipped, received and lost on the way, in units of the drug."""

    line: StockRequestLine
    shipped: Decimal
    arrived: Decimal
    lost: Decimal

    @property
    def drug(self) -> Drug:
        """The drug that was asked for."""
        return self.line.drug

    @property
    def approved(self) -> Decimal:
        """What may be shipped in all; nothing before the decision."""
        return self.line.approved_qty or ZERO

    @property
    def received(self) -> Decimal:
        """What came into the store that asked."""
        return self.arrived - self.lost

    @property
    def to_ship(self) -> Decimal:
        """Approved and not shipped yet."""
        return self.approved - self.shipped

    @property
    def on_the_way(self) -> Decimal:
        """Shipped and not arrived yet."""
        return self.shipped - self.arrived


def request_progress(asked: StockRequest) -> list[Progress]:
    """How far each drug of a request is, read from the documents that are in force."""
    rows = StockDocumentLine.objects.for_facility(asked.facility_id).filter(document__reversed_by=None)
    kinds = (
        Q(document__kind=Kind.SHIPMENT, document__detail__request=asked),
        Q(document__kind=Kind.ARRIVAL, document__origin__detail__request=asked),
        Q(document__kind=Kind.LOSS, document__origin__origin__detail__request=asked),
    )
    shipped, arrived, lost = (_by_code(rows.filter(kind)) for kind in kinds)
    return [
        Progress(line, *(known.get(line.drug.code, ZERO) for known in (shipped, arrived, lost)))
        for line in asked.lines.select_related("drug")
    ]


def own_approval_rule(facility: Facility) -> OwnApprovalRule | None:
    """What holds of approving one's own requests; None while nobody decided, which means no."""
    rows = OwnApprovalRule.objects.for_facility(facility).select_related("by")
    return rows.order_by("-pk").first()  # type: ignore[no-any-return]


def is_own(asked: StockRequest, user: User) -> bool:
    """Whether the user wrote or sent the request."""
    return user.pk in (asked.created_by_id, asked.sent_by_id)


def may_approve(asked: StockRequest, user: User) -> bool:
    """Whether the user, who has the right to approve, may approve this one: another's, or their own where that is
    allowed."""
    if not is_own(asked, user):
        return True
    rule = own_approval_rule(asked.facility)
    return rule is not None and rule.is_allowed


def _by_code(rows: QuerySet[StockDocumentLine]) -> dict[str, Decimal]:
    return dict(rows.values_list("lot__drug__code").annotate(total=Sum("quantity")))


def lots_in(store: Store, words: str, on: date, *, only_usable: bool, limit: int = 10) -> list[LotBalance]:
    """Lots that a store holds and that the words fit, by drug and then FEFO; words are those of any name that the drug
    has or had, its code or ingredient, or the beginning of a lot number."""
    rows = balances(store.facility_id).filter(store=store, on_hand__gt=0)
    if only_usable:
        rows = rows.filter(usable(on), on_hand__gt=F("reserved"))
    named = Drug.objects.for_facility(store.facility_id)
    for word in fold(words).split():
        named = named.filter(search_name__contains=word)
    if words.strip():
        rows = rows.filter(
            Exists(named.filter(code=OuterRef("lot__drug__code"))) | Q(lot__number__istartswith=words.strip())
        )
    return list(rows.order_by("lot__drug__name", "lot__drug__code", "lot__expires_on", "lot_id")[:limit])


def propose(store: Store, wanted: Sequence[tuple[str, Decimal]], on: date) -> list[tuple[Lot, Decimal]]:
    """Lots of the store for drugs by code and quantity, first expired first; less when the store has less."""
    rows = usable_lots(store, [code for code, _ in wanted], on)
    asked = [Wanted(key, code, quantity) for key, (code, quantity) in enumerate(wanted) if quantity > 0]
    lots = {row.lot_id: row.lot for row in rows}
    return [(lots[pick.lot_id], pick.quantity) for pick in allocate(asked, lot_stocks(rows), on).picks]


def cabinets(facility: Facility) -> QuerySet[Store]:
    """Ward cabinets in use, by department."""
    return (
        Store.objects.for_facility(facility)
        .filter(kind=Store.Kind.CABINET, is_active=True)
        .select_related("department")
        .order_by("department__name", "code")
    )


def handovers(facility: Facility, *, stores: Sequence[Store] = ()) -> QuerySet[CabinetHandover]:
    """Hand-overs of cabinets, latest first."""
    rows = CabinetHandover.objects.for_facility(facility).select_related("store__department", "given_by", "taken_by")
    if stores:
        rows = rows.filter(store__in=stores)
    return rows.order_by("-at", "-pk")
