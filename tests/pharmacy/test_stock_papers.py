"""The papers of the stores: how they look, what they say, who may print them, and which form is in force when."""

from datetime import date
from typing import Any

import pytest
from django.urls import reverse

from his.core.errors import Refusal
from his.printing.models import PrintRecord
from his.printing.render import render_png
from pharmacy.models import StockDocument
from pharmacy.printing.documents import print_document
from pharmacy.printing.forms import TEMPLATE, form_on
from tests.cast import World, at
from tests.his.paper_pictures import PPI, assert_looks_like
from tests.his.test_printing_papers import FACILITY, PRINT
from tests.insurance.walk import signed_in
from tests.pdf_text import joined, pieces
from tests.pharmacy import shelf
from tests.pharmacy.stock_papers import LONG_LOT, SUPPLIER, papers


def pictures(data: dict[str, Any]) -> list[bytes]:
    return render_png(TEMPLATE, {**data, "facility": FACILITY, "print": PRINT}, ppi=PPI)


def test_papers_look_as_they_did_and_say_what_was_posted(world: World) -> None:
    said = papers(world, world.hospital)
    for name, data in said.items():
        assert_looks_like(f"stock_{name}", pictures(data))
    rows = {name: data["sheets"][0]["rows"] for name, data in said.items()}
    inspection = said["inspection"]["sheets"][0]
    assert [row[7] for row in rows["inspection"]] == ["100", "500", "20", "50"], "what came, not what was invoiced"
    assert inspection["sums"][0][8] == "2.510.833,50"
    assert inspection["words"] == "Hai triệu năm trăm mười nghìn tám trăm ba mươi tư đồng"
    assert inspection["vat"] == "5.608,48"
    assert ["Nguồn nhập", SUPPLIER] in inspection["facts"]
    assert [row[4:6] for row in rows["goods_in"]] == [["100", "100"], ["520", "500"], ["20", "20"], ["50", "50"]]
    assert [row[4:6] for row in rows["goods_out"]] == [["50", "30"], ["", "20"], ["5", "5"]], "approved, then shipped"
    slips = said["request"]["sheets"]
    assert [slip["subtitle"] for slip in slips] == ["", "THUỐC GÂY NGHIỆN", "THUỐC ĐỘC"]
    assert [row[4:7] for row in slips[0]["rows"]] == [["60", "50", "50"], ["2", "2", ""]]
    assert [row[1] for row in rows["controlled_out"]] == ["Morphin 10mg (Thuốc trả một nửa)"], "only what is controlled"
    assert said["loss_void"]["sheets"][0]["void"].startswith("Đã hủy bằng phiếu HC26-000001")
    card = rows["card"]
    assert [row[9] for row in card] == ["0", "100", "600", "570", "550", "553", "551,5", "541,5", "543"]
    assert card[1][3] == LONG_LOT


def test_a_column_in_another_place_is_seen(world: World) -> None:
    data = papers(world, world.hospital)["inspection"]
    sheet = data["sheets"][0]
    swapped = [[*row[:6], row[7], row[6], *row[8:]] for row in sheet["rows"]]
    with pytest.raises(AssertionError, match="differs by"):
        assert_looks_like("stock_inspection", pictures({"sheets": [{**sheet, "rows": swapped}]}))


def test_the_number_of_a_form_is_that_of_its_day() -> None:
    assert form_on("goods_in", date(2024, 12, 31)).number == "Mẫu số C30-HD"
    assert form_on("goods_in", date(2025, 1, 1)).number == "Mẫu số C30-BB"
    returned, loss = form_on("ward_return", date(2026, 1, 1)), form_on("loss", date(2026, 1, 1))
    assert (returned.circular, returned.number) == ("TT 23/2011/TT-BYT", "MS: 05D/BV-01")
    assert (loss.circular, loss.number) == ("TT 22/2011/TT-BYT", "MS: 14D/BV-01")
    with pytest.raises(Refusal):
        form_on("controlled_out", date(2026, 7, 15))


def test_prints_are_counted_and_stay_in_their_facility(world: World) -> None:
    place = world.hospital
    document = shelf.receive(place, shelf.main_store(place), shelf.goods(world, place, lot="L'1"))
    for copy in (1, 2):
        pdf = print_document(document=document, paper="goods_in", actor=place.actor("keeper"), at=at(9))
        assert pdf.startswith(b"%PDF")
        assert PrintRecord.objects.get(form="stock_goods_in", object_id=document.pk, copy_no=copy)
    address = reverse("stock-document-pdf", args=[document.pk, "goods_in"])
    assert signed_in(place, "keeper").get(address)["Content-Type"] == "application/pdf"
    assert signed_in(world.station, "pharmacist").get(address).status_code == 404
    assert signed_in(place, "cashier").get(address).status_code == 403
    for wrong in ("loss", "statement"):
        assert (
            signed_in(place, "keeper").get(reverse("stock-document-pdf", args=[document.pk, wrong])).status_code == 404
        )


def test_a_long_document_goes_on_over_pages_with_every_row(world: World) -> None:
    place = world.hospital
    lines = [shelf.goods(world, place, lot=f"LO-{number:03d}") for number in range(160)]
    document = shelf.receive(place, shelf.main_store(place), *lines)
    pdf = print_document(document=document, paper="goods_in", actor=place.actor("keeper"), at=at(9))
    text = joined(pieces(pdf))
    assert all(f"LO-{number:03d}" in text for number in range(160))
    assert StockDocument.objects.count() == 1
