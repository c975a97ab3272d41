"""One of every paper of the stores, from documents that were really posted."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from his.demo.places import Place
from pharmacy.models import Lot
from pharmacy.printing.card import card_data
from pharmacy.printing.documents import document_data
from pharmacy.printing.handovers import handover_data
from pharmacy.printing.requests import request_data
from pharmacy.queries import stock_card
from pharmacy.queries_documents import document
from pharmacy.services.details import Detail, Member
from pharmacy.services.handovers import Counted, hand_over_cabinet
from pharmacy.services.requests import AskLine, approve_request, send_request, write_request
from pharmacy.services.stock import (
    GoodsLine,
    destroy,
    receive_goods,
    record_loss,
    return_to_supplier,
    reverse_document,
    transfer,
)
from pharmacy.services.stock_checks import LotLine
from pharmacy.services.transit import arrive, ship
from tests.cast import DAY, World, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL

SUPPLIER = "Công ty Dược 'Giả Định' <A&B> #1"
BOARD = (
    Member("Đinh Thị Khoa", "Trưởng khoa Dược"),
    Member("Lê Thị Tài Chính", "Trưởng phòng TCKT"),
    Member("Hồ Văn Kho", "Thủ kho"),
)
LONG_LOT = "L'26-07/ABCDEFGHIJKLMN"


def papers(world: World, place: Place) -> dict[str, dict[str, Any]]:
    """The data of each paper by its name; the lots have awkward numbers, one drug is narcotic, one toxic."""
    keeper, head, facility = place.actor("keeper"), place.actor("head"), place.facility
    for code, name, control in (("TH0003", "Morphin 10mg", "narcotic"), ("TH0002", "Digoxin 0,25mg", "toxic")):
        drug = world.drug(place, code)
        drug.name, drug.strength, drug.control_class = name, name.split(maxsplit=1)[1], control
        drug.manufacturer, drug.country = "Nhà máy Giả Định", "Việt Nam"
        drug.save()
    main, ward = shelf.main_store(place), shelf.cabinet(place)
    detail = Detail(
        "0000123", "1C26TAA", DAY, "insurance", "Trần Giao Hàng", "Nguyên vẹn, đúng màu", "", "25 °C", "", BOARD
    )
    receipt = receive_goods(
        store=main,
        supplier=SUPPLIER,
        detail=detail,
        lines=[_goods(world, place, *row) for row in _GOODS],
        confirm_unusual=True,
        actor=keeper,
        at=at(6),
    )
    lots = {lot.number: lot for lot in Lot.objects.for_facility(facility)}
    request = _request(world, place, main, ward)
    shipment = ship(
        store=main,
        target_store=ward,
        lines=[
            LotLine(lots[LONG_LOT], Decimal(30)),
            LotLine(lots["L2"], Decimal(20), "Khoa xin đúng lô"),
            LotLine(lots["M1"], Decimal(5)),
        ],
        request=request,
        detail=Detail(delivered_by="Lý Thị Điều"),
        actor=keeper,
        at=at(9),
    )
    arrival = arrive(
        shipment=shipment, lines=[LotLine(lots[LONG_LOT], Decimal(30))], actor=place.actor("nurse"), at=at(10)
    )
    back = transfer(
        store=ward,
        target_store=main,
        lines=[LotLine(lots[LONG_LOT], Decimal(3))],
        reason="Thừa cơ số",
        actor=keeper,
        at=at(11),
    )
    people = Detail(board=(Member("Lý Thị Điều", "Người làm mất, hỏng, vỡ"), Member("Hồ Văn Kho", "Thủ kho")))
    loss = record_loss(
        store=main,
        lines=[LotLine(lots["L2"], Decimal("1.5"))],
        reason="Vỡ khi xếp kệ",
        detail=people,
        actor=keeper,
        at=at(12),
    )
    burnt = destroy(
        store=main,
        lines=[LotLine(lots["D1"], Decimal(4))],
        reason="Hết hạn dùng",
        detail=Detail(method="Đốt tại lò của bệnh viện", board=BOARD),
        actor=head,
        at=at(12),
    )
    returned = return_to_supplier(
        receipt=receipt,
        store=main,
        lines=[LotLine(lots["M1"], Decimal(2)), LotLine(lots["L2"], Decimal(10))],
        reason="Sai hàm lượng",
        actor=keeper,
        at=at(13),
    )
    undone = reverse_document(document=loss, reason="Ghi nhầm lô", actor=head, at=at(14))
    handover = hand_over_cabinet(
        store=ward,
        taken_by=place.users["doctor"],
        counted=[Counted(lots[LONG_LOT], Decimal(26), "Thiếu 1 viên, đã báo trưởng khoa")],
        actor=place.actor("nurse"),
        at=at(15),
    )
    drug, first = world.drug(place, PARACETAMOL), DAY - timedelta(days=5)
    said = {
        "inspection": (receipt, "inspection"),
        "goods_in": (receipt, "goods_in"),
        "arrival": (arrival, "goods_in"),
        "goods_out": (shipment, "goods_out"),
        "ward_return": (back, "ward_return"),
        "loss_void": (loss, "loss"),
        "destruction": (burnt, "destruction"),
        "supplier_return": (returned, "supplier_return"),
        "controlled_out": (returned, "controlled_out"),
        "reversal": (undone, "reversal"),
    }
    return {
        **{name: document_data(document(facility, row.pk), paper) for name, (row, paper) in said.items()},
        "request": request_data(request),
        "card": card_data(drug, stock_card(drug, first, DAY, store=main), first, DAY, main, at(16)),
        "handover": handover_data(handover),
    }


_GOODS = [
    (PARACETAMOL, LONG_LOT, 100, 150, 100, 5),
    (PARACETAMOL, "L2", 500, "166.667", 520, 5),
    ("TH0003", "M1", 20, 120_000, 20, 0),
    (AMLODIPIN, "D1", 50, 250, 50, 8),
]


def _goods(
    world: World, place: Place, code: str, lot: str, quantity: int, cost: Any, invoiced: int, vat: int
) -> GoodsLine:
    return GoodsLine(
        drug=world.drug(place, code),
        lot_number=lot,
        expires_on=DAY + timedelta(days=400),
        quantity=Decimal(quantity),
        unit_cost=Decimal(cost),
        invoice_quantity=Decimal(invoiced),
        vat_rate=Decimal(vat),
    )


def _request(world: World, place: Place, main: Any, ward: Any) -> Any:
    nurse = place.actor("nurse")
    wanted = [(PARACETAMOL, 60, ""), ("TH0003", 5, "Ca mổ"), (AMLODIPIN, 10, ""), ("TH0004", 2, "")]
    lines = [AskLine(world.drug(place, code), Decimal(quantity), note) for code, quantity, note in wanted]
    request = write_request(
        store=ward, source_store=main, lines=lines, note="Bổ sung cơ số tủ trực", actor=nurse, at=at(7)
    )
    send_request(request=request, actor=nurse, at=at(7))
    given = dict(zip(request.lines.values_list("pk", flat=True), map(Decimal, (50, 5, 0, 2)), strict=True))
    return approve_request(request=request, approved=given, actor=place.actor("head"), at=at(8))
