"""A month in which everything happened to the stock, against a program that shares no code (`stock_audit`)."""

import ast
from datetime import date
from decimal import Decimal
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from openpyxl import load_workbook

from his.catalogs.models import Drug
from pharmacy.handout import LineChoice, ReturnedLine
from pharmacy.models import NotGiven, Store
from pharmacy.printing.card import card_data
from pharmacy.queries import stock_card
from pharmacy.services.details import Detail, Member
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.returning import return_drugs, reverse_return
from pharmacy.services.stock import (
    LotLine,
    destroy,
    record_loss,
    return_to_supplier,
    reverse_document,
    transfer,
)
from pharmacy.services.stocktake_end import post_count
from pharmacy.services.transit import arrive, lose_in_transit, ship
from reports.engine import run
from reports.export import export
from reports.period import Period
from tests.cast import World, at
from tests.insurance import walk
from tests.pharmacy import board, shelf
from tests.reports import second_opinion, stock_audit
from tests.reports.month import person_visit
from tests.scenes import scene

FIRST, LAST, AFTER = date(2026, 10, 1), date(2026, 10, 31), "2026-11-01"
OCTOBER = Period.parse_month("2026-10")


@scene
def busy(world: World) -> dict[str, Store]:
    """Every kind of document, most of them reversed once; goods under way; lots with an apostrophe and with the same
    number and another expiry; a drug that changed its name; parts, another product, and drugs that came back."""
    place = world.hospital
    pharmacist, head = place.actor("pharmacist"), place.actor("head")
    window, main = walk.stocked(world, place), shelf.main_store(place)
    other = shelf.other_brand(world, place)
    day = at(5, day=date(2026, 9, 28))
    shelf.receive(place, main, shelf.goods(world, place, lot="B'2", quantity=300), when=day)
    drug = world.drug(place, walk.AMLODIPIN)
    receipt = shelf.receive(
        place,
        main,
        shelf.goods(world, place, lot="C3", quantity=200, expires_on=date(2027, 3, 1)),
        shelf.goods(world, place, lot="C3", quantity="50.5", expires_on=date(2027, 4, 1)),
        when=at(6),
    )
    wrong = shelf.receive(place, main, shelf.goods(world, place, lot="SAI", quantity=9), when=at(6, 1))
    reverse_document(document=wrong, reason="Nhầm", actor=pharmacist, at=at(6, 2))
    shelf.receive(
        place, window, shelf.goods(world, place, code=other.code, lot="X1", quantity=80, unit_cost=220), when=at(6, 3)
    )
    b2 = shelf.lot("B'2")
    transfer(
        store=main, target_store=window, lines=[LotLine(b2, Decimal(40), "Kệ ngoài")], actor=pharmacist, at=at(6, 5)
    )
    undone = transfer(
        store=main, target_store=window, lines=[LotLine(b2, Decimal(7), "Kệ")], actor=pharmacist, at=at(6, 6)
    )
    reverse_document(document=undone, reason="Nhầm", actor=pharmacist, at=at(6, 7))
    sent = ship(store=main, target_store=window, lines=[LotLine(b2, Decimal(60), "Kệ")], actor=pharmacist, at=at(6, 10))
    arrive(shipment=sent, lines=[LotLine(b2, Decimal(20))], actor=pharmacist, at=at(6, 20))
    lose_in_transit(shipment=sent, lines=[LotLine(b2, Decimal(5))], reason="Vỡ", actor=pharmacist, at=at(6, 30))
    kept = Detail(board=(Member("Trần Thị Kho"),))
    gone = destroy(store=main, lines=[LotLine(b2, Decimal(11))], reason="Ẩm", detail=kept, actor=head, at=at(6, 40))
    reverse_document(document=gone, reason="Chưa hủy", actor=head, at=at(6, 41))
    destroy(store=main, lines=[LotLine(b2, Decimal(3))], reason="Ẩm", detail=kept, actor=head, at=at(6, 42))
    record_loss(store=main, lines=[LotLine(b2, Decimal("0.5"))], reason="Vỡ", actor=pharmacist, at=at(6, 50))
    c3 = shelf.Lot.objects.get(number="C3", expires_on=date(2027, 3, 1))
    return_to_supplier(
        receipt=receipt, store=main, lines=[LotLine(c3, Decimal(10))], reason="Trả", actor=pharmacist, at=at(6, 55)
    )
    walk.lan_full(world, place).settled()
    _in_part(world, window, other)
    _brought_back(world)
    hung = walk.hung(world, place, 10).examine("J06.9").prescribe((walk.PARACETAMOL, 8)).sign().dispense()
    hung.settled()
    Drug.objects.filter(pk=drug.pk).update(name="Amlodipin Tên Mới")
    count = board.opened(place, main, when=at(12))
    for number, seen in (("B'2", 200), ("SAI", 0)):
        if count.lines.filter(lot__number=number).exists():
            board.twice(place, count, number, seen, when=at(12, 10), damaged=1 if seen else 0)
    for line in count.lines.filter(lot__number="C3"):
        for round_no in (1, 2):
            board.record_count(
                line=line,
                counter=board.counter(count),
                round_no=round_no,
                found=board.Found(line, line.snapshot_quantity + 2, counted_at=at(12, 10)),
                actor=pharmacist,
                at=at(12, 10),
            )
        board.explain(line=line, reason="Thừa", actor=pharmacist, at=at(12, 15))
    post_count(count=board.approve(place, count, at(13)), actor=pharmacist, at=at(14))
    return {"KC": main, "CP": window}


def _in_part(world: World, window: Store, other: Drug) -> None:
    """One line in part and for good, one with another product at its own price; the first attempt was undone."""
    place = world.hospital
    pharmacist = place.actor("pharmacist")
    part = person_visit(world, place, "Đỗ Một Phần", "HT3999912345602", hour=9).examine("I10")
    part.prescribe((walk.PARACETAMOL, 20), (walk.AMLODIPIN, 14)).sign().dispense()
    assert part.given is not None
    reverse_dispense(dispense=part.given, reason="Nhầm người", actor=pharmacist, at=at(10, 30))
    first, second = part.given.prescription.lines.order_by("pk")
    choices = [
        LineChoice(first.pk, Decimal(20), drug_code=other.code, agreed_by="Đỗ Một Phần"),
        LineChoice(second.pk, Decimal(5), reason=NotGiven.Reason.DECLINED),
    ]
    dispense(prescription=part.given.prescription, store=window, choices=choices, actor=pharmacist, at=at(10, 40))
    part.now = at(10, 45)
    part.settled()


def _brought_back(world: World) -> None:
    """A part comes back, one of it spoiled; another return was entered wrongly and undone."""
    place = world.hospital
    pharmacist = place.actor("pharmacist")
    back = person_visit(world, place, "Lý Trả Lại", "GD4999912345603", hour=9).examine("I10")
    back.prescribe((walk.PARACETAMOL, 10), (walk.AMLODIPIN, 14)).sign().dispense()
    assert back.given is not None
    first, second = back.given.lines.order_by("pk")
    how = {"dispense": back.given, "reason": "Nổi mẩn", "actor": pharmacist}
    wrong = return_drugs(lines=[ReturnedLine(first.pk, Decimal(10))], at=at(10, 30), **how)  # type: ignore[arg-type]
    reverse_return(patient_return=wrong, reason="Nhầm", actor=pharmacist, at=at(10, 31))
    lines = [ReturnedLine(second.pk, Decimal(6)), ReturnedLine(first.pk, Decimal(1), is_intact=False)]
    return_drugs(lines=lines, at=at(10, 35), **how)  # type: ignore[arg-type]
    back.now = at(10, 40)
    back.settled()


def nxt(world: World, folder: Path, store: str = "") -> Path:
    """The spreadsheet of a store, or of the facility."""
    made = run(
        form="NXT",
        facility=world.hospital.facility,
        period=OCTOBER,
        store=store,
        actor=world.hospital.actor("claims"),
        at=at(18),
    )
    path = folder / f"NXT{store}.xlsx"
    path.write_bytes(export(made, "xlsx"))
    return path


def cards(world: World, store: Store) -> dict[str, list[list[str]]]:
    """The bin cards of a store as they are printed, by drug code."""
    found = {}
    codes = store.movements.values_list("lot__drug__code", flat=True)
    for code in sorted(set(codes)):
        drug = world.drug(world.hospital, code)
        card = stock_card(drug, FIRST, LAST, store=store)
        (sheet,) = card_data(drug, card, FIRST, LAST, store, at(18))["sheets"]
        found[code] = sheet["rows"]
    return found


def test_every_unit_of_every_lot_is_the_same_everywhere(world: World, tmp_path: Path, busy: dict[str, Store]) -> None:
    call_command("export_claims", "--facility", "99002", "--month", "2026-10", "--out", str(tmp_path / "xml"))
    claims = second_opinion.claims_in(tmp_path / "xml")
    with connection.cursor() as cursor:
        ledger = stock_audit.Ledger(cursor, "99002", f"{FIRST}", AFTER)
    whole = nxt(world, tmp_path)
    assert len(claims) == 3
    assert len(stock_audit.rows_of(whole)) == 8
    assert stock_audit.against_ledger(whole, ledger) == []
    assert stock_audit.against_claims(whole, claims, ledger) == []
    for code, store in busy.items():
        path = nxt(world, tmp_path, code)
        assert stock_audit.against_ledger(path, ledger, code) == []
        assert stock_audit.against_cards(path, cards(world, store), code, ledger) == []

    book = load_workbook(whole)
    heads = [cell.value for cell in book.worksheets[0][1]]
    book.worksheets[0].cell(2, heads.index("XUAT_CAP") + 1).value = 1234
    book.save(whole)
    assert len(stock_audit.against_ledger(whole, ledger)) == 1
    assert len(stock_audit.against_claims(whole, claims, ledger)) == 1
    for line in next(iter(claims.values()))["XML2"]:
        line["SO_LUONG"] = "1"
    assert len(stock_audit.against_claims(whole, claims, ledger)) > 2


def test_the_program_shares_no_code_with_the_product() -> None:
    tree = ast.parse(Path(stock_audit.__file__).read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    assert modules <= {"collections", "collections.abc", "decimal", "pathlib", "typing", "openpyxl"}
