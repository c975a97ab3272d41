"""Opening stock of the demonstration: enough for the month, in lots of different expiry.

Every drug of the month has two lots or more; one lot ran out before the month began, one has an apostrophe in its
number, and a few drugs come so scarce that they are nearly used up at the end.
"""

from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.dates import vn_datetime
from his.demo.places import STATION
from pharmacy.models import Store
from pharmacy.queries_window import same_products
from pharmacy.services.stock import GoodsLine, LotLine, receive_goods, transfer
from pharmacy.services.stores import create_store

APOSTROPHE_LOT = "L'26-07"
SUPPLIER = "Công ty Dược Giả Định"


def open_stores(actor: Actor, *, demand: dict[str, Decimal], drugs: dict[str, Drug], month: date) -> Store:
    """Make the stores, receive the stock before the month begins, and answer the store that hands out."""
    code = actor.facility.code
    rng = Random(f"stock:{month:%Y-%m}:{code}")
    lines = _lines(rng, demand, drugs, month)
    early = vn_datetime(month - timedelta(days=58), time(9))
    opening = vn_datetime(month - timedelta(days=2), time(8, 30))
    if code == STATION:
        main = create_store(code="KHO", name="Kho thuốc trạm", kind=Store.Kind.MAIN, actor=actor)
        _receive_expired(main, drugs, demand, actor, early, month)
        _receive(main, lines, actor, opening)
        return main
    main = create_store(code="KC", name="Kho chính", kind=Store.Kind.MAIN, actor=actor)
    counter = create_store(code="KNT", name="Kho cấp phát ngoại trú", kind=Store.Kind.DISPENSARY, actor=actor)
    _receive_expired(counter, drugs, demand, actor, early, month)
    _receive(main, lines, actor, opening)
    _move(main, counter, lines, demand, actor, opening + timedelta(hours=2))
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
        lines.append(GoodsLine(drug, name, near, first, drug.price))
        lines.append(
            GoodsLine(drug, f"{rng.choice('ABCDHKMPT')}{rng.randrange(10_000, 99_999)}", far, second, drug.price)
        )
    return lines


def _up(quantity: Decimal, step: Decimal) -> Decimal:
    return (quantity / step).to_integral_value(rounding=ROUND_CEILING) * step


def _receive_expired(
    store: Store, drugs: dict[str, Drug], demand: dict[str, Decimal], actor: Actor, at: datetime, month: date
) -> None:
    """A lot that was good when it came and had run out when the month began: nobody may be given it."""
    drug = drugs[max(demand, key=lambda code: (demand[code], code))]
    line = GoodsLine(drug, "HH2609", month - timedelta(days=1), Decimal(200), drug.price)
    receive_goods(store=store, lines=[line], supplier=SUPPLIER, reference="HD-0001", actor=actor, at=at)


def _receive(store: Store, lines: list[GoodsLine], actor: Actor, at: datetime) -> None:
    for start in range(0, len(lines), 40):
        receive_goods(
            store=store,
            lines=lines[start : start + 40],
            supplier=SUPPLIER,
            reference=f"HD-{start // 40 + 2:04d}",
            confirm_unusual=True,
            actor=actor,
            at=at + timedelta(minutes=10 * (start // 40)),
        )


def _move(
    main: Store, counter: Store, lines: list[GoodsLine], demand: dict[str, Decimal], actor: Actor, at: datetime
) -> None:
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
    for start in range(0, len(moves), 40):
        transfer(store=main, target_store=counter, lines=moves[start : start + 40], actor=actor, at=at)
