"""Stock of the demonstration before its month begins: enough for it, in lots of different expiry, with every paper.

Each store opens with a lot that has run out when the month begins. Goods come in with an inspection; at the hospital
the dispensary asks the main store for them and gets them by a shipment. A little breaks, a little goes back to the
supplier, and the cabinet of a ward waits for an approval. Every drug has two lots; one has an apostrophe in its
number, and a few drugs come so scarce that they are nearly used up at the end.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random

from his.accounts.actor import Actor
from his.accounts.models import Department
from his.catalogs.models import Drug
from his.core.dates import local, vn_datetime
from his.demo.places import STATION
from pharmacy.models import Lot, StockDocument, Store
from pharmacy.queries_window import same_products
from pharmacy.services.details import Detail, Member
from pharmacy.services.requests import AskLine, approve_request, send_request, write_request
from pharmacy.services.stock import (
    GoodsLine,
    LotLine,
    open_stock,
    receive_goods,
    record_loss,
    return_to_supplier,
)
from pharmacy.services.stores import create_store
from pharmacy.services.transit import arrive, ship

APOSTROPHE_LOT = "L'26-07"
SUPPLIER = "Công ty Dược Giả Định"
WARD = "K02"
LOST, RETURNED, WANTED = Decimal(2), Decimal(5), Decimal(20)


def open_stores(
    actors: Mapping[str, Actor], *, demand: dict[str, Decimal], drugs: dict[str, Drug], month: date
) -> Store:
    """Make the stores, receive the stock before the month begins, and answer the store that hands out."""
    keeper = actors.get("keeper", actors["pharmacist"])
    code = keeper.facility.code
    lines = _lines(Random(f"stock:{month:%Y-%m}:{code}"), demand, drugs, month)
    early = vn_datetime(month - timedelta(days=58), time(9))
    opening = vn_datetime(month - timedelta(days=2), time(8, 30))
    if code == STATION:
        main = create_store(code="KHO", name="Kho thuốc trạm", kind=Store.Kind.MAIN, actor=keeper)
        _open(main, drugs, demand, keeper, early, month)
        _leave(_receive(main, lines, actors, opening), keeper, opening + timedelta(hours=3))
        return main
    main = create_store(code="KC", name="Kho chính", kind=Store.Kind.MAIN, actor=keeper)
    counter = create_store(code="KNT", name="Kho cấp phát ngoại trú", kind=Store.Kind.DISPENSARY, actor=keeper)
    _open(counter, drugs, demand, keeper, early, month)
    receipt = _receive(main, lines, actors, opening)
    moves = _moves(main, lines, demand)
    _supply(main, counter, moves, actors, opening + timedelta(hours=2))
    _leave(receipt, keeper, opening + timedelta(hours=3))
    _cabinet_asks(main, receipt, actors, opening + timedelta(hours=4))
    return counter


def add_others(store: Store, drugs: dict[str, Drug], month: date, actor: Actor) -> dict[str, str]:
    """Two lots of a product that may be given in place of another, where the catalogue has one that nobody prescribes.

    Answers the codes of these products by the code of the drug that they replace.
    """
    found: dict[str, Drug] = {}
    for code in sorted(drugs):
        others = [drug for drug in same_products(drugs[code], month) if drug.code not in drugs]
        if others:
            found[code] = others[0]
    lines = [
        GoodsLine(drug, f"T{drug.code}-{number}", month + timedelta(days=200 * number), Decimal(300), drug.price)
        for drug in found.values()
        for number in (1, 2)
    ]
    if lines:
        opening = vn_datetime(month - timedelta(days=1), time(8, 30))
        receive_goods(store=store, lines=lines, supplier=SUPPLIER, reference="HD-T", actor=actor, at=opening)
    return {code: drug.code for code, drug in found.items()}


def _lines(rng: Random, demand: dict[str, Decimal], drugs: dict[str, Drug], month: date) -> list[GoodsLine]:
    lines = []
    for number, code in enumerate(sorted(demand)):
        drug, wanted = drugs[code], demand[code]
        spare = Decimal("1.06") if number % 11 == 5 else Decimal("1.8")
        step = Decimal(50) if drug.quantity_rule == "count" else Decimal(5)
        first, second = _up(wanted * spare * Decimal("0.45"), step), _up(wanted * spare * Decimal("0.55"), step)
        near = month + timedelta(days=rng.randrange(95, 200))
        far = month + timedelta(days=rng.randrange(300, 800))
        name = APOSTROPHE_LOT if number == 0 else f"{rng.choice('ABCDHKMPT')}{rng.randrange(1000, 9999)}"
        second_name = f"{rng.choice('ABCDHKMPT')}{rng.randrange(10_000, 99_999)}"
        for lot, expires_on, quantity in ((name, near, first), (second_name, far, second)):
            lines.append(GoodsLine(drug, lot, expires_on, quantity, drug.price, vat_rate=Decimal(5)))
    return lines


def _up(quantity: Decimal, step: Decimal) -> Decimal:
    return (quantity / step).to_integral_value(rounding=ROUND_CEILING) * step


def _open(
    store: Store, drugs: dict[str, Drug], demand: dict[str, Decimal], actor: Actor, at: datetime, month: date
) -> None:
    """A lot that was good when the ledger began and had run out when the month began: nobody may be given it."""
    drug = drugs[max(demand, key=lambda code: (demand[code], code))]
    line = GoodsLine(drug, "HH2609", month - timedelta(days=1), Decimal(200), drug.price)
    open_stock(store=store, lines=[line], reason="Kiểm kê khi bắt đầu dùng sổ kho", actor=actor, at=at)


def _receive(main: Store, lines: list[GoodsLine], actors: Mapping[str, Actor], at: datetime) -> StockDocument:
    """Goods in before a board, forty lines a delivery; answers the first receipt."""
    keeper = actors.get("keeper", actors["pharmacist"])
    head = actors.get("head", actors["manager"])
    board = (
        Member(head.user.display_name, "Trưởng khoa Dược" if "head" in actors else "Trưởng trạm"),
        Member(keeper.user.display_name, "Thủ kho"),
    )
    receipts = []
    for number, start in enumerate(range(0, len(lines), 40), 2):
        detail = Detail(
            invoice_number=f"{number:07d}",
            invoice_symbol=f"1C{at:%y}TGD",
            invoice_on=local(at).date() - timedelta(days=1),
            funding="purchase",
            delivered_by="Người Giao Hàng",
            appearance="Nguyên vẹn, đúng hàm lượng",
            packaging="Kín, nhãn rõ",
            temperature="26 °C",
            board=board,
        )
        receipt = receive_goods(
            store=main,
            lines=lines[start : start + 40],
            supplier=SUPPLIER,
            detail=detail,
            confirm_unusual=True,
            actor=keeper,
            at=at + timedelta(minutes=10 * (number - 2)),
        )
        receipts.append(receipt)
    return receipts[0]


def _moves(main: Store, lines: list[GoodsLine], demand: dict[str, Decimal]) -> list[LotLine]:
    """The counter gets what the month asks for; what is left of the far lot stays in the main store."""
    balances = {(b.lot.drug.code, b.lot.number): b for b in main.balances.select_related("lot__drug")}
    moves, covered = [], dict.fromkeys(demand, Decimal(0))
    for line in lines:
        code = line.drug.code
        quantity = min(line.quantity, max(Decimal(0), demand[code] * Decimal("1.05") - covered[code]))
        quantity = quantity.to_integral_value(rounding=ROUND_CEILING)
        if quantity > 0:
            covered[code] += quantity
            moves.append(LotLine(balances[code, line.lot_number].lot, min(quantity, line.quantity)))
    return moves


def _supply(main: Store, counter: Store, moves: list[LotLine], actors: Mapping[str, Actor], at: datetime) -> None:
    """The dispensary asks, the head of pharmacy approves, the keeper ships, the dispensary confirms."""
    asks: dict[str, AskLine] = {}
    for move in moves:
        drug = move.lot.drug
        known = asks[drug.code].quantity if drug.code in asks else Decimal(0)
        asks[drug.code] = AskLine(drug, known + move.quantity)
    pharmacist = actors["pharmacist"]
    request = write_request(
        store=counter, source_store=main, lines=list(asks.values()), note="Dự trù tháng", actor=pharmacist, at=at
    )
    request = send_request(request=request, actor=pharmacist, at=at)
    approved = {line.pk: line.asked_qty for line in request.lines.all()}
    request = approve_request(request=request, approved=approved, actor=actors["head"], at=at + timedelta(minutes=10))
    shipment = ship(
        store=main,
        target_store=counter,
        lines=moves,
        request=request,
        actor=actors["keeper"],
        at=at + timedelta(minutes=20),
    )
    arrive(shipment=shipment, lines=moves, actor=pharmacist, at=at + timedelta(minutes=40))


def _leave(receipt: StockDocument, actor: Actor, at: datetime) -> None:
    """A little of what the main store can spare breaks, a little goes back to the supplier."""
    lot = _most(receipt)
    record_loss(store=receipt.store, lines=[LotLine(lot, LOST)], reason="Vỡ khi xếp lên kệ", actor=actor, at=at)
    return_to_supplier(
        receipt=receipt,
        store=receipt.store,
        lines=[LotLine(lot, RETURNED)],
        reason="Vỉ bị hở, nhà cung cấp nhận lại",
        actor=actor,
        at=at + timedelta(minutes=15),
    )


def _most(receipt: StockDocument) -> Lot:
    """The lot of the receipt that its store holds most of."""
    held = receipt.store.balances.filter(lot__in=receipt.lines.values("lot")).select_related("lot__drug")
    return held.order_by("-on_hand", "lot_id")[0].lot


def _cabinet_asks(main: Store, receipt: StockDocument, actors: Mapping[str, Actor], at: datetime) -> None:
    """The cabinet of a ward; what it asks for waits for its approval."""
    nurse, keeper = actors["nurse"], actors["keeper"]
    ward = Department.objects.for_facility(keeper.facility).get(code=WARD)
    cabinet = create_store(
        code=f"TT{WARD}", name=f"Tủ trực {ward.name}", kind=Store.Kind.CABINET, department=ward, actor=keeper
    )
    lines = [AskLine(_most(receipt).drug, WANTED)]
    request = write_request(store=cabinet, source_store=main, lines=lines, note="Cơ số tủ trực", actor=nurse, at=at)
    send_request(request=request, actor=nurse, at=at)
