"""Goods in and prescriptions out: enough stock before each chunk, then lots by first expiry, ledger and balances."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db import connection

from his.accounts.models import Facility
from his.catalogs.models import Drug
from his.core.dates import vn_datetime
from his.core.errors import Refusal
from his.demo.volume.clinical import Stored
from his.demo.volume.copying import take_numbers
from his.demo.volume.people_rows import Maker
from his.demo.volume.plan import Draft
from his.demo.volume.setting import Setting
from pharmacy.allocation import LotStock, Pick, Wanted, allocate
from pharmacy.models import (
    Dispense,
    DispenseLine,
    Lot,
    Reservation,
    StockDocument,
    StockDocumentLine,
    StockMovement,
)
from pharmacy.queries import usable_lots, wanted_of
from pharmacy.services.ledger import locked_stock, movements_of
from pharmacy.services.reservations import kept_until
from pharmacy.services.stock import GoodsLine, receive_goods

RESERVE = 6
"""A delivery covers so many chunks like the one that asked for it."""
_SHELF_LIVES = (timedelta(days=240), timedelta(days=540))

_TAKE = """
    UPDATE pharmacy_lotbalance b SET on_hand = b.on_hand - d.quantity
    FROM unnest(%s::bigint[], %s::numeric[]) AS d (lot_id, quantity)
    WHERE b.store_id = %s AND b.lot_id = d.lot_id
"""


def deliver(setting: Setting, drafts: Sequence[Draft]) -> None:
    """Receive what the store lacks for these visits, by the pharmacy's service, on the morning of the first day."""
    demand, drugs = _demand(drafts)
    if not demand:
        return
    first, last = drafts[0].day, drafts[-1].day
    held: dict[str, Decimal] = defaultdict(Decimal)
    for row in usable_lots(setting.store, list(demand), last):
        held[row.lot.drug.code] += row.on_hand - row.reserved
    lines = [
        line
        for code in sorted(demand)
        if held[code] < demand[code]
        for line in _goods(drugs[code], demand[code] * RESERVE, first)
    ]
    if lines:
        receive_goods(
            store=setting.store,
            lines=lines,
            supplier="Công ty Dược phẩm Giả Định",
            reference=f"HD{first:%y%m%d}",
            actor=setting.actor("pharmacist"),
            at=vn_datetime(first, time(6, 30)),
            confirm_unusual=True,
        )


def _demand(drafts: Iterable[Draft]) -> tuple[dict[str, Decimal], dict[str, Drug]]:
    demand: dict[str, Decimal] = defaultdict(Decimal)
    drugs: dict[str, Drug] = {}
    for draft in drafts:
        for plan in draft.exam.drugs:
            demand[plan.drug.code] += plan.quantity
            drugs[plan.drug.code] = plan.drug
    return demand, drugs


def _goods(drug: Drug, quantity: Decimal, day: date) -> list[GoodsLine]:
    """Two lots of the drug, so that prescriptions now and then need both."""
    half = (quantity / 2 / 100).to_integral_value() * 100 + 100
    return [
        GoodsLine(
            drug=drug,
            lot_number=f"{drug.code}-{day:%y%m%d}{letter}",
            expires_on=day + life,
            quantity=half,
            unit_cost=drug.price,
        )
        for letter, life in zip("AB", _SHELF_LIVES, strict=True)
    ]


class Shelf:
    """What the store holds of the chunk's drugs, locked; taken from in the order of signing, which keeps the lots."""

    def __init__(self, setting: Setting, drug_codes: Collection[str], first: datetime) -> None:
        self.lots_by_item: dict[str, dict[int, LotStock]] = defaultdict(dict)
        stocks, held = locked_stock(store=setting.store, drug_codes=drug_codes, at=first)
        self.lots = {pk: row.lot for pk, row in held.items()}
        for stock in stocks:
            self.lots_by_item[stock.item][stock.lot_id] = stock
        self.taken: dict[int, Decimal] = defaultdict(Decimal)

    def pick(self, wanted: Sequence[Wanted], on: date) -> tuple[Pick, ...]:
        """Lots for the lines of one prescription. Refuses with "shortage" when somebody else took what was there."""
        items = {line.key: line.item for line in wanted}
        stocks = [stock for item in set(items.values()) for stock in self.lots_by_item[item].values()]
        allocation = allocate(wanted, stocks, on)
        if not allocation.is_complete:
            names = ", ".join(short.item for short in allocation.shortages)
            raise Refusal("shortage", f"Kho không đủ thuốc: {names}")
        for pick in allocation.picks:
            lots = self.lots_by_item[items[pick.key]]
            lots[pick.lot_id] = replace(lots[pick.lot_id], on_hand=lots[pick.lot_id].on_hand - pick.quantity)
            self.taken[pick.lot_id] += pick.quantity
        return allocation.picks


class SupplyRows:
    """Turns signed prescriptions into dispenses with their documents and movements."""

    def __init__(self, setting: Setting, maker: Maker) -> None:
        self.setting, self.maker = setting, maker
        self.facility: Facility = setting.facility

    def add(self, chunk: Sequence[Stored]) -> None:
        """Keep stock for all prescriptions of the chunk in the order of signing, hand them out in the order of time,
        and lower the balances by exactly that much."""
        signed = sorted((one for one in chunk if one.lines), key=lambda one: (one.draft.exam.signed_at, one.visit.pk))
        if not signed:
            return
        codes = {line.drug.code for one in signed for line in one.lines}
        shelf = Shelf(self.setting, codes, signed[0].draft.exam.signed_at)
        kept = [(one, self._keep(one, shelf)) for one in signed]
        series = f"stock-{StockDocument.Kind.DISPENSE}-{self.setting.first.year}"
        numbers = take_numbers(self.facility, {series: len(kept)})[series]
        for one, picks in sorted(kept, key=lambda pair: (pair[0].draft.dispensed_at, pair[0].visit.pk)):
            self._dispense(one, picks, next(numbers), shelf)
        taken = sorted(shelf.taken.items())
        with connection.cursor() as cursor:
            lots, quantities = [lot for lot, _ in taken], [quantity for _, quantity in taken]
            cursor.execute(_TAKE, (lots, quantities, self.setting.store.pk))

    def _keep(self, one: Stored, shelf: Shelf) -> tuple[Pick, ...]:
        """The lots kept at signing, which are those that dispensing takes on the same day."""
        assert one.prescription is not None
        signed_at = one.draft.exam.signed_at
        picks = shelf.pick([wanted_of(line, line.quantity) for line in one.lines], signed_at.date())
        for pick in picks:
            self.maker.make(
                Reservation,
                prescription_line_id=pick.key,
                store_id=self.setting.store.pk,
                lot_id=pick.lot_id,
                quantity=pick.quantity,
                state=Reservation.State.USED,
                made_at=signed_at,
                until=kept_until(signed_at),
                ended_at=one.draft.dispensed_at,
            )
        return picks

    def _dispense(self, one: Stored, picks: Sequence[Pick], number: int, shelf: Shelf) -> None:
        assert one.prescription is not None
        draft, store = one.draft, self.setting.store
        user_id = draft.pharmacist.user.pk
        document: StockDocument = self.maker.make(
            StockDocument,
            kind=StockDocument.Kind.DISPENSE,
            number=f"PC{draft.day:%y}-{number:06d}",
            store_id=store.pk,
            posted_at=draft.dispensed_at,
            posted_by_id=user_id,
        )
        for position, pick in enumerate(picks, 1):
            self._move(document, position, shelf.lots[pick.lot_id], pick.quantity)
        dispense: Dispense = self.maker.make(
            Dispense,
            prescription_id=one.prescription.pk,
            document_id=document.pk,
            store_id=store.pk,
            dispensed_at=draft.dispensed_at,
            dispensed_by_id=user_id,
        )
        for pick in picks:
            self.maker.make(
                DispenseLine,
                dispense_id=dispense.pk,
                prescription_line_id=pick.key,
                lot_id=pick.lot_id,
                quantity=pick.quantity,
            )

    def _move(self, document: StockDocument, position: int, lot: Lot, quantity: Decimal) -> None:
        line: StockDocumentLine = self.maker.make(
            StockDocumentLine, document_id=document.pk, position=position, lot_id=lot.pk, quantity=quantity
        )
        for movement in movements_of(document, line):
            movement.pk = self.maker.ids.next(StockMovement)
            self.maker.rows[StockMovement].append(movement)
