"""Stock in, out and left (NXT) and what was used (05D): against the ledger, the bin cards and the claims."""

import io
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from django.db import connection

from his.core.errors import NotFound, Refusal
from pharmacy.models import StockDocument, Store
from pharmacy.queries import stock_card
from pharmacy.services import ledger
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.stock import LotLine, record_loss, reverse_document, transfer
from reports.datasets.antibiotics import is_antibiotic
from reports.definition import form_codes, latest
from reports.engine import run
from reports.export import export, kinds_of
from reports.models import ReportRun
from reports.period import Period
from reports.services import export_report
from tests.cast import World, at
from tests.pharmacy import shelf
from tests.reports import workbook
from tests.scenes import scene

SEPTEMBER, OCTOBER = Period.parse_month("2026-09"), Period.parse_month("2026-10")
NXT_NUMBERS = ("DAU_SL", "NHAP_SL", "XUAT_SL", "DUONG_SL", "CUOI_SL")


def made(world: World, form: str = "NXT", period: Period = OCTOBER, store: str = "") -> ReportRun:
    place = world.hospital
    return run(form=form, facility=place.facility, period=period, store=store, actor=place.actor("claims"), at=at(18))


def rows(report: ReportRun) -> dict[tuple[str, str], dict[str, str]]:
    """Rows by drug code and lot number (or price)."""
    table = [dict(zip(report.values["columns"], row, strict=True)) for row in report.values["rows"]]
    return {(row["MA"], row.get("SO_LO", row["DON_GIA"])): row for row in table}


def numbers(row: dict[str, str], *tags: str) -> list[int]:
    return [int(Decimal(row[tag])) for tag in tags or NXT_NUMBERS]


@scene
def month(world: World) -> dict[str, Store]:
    """Goods in September and October, sent on, handed out, taken back, broken, reversed."""
    place = world.hospital
    pharmacist = place.actor("pharmacist")
    main, window = shelf.main_store(place), shelf.dispensary(place)
    before = at(8, day=date(2026, 9, 20))
    shelf.receive(place, main, shelf.goods(world, place, lot="A'1", quantity=100), when=before)
    shelf.receive(
        place,
        main,
        shelf.goods(world, place, code=shelf.AMLODIPIN, lot="B1", quantity=50, unit_cost="210.5"),
        when=at(6),
    )
    wrong = shelf.receive(place, main, shelf.goods(world, place, lot="SAI", quantity=7), when=at(6, 5))
    reverse_document(document=wrong, reason="Nhầm", actor=pharmacist, at=at(6, 10))
    for number in ("A'1", "B1"):
        lines = [LotLine(shelf.lot(number), Decimal(40))]
        transfer(store=main, target_store=window, lines=lines, actor=pharmacist, at=at(7))
    first = shelf.lan_prescription(world, place, (shelf.PARACETAMOL, 20), (shelf.AMLODIPIN, 7))
    dispense(prescription=first, store=window, actor=pharmacist, at=at(10))
    second = shelf.hung_prescription(world, place, (shelf.PARACETAMOL, 9))
    taken = dispense(prescription=second, store=window, actor=pharmacist, at=at(10))
    reverse_dispense(dispense=taken, reason="Nhầm người", actor=pharmacist, at=at(11))
    broken = [LotLine(shelf.lot("A'1"), Decimal(3))]
    record_loss(store=window, lines=broken, reason="Vỡ", actor=pharmacist, at=at(12))
    return {"main": main, "window": window}


def test_a_month_of_the_facility(world: World, month: dict[str, Store]) -> None:
    report = made(world)
    found = rows(report)
    assert [check["title"] for check in report.checks if not check["passed"]] == []
    assert numbers(found["TH0001", "A'1"]) == [100, 0, 23, 0, 77]
    assert numbers(found["TH0002", "B1"]) == [0, 50, 7, 0, 43]
    assert numbers(found["TH0001", "SAI"]) == [0, 0, 0, 0, 0], "received and reversed: it moved, and nothing is left"
    assert Decimal(found["TH0002", "B1"]["CUOI_TT"]) == Decimal("9051.5")
    assert numbers(found["TH0001", "A'1"], "XUAT_CAP", "XUAT_HUY", "XUAT_CHUYEN") == [20, 3, 40]
    assert report.values["titles"] == [["1drug", "Thuốc"]]


def test_the_stores_add_up_to_the_facility(world: World, month: dict[str, Store]) -> None:
    whole, main, window = rows(made(world)), rows(made(world, store="KC")), rows(made(world, store="CP"))
    assert numbers(main["TH0001", "A'1"]) == [100, 0, 40, 0, 60]
    assert numbers(window["TH0001", "A'1"]) == [0, 40, 23, 0, 17]
    for key, row in whole.items():
        for tag in ("DAU_SL", "CUOI_SL", "CUOI_TT"):
            assert sum(Decimal(part[key][tag]) for part in (main, window) if key in part) == Decimal(row[tag])


def test_goods_under_way_belong_to_no_store(world: World, month: dict[str, Store]) -> None:
    sent = ledger.draft(
        kind=StockDocument.Kind.SHIPMENT,
        store=month["main"],
        target_store=month["window"],
        actor=world.hospital.actor("pharmacist"),
        at=at(13),
    )
    sent.add(lot=shelf.lot("A'1"), quantity=Decimal(10))
    ledger.write(sent)
    report = made(world)
    assert numbers(rows(report)["TH0001", "A'1"]) == [100, 0, 23, 10, 67]
    assert rows(report)["TH0001", "A'1"]["GHI_CHU"] == "đi đường 10"
    assert report.values["notes"] == ["Giá trị hàng chuyển kho chưa nhận tăng trong kỳ: 1.500 đ"]
    assert all(check["passed"] for check in report.checks)


def test_each_row_is_the_end_of_its_bin_card(world: World, month: dict[str, Store]) -> None:
    for code, store in ((code, store) for code in ("TH0001", "TH0002") for store in (None, *month.values())):
        found = [row for key, row in rows(made(world, store=store.code if store else "")).items() if key[0] == code]
        card = stock_card(world.drug(world.hospital, code), OCTOBER.start, OCTOBER.end, store=store)
        for tag, figure in (("DAU_SL", card.opening), ("CUOI_SL", card.closing)):
            assert sum(Decimal(row[tag]) for row in found) == figure


def test_opening_is_the_closing_of_the_month_before(world: World, month: dict[str, Store]) -> None:
    made(world, period=SEPTEMBER)
    place, report = world.hospital, made(world)
    assert all(check["passed"] for check in report.checks)
    late = at(8, day=date(2026, 9, 25))
    shelf.receive(place, month["main"], shelf.goods(world, place, lot="MUON", quantity=5), when=late)
    differing = {check["title"]: check["refs"] for check in made(world).checks if not check["passed"]}
    lot = shelf.lot("MUON")
    assert differing == {"Tồn đầu bằng tồn cuối của biểu tháng trước đã lập": [f"TH0001/{lot.pk}"]}


def test_a_balance_that_is_not_the_ledger_blocks_the_form(world: World, month: dict[str, Store]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pharmacy_lotbalance SET on_hand = on_hand + 1 WHERE on_hand > 0 AND store_id = %s",
            [month["main"].pk],
        )
    titles = [check["title"] for check in made(world).checks if not check["passed"]]
    assert titles == ["Tồn cuối bằng số dư kho tính lùi về cuối kỳ"]


def test_what_was_used_is_what_went_out_less_what_came_back(world: World, month: dict[str, Store]) -> None:
    used, flow = rows(made(world, "05D")), rows(made(world))
    assert numbers(used["TH0001", "150"], "NGOAI_SL", "HUY_SL", "TONG_SL") == [20, 3, 23]
    assert Decimal(used["TH0002", "210.5"]["NGOAI_TT"]) == Decimal("1473.5")
    went = sum(Decimal(row["XUAT_TT"]) - Decimal(row["NHAP_TRA"]) * Decimal(row["DON_GIA"]) for row in flow.values())
    assert went == sum(Decimal(row["TONG_TT"]) for row in used.values())
    assert rows(made(world, "06D")) == {} == rows(made(world, "09D"))


def test_an_antibiotic_is_one_by_any_of_its_ingredients(world: World) -> None:
    for name in ("Amoxicilin + acid clavulanic", "Cefuroxim", "Acid clavulanic, AMOXICILLIN", "Ciprofloxacin"):
        assert is_antibiotic(name), name
    for name in ("Paracetamol", "Fluconazol", "Aciclovir", "Clotrimazol", ""):
        assert not is_antibiotic(name), name


def test_a_form_of_the_whole_facility_takes_no_store(world: World, month: dict[str, Store]) -> None:
    with pytest.raises(Refusal) as refused:
        made(world, "01BH", store="KC")
    assert refused.value.code == "not_by_store"
    with pytest.raises(Refusal) as refused:
        made(world, store="LA")
    assert refused.value.code == "unknown_store"


def test_every_form_gives_its_files(world: World, month: dict[str, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    for form in [latest(code) for code in form_codes()]:
        if form.is_list:
            continue  # written as it is read, and compared with the claims (test_lists)
        report = made(world, form.code, OCTOBER.fitting(form.periods))
        for kind in kinds_of(form):
            assert export(report, kind) == export(report, kind)
        workbook.assert_no_cell_is_lost(form, report.values, monkeypatch)
    report = made(world)
    book = openpyxl.load_workbook(io.BytesIO(export(report, "xlsx")))
    sheet = book["NXT"]
    head = [cell.value for cell in sheet[1]]
    cells = {row[head.index("SO_LO")].value: row for row in sheet.iter_rows(min_row=2)}
    closing = cells["A'1"][head.index("CUOI_SL")]
    assert (closing.value, closing.data_type) == (77, "n")
    with pytest.raises(NotFound):
        export_report(run=report, kind="xml", actor=world.hospital.actor("claims"), at=at(18))


def test_an_empty_month_says_so(world: World) -> None:
    for code in ("NXT", "05D"):
        report = made(world, code, Period.parse_month("2026-03"))
        assert report.values["rows"] == []
        assert export(report, "pdf").startswith(b"%PDF")


def test_the_proposal_of_a_month_counts_that_month(world: World, month: dict[str, Store]) -> None:
    """Made at the end of October it knows what October used; in September nothing was handed out, and it says so."""
    report = made(world, "DUTRU")
    (line,) = report.values["rows"]
    row = dict(zip(report.values["columns"], line, strict=True))
    assert report.values["notes"] == ["Mức dùng bình quân tháng tính trên 1 tháng, từ 01/10/2026 đến 31/10/2026"]
    assert (row["MA"], row["DUNG_THANG"], int(Decimal(row["DE_NGHI"]))) == ("TH0001", "20", 3), "20 x 4 less 77"
    before = made(world, "DUTRU", SEPTEMBER)
    assert before.values["rows"] == []
    assert before.values["notes"] == ["Chưa có tháng trọn nào để tính mức dùng bình quân: chưa biết, không phải bằng 0"]
