"""What a new draft already knows: from the lot, shipment, receipt or request it begins with, or from the last paper."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from his.accounts.models import Facility
from his.core.errors import NotFound
from pharmacy import queries_documents as papers
from pharmacy.models import DocumentDetail, Lot, LotBalance, StockDocument, Store
from pharmacy.queries import stores
from pharmacy.services.details import Detail, Member, board_of
from pharmacy.services.drafts import DraftHead, DraftLine
from pharmacy.services.stock import returnable

Kind = StockDocument.Kind


def filled(facility: Facility, kind: str, ids: Mapping[str, int], today: date) -> dict[str, Any]:
    """The arguments of `start_draft` beside kind, actor and time. Unknown ids are not found."""
    if "request" in ids:
        return _from_request(facility, ids["request"], today)
    if "origin" in ids:
        return _from_document(facility, kind, ids["origin"])
    known = list(stores(facility))
    usual = next((store for store in known if store.kind == Store.Kind.MAIN), known[0] if known else None)
    lines: list[DraftLine] = []
    if "lot" in ids:
        lot = Lot.objects.for_facility(facility).filter(pk=ids["lot"]).first()
        if lot is None:
            raise NotFound("Không tìm thấy lô tại cơ sở này")
        held = LotBalance.objects.for_facility(facility).filter(lot=lot, on_hand__gt=0).order_by("store_id").first()
        usual, lines = held.store if held else usual, [DraftLine(lot=lot)]
    return {"head": DraftHead(store=usual, detail=Detail(board=_usual_board(facility, kind))), "lines": lines}


def _from_request(facility: Facility, pk: int, today: date) -> dict[str, Any]:
    """A shipment of what is approved and not shipped, from lots first expired first."""
    asked = papers.request(facility, pk)
    wanted = [(row.drug.code, row.to_ship) for row in papers.request_progress(asked)]
    picks = papers.propose(asked.source_store, wanted, today)
    return {
        "head": DraftHead(store=asked.source_store, target_store=asked.store, reason=f"Theo phiếu lĩnh {asked.number}"),
        "lines": [DraftLine(lot=lot, quantity=quantity) for lot, quantity in picks],
        "request": asked,
    }


def _from_document(facility: Facility, kind: str, pk: int) -> dict[str, Any]:
    """The rest of a shipment that arrives or was lost; what may go back of a receipt."""
    origin = papers.document(facility, pk)
    if origin.kind == Kind.SHIPMENT and kind in (Kind.ARRIVAL, Kind.LOSS):
        rows = papers.in_transit(facility, shipment=origin)
        lines = [DraftLine(lot=row.lot, quantity=row.left) for row in rows]
        head = DraftHead(store=origin.target_store, detail=Detail(board=_usual_board(facility, kind)))
        return {"head": head, "lines": lines, "origin": origin}
    if origin.kind == Kind.RECEIPT and kind == Kind.SUPPLIER_RETURN:
        left = returnable(origin)
        held = LotBalance.objects.for_facility(facility).filter(store=origin.store, lot__in=left, on_hand__gt=0)
        rows_held = held.select_related("lot").order_by("lot_id")
        lines = [
            DraftLine(lot=row.lot, quantity=min(left[row.lot_id], row.on_hand - row.reserved))
            for row in rows_held
            if left[row.lot_id] > 0 and row.on_hand > row.reserved
        ]
        return {"head": DraftHead(store=origin.store, supplier=origin.supplier), "lines": lines, "origin": origin}
    raise NotFound("Không lập được phiếu này từ chứng từ đã chọn")


_TITLES: dict[str, tuple[str, ...]] = {
    Kind.RECEIPT: ("Trưởng khoa Dược", "Trưởng phòng TCKT", "Thủ kho", "Kế toán dược", "Cán bộ cung ứng"),
    Kind.DESTRUCTION: ("Chủ tịch hội đồng", "Thư ký", "Ủy viên"),
    Kind.LOSS: ("Người làm mất, hỏng, vỡ", "Người chứng kiến"),
}


def _usual_board(facility: Facility, kind: str) -> tuple[Member, ...]:
    """The board of the last paper of the kind: mostly the same people; else the titles of the form."""
    rows = DocumentDetail.objects.for_facility(facility).filter(document__kind=kind).exclude(board=[])
    last = rows.order_by("-pk").first()
    if last is not None and kind != Kind.LOSS:
        return board_of(last.board)
    return tuple(Member("", title) for title in _TITLES.get(kind, ()))
