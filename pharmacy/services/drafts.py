"""Drafts of stock documents (phiếu nháp): kept half-filled, finished by anybody of the stores, posted by who may.

A draft moves no stock. Posting checks every line and hands it to the service of its kind, in one transaction; the
draft then names its document and is never changed again. A discarded draft stays as it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.errors import Refusal
from his.service import audit_facts, service
from his.ui.text import minute_text
from pharmacy.models import DRAFTED, Lot, StockDocument, StockDraft, StockDraftLine, StockRequest, Store
from pharmacy.services import stock, transit
from pharmacy.services.details import Detail, clean, columns, detail_of
from pharmacy.services.goods import GoodsLine
from pharmacy.services.stock_checks import LotLine, check_clock, check_own, short

Kind = StockDocument.Kind
State = StockDraft.State

GOODS: Final = frozenset({Kind.RECEIPT, Kind.OPENING})
"""Kinds whose lines name a drug and a lot that may be new; the lines of the others name a lot of the store."""


@dataclass(frozen=True, slots=True)
class DraftHead:
    """The head of a draft, as far as it is known."""

    store: Store | None = None
    target_store: Store | None = None
    supplier: str = ""
    reason: str = ""
    detail: Detail = field(default_factory=Detail)


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line as far as it is known; quantities in units of the drug, `unit_cost` in đồng, `vat_rate` in percent."""

    drug: Drug | None = None
    lot: Lot | None = None
    typed: str = ""
    lot_number: str = ""
    expires_on: date | None = None
    quantity: Decimal | None = None
    unit_cost: Decimal | None = None
    invoice_quantity: Decimal | None = None
    vat_rate: Decimal | None = None
    registration_no: str = ""
    bid_info: str = ""
    lot_reason: str = ""


@service(action="pharmacy.start_draft", permission="pharmacy.draft")
def start_draft(
    *,
    kind: str,
    actor: Actor,
    at: datetime,
    head: DraftHead | None = None,
    lines: Sequence[DraftLine] = (),
    origin: StockDocument | None = None,
    request: StockRequest | None = None,
) -> StockDraft:
    """Begin a draft (lập phiếu nháp), empty or filled from the paper that it answers. Refuses kinds that other desks
    write."""
    if kind not in DRAFTED:
        raise Refusal("bad_kind", "Loại phiếu này không lập ở đây", field="kind")
    draft = StockDraft(
        facility=actor.facility, kind=kind, origin=origin, request=request, created_at=at, created_by=actor.user
    )
    return _write(draft, head or DraftHead(), lines, actor, at)


@service(action="pharmacy.save_draft", permission="pharmacy.draft")
def save_draft(
    *,
    draft: StockDraft,
    head: DraftHead,
    lines: Sequence[DraftLine],
    actor: Actor,
    at: datetime,
    seen_at: datetime | None = None,
) -> StockDraft:
    """Keep a draft as it is now (lưu nháp); lines may be incomplete.

    `seen_at` is when the writer opened it: what another person saved since then is not overwritten. Refuses a draft
    that was posted or discarded.
    """
    locked = _locked(draft, actor)
    if seen_at is not None and locked.updated_by_id != actor.user.pk and locked.updated_at > seen_at:
        raise Refusal(
            "already_changed",
            f"{locked.updated_by.display_name} vừa sửa phiếu nháp này lúc {minute_text(locked.updated_at)}; "
            "hãy mở lại để xem",
            field="draft",
        )
    return _write(locked, head, lines, actor, at)


def _write(draft: StockDraft, head: DraftHead, lines: Sequence[DraftLine], actor: Actor, at: datetime) -> StockDraft:
    check_own(actor, head.store, head.target_store, *(row for line in lines for row in (line.drug, line.lot)))
    draft.store, draft.target_store = head.store, head.target_store
    draft.supplier, draft.reason = short(head.supplier, 255, "supplier"), short(head.reason, 500, "reason")
    for name, value in columns(clean(head.detail, with_titles=True)).items():
        setattr(draft, name, value)
    draft.updated_at, draft.updated_by = at, actor.user
    draft.save()
    draft.lines.all().delete()
    StockDraftLine.objects.bulk_create(
        StockDraftLine(
            facility=actor.facility,
            draft=draft,
            position=position,
            drug=line.drug,
            lot=line.lot,
            typed=short(line.typed, 255, "typed"),
            lot_number=short(line.lot_number, 100, "lot_number"),
            expires_on=line.expires_on,
            quantity=line.quantity,
            unit_cost=line.unit_cost,
            invoice_quantity=line.invoice_quantity,
            vat_rate=line.vat_rate,
            registration_no=short(line.registration_no, 255, "registration_no"),
            bid_info=short(line.bid_info, 255, "bid_info"),
            lot_reason=short(line.lot_reason, 255, "lot_reason"),
        )
        for position, line in enumerate(lines, 1)
    )
    audit_facts(kind=str(draft.kind), lines=len(lines))
    return draft


@service(action="pharmacy.discard_draft", permission="pharmacy.draft")
def discard_draft(*, draft: StockDraft, actor: Actor, at: datetime) -> StockDraft:
    """Put a draft away (bỏ phiếu nháp); it stays as it was. Others' drafts only with the right to post."""
    locked = _locked(draft, actor)
    if locked.created_by_id != actor.user.pk:
        actor.require("pharmacy.receive")
    locked.state, locked.updated_at, locked.updated_by = State.DISCARDED, at, actor.user
    locked.save()
    return locked


@service(action="pharmacy.post_draft", permission="pharmacy.draft")
def post_draft(
    *, draft: StockDraft, actor: Actor, at: datetime, confirm_unusual: bool = False, confirm_clock: bool = False
) -> StockDocument:
    """Make the document of a draft (ghi sổ); the permission is that of the service of its kind.

    Refuses an instant well before the last document of its stores (a clock that was set back), unless `confirm_clock`
    says that it is right and the earlier document was written by a clock that ran ahead; what is missing, with
    `position` (from 0) and the name of the field, and whatever the service refuses. Of two who post at once one gets
    the document, the other "already_posted".
    """
    locked = _locked(draft, actor)
    lines = list(locked.lines.select_related("drug", "lot__drug"))
    if not lines:
        raise Refusal("no_lines", "Chứng từ chưa có dòng thuốc nào", field="lines")
    for store in (locked.store, locked.target_store):
        if store is not None and not confirm_clock:
            check_clock(store, at)
    document = _POSTS[Kind(locked.kind)](_Posting(locked, lines, actor, at, confirm_unusual))
    locked.state, locked.document = State.POSTED, document
    locked.save()
    audit_facts(number=document.number, confirm_clock=confirm_clock)
    return document


@dataclass(frozen=True, slots=True)
class _Posting:
    """A draft on its way into the ledger, with what each kind asks of it."""

    draft: StockDraft
    lines: Sequence[StockDraftLine]
    actor: Actor
    at: datetime
    confirm_unusual: bool

    @property
    def store(self) -> Store:
        if self.draft.store is None:
            raise Refusal("no_store", "Hãy chọn kho", field="store")
        return self.draft.store

    @property
    def target_store(self) -> Store:
        if self.draft.target_store is None:
            raise Refusal("no_store", "Hãy chọn kho nhận", field="target_store")
        return self.draft.target_store

    @property
    def origin(self) -> StockDocument:
        if self.draft.origin is None:
            raise Refusal("no_origin", "Hãy lập phiếu từ chứng từ gốc", field="origin")
        return self.draft.origin

    @property
    def detail(self) -> Detail:
        return detail_of(self.draft)

    def goods(self) -> list[GoodsLine]:
        return [_goods(position, line) for position, line in enumerate(self.lines)]

    def lots(self) -> list[LotLine]:
        return [_lot(position, line) for position, line in enumerate(self.lines)]


def _goods(position: int, line: StockDraftLine) -> GoodsLine:
    if line.drug is None:
        raise Refusal("no_drug", "Hãy chọn thuốc trong gợi ý", field="drug", position=position)
    if line.expires_on is None:
        raise Refusal("no_expiry", "Hãy gõ hạn dùng", field="expires_on", position=position)
    if line.unit_cost is None:
        raise Refusal("no_cost", "Hãy gõ đơn giá", field="unit_cost", position=position)
    return GoodsLine(
        drug=line.drug,
        lot_number=line.lot_number,
        expires_on=line.expires_on,
        quantity=_quantity(position, line),
        unit_cost=line.unit_cost,
        invoice_quantity=line.invoice_quantity,
        vat_rate=line.vat_rate or Decimal(0),
        registration_no=line.registration_no,
        bid_info=line.bid_info,
    )


def _lot(position: int, line: StockDraftLine) -> LotLine:
    if line.lot is None:
        raise Refusal("no_lot", "Hãy chọn lô trong gợi ý", field="lot", position=position)
    return LotLine(line.lot, _quantity(position, line), line.lot_reason)


def _quantity(position: int, line: StockDraftLine) -> Decimal:
    if line.quantity is None:
        raise Refusal("no_quantity", "Hãy gõ số lượng", field="quantity", position=position)
    return line.quantity


def _receipt(p: _Posting) -> StockDocument:
    return stock.receive_goods(
        store=p.store,
        lines=p.goods(),
        supplier=p.draft.supplier,
        detail=p.detail,
        confirm_unusual=p.confirm_unusual,
        actor=p.actor,
        at=p.at,
    )


def _opening(p: _Posting) -> StockDocument:
    return stock.open_stock(
        store=p.store,
        lines=p.goods(),
        reason=p.draft.reason,
        confirm_unusual=p.confirm_unusual,
        actor=p.actor,
        at=p.at,
    )


def _transfer(p: _Posting) -> StockDocument:
    return stock.transfer(
        store=p.store,
        target_store=p.target_store,
        lines=p.lots(),
        reason=p.draft.reason,
        detail=p.detail,
        actor=p.actor,
        at=p.at,
    )


def _shipment(p: _Posting) -> StockDocument:
    return transit.ship(
        store=p.store,
        target_store=p.target_store,
        lines=p.lots(),
        request=p.draft.request,
        reason=p.draft.reason,
        detail=p.detail,
        actor=p.actor,
        at=p.at,
    )


def _arrival(p: _Posting) -> StockDocument:
    return transit.arrive(
        shipment=p.origin, lines=p.lots(), reason=p.draft.reason, detail=p.detail, actor=p.actor, at=p.at
    )


def _loss(p: _Posting) -> StockDocument:
    if p.draft.origin is not None:
        return transit.lose_in_transit(
            shipment=p.origin, lines=p.lots(), reason=p.draft.reason, detail=p.detail, actor=p.actor, at=p.at
        )
    return stock.record_loss(
        store=p.store, lines=p.lots(), reason=p.draft.reason, detail=p.detail, actor=p.actor, at=p.at
    )


def _destruction(p: _Posting) -> StockDocument:
    return stock.destroy(store=p.store, lines=p.lots(), reason=p.draft.reason, detail=p.detail, actor=p.actor, at=p.at)


def _supplier_return(p: _Posting) -> StockDocument:
    return stock.return_to_supplier(
        receipt=p.origin,
        store=p.store,
        lines=p.lots(),
        reason=p.draft.reason,
        detail=p.detail,
        actor=p.actor,
        at=p.at,
    )


_POSTS: Final[dict[StockDocument.Kind, Callable[[_Posting], StockDocument]]] = {
    Kind.RECEIPT: _receipt,
    Kind.OPENING: _opening,
    Kind.TRANSFER: _transfer,
    Kind.SHIPMENT: _shipment,
    Kind.ARRIVAL: _arrival,
    Kind.LOSS: _loss,
    Kind.DESTRUCTION: _destruction,
    Kind.SUPPLIER_RETURN: _supplier_return,
}

POST_PERMISSIONS: Final[dict[str, str]] = {
    **dict.fromkeys(DRAFTED, "pharmacy.receive"),
    Kind.ARRIVAL: "pharmacy.draft",
    Kind.DESTRUCTION: "pharmacy.destroy",
}
"""What the service of each kind asks for, so that a screen can say who posts."""


def _locked(draft: StockDraft, actor: Actor) -> StockDraft:
    rows = StockDraft.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    locked: StockDraft = rows.select_related("updated_by", "store", "target_store", "origin", "request").get(
        pk=draft.pk
    )
    if locked.state == State.POSTED:
        number = locked.document.number if locked.document else ""
        raise Refusal("already_posted", f"Phiếu nháp này đã ghi sổ thành {number}", field="draft")
    if locked.state == State.DISCARDED:
        raise Refusal("already_discarded", "Phiếu nháp này đã bỏ", field="draft")
    return locked
