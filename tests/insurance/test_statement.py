"""The cost statement 01/KBCB: its printed amounts, read back from the PDF and added up, are those of the database."""

import csv
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from django.conf import settings
from django.urls import reverse

from his.core.errors import Refusal
from his.core.words import amount_in_words
from his.printing.models import PrintRecord
from his.printing.render import render_pdf, render_png
from his.printing.services import facility_data
from insurance.billing.closing import reopen_visit
from insurance.billing.fee_waivers import Reason, grant_waiver
from insurance.billing.queries import lines_of
from insurance.billing.shares import Shares
from insurance.billing.statement import UNPLACED, blocks_of, edition_of
from insurance.models import BenefitLine, BenefitResult, Charge
from insurance.printing.statement import STATEMENT, print_statement, statement_data
from patients.models import Visit
from tests import pdf_text
from tests.cast import World, at
from tests.his.paper_pictures import PPI, assert_looks_like
from tests.insurance import walk
from tests.paper_tables import COLUMNS, statement_lines, total
from tests.pdf_text import amount

pytestmark = pytest.mark.django_db

LONG = "Dịch vụ kỹ thuật có tên rất dài <b>&\"'Ẵ ]] #let x *đậm* $y$ _nghiêng_ " * 2
PRINT = {"number": "1", "copy_no": 1, "printed_by": "Thu ngân", "printed_at": "06/10/2026 10:00"}


def of_result(result: BenefitResult) -> tuple[Decimal, ...]:
    """What the database says, by column."""
    wanted = ("total_hospital_amount", "total_insured_amount", "fund", "copay", "other", "self_paid")
    return tuple(getattr(result, name if name.startswith("total") else f"{name}_amount") for name in wanted)


def test_the_printed_lines_add_up_to_the_stored_split(world: World) -> None:
    lan = walk.lan_full(world, world.hospital)
    result = lan.close()
    pdf = print_statement(visit=lan.visit, actor=world.hospital.actor("cashier"), at=at(10))
    lines = statement_lines(pdf)
    rows = [line for line in lines if line.is_row]
    assert len(rows) == result.lines.count() == 5
    assert total(rows) == of_result(result)
    assert [line.cells[1] for line in lines if line.is_sum] == [
        "1. Khám bệnh",
        "3. Xét nghiệm",
        "4. Chẩn đoán hình ảnh",
        "8. Thuốc, dịch truyền",
        "TỔNG CỘNG",
    ]
    assert lines[-1].amounts == of_result(result)
    for row in rows:
        hospital, insured, fund, copay, other, self_paid = row.amounts
        assert hospital == fund + copay + other + self_paid
        quantity, price = amount(row.cells[3]), amount(row.cells[4])
        assert hospital == quantity * price * amount(row.cells[6]) / 100
        assert insured == quantity * amount(row.cells[5]) * amount(row.cells[8]) / 100
    text = pdf_text.joined(pdf_text.pieces(pdf))
    for part in (
        "Mức hưởng: 80%",
        amount_in_words(result.total_hospital_amount),
        "Người bệnh trả: 390.160 đồng, trong đó",
        "Mẫu số 01/KBCB",
        "697/QĐ-BYT",
        lan.visit.claim_code,
        "Bệnh tăng huyết áp",
        "GIÁM ĐỊNH BHYT",
    ):
        assert part in text
    assert "TẠM TÍNH" not in text


def long_stay(visit: Visit, result: BenefitResult, count: int) -> list[BenefitLine]:
    """Lines of a stay that was never stored: awkward names, prices and cents, two levels, a group nobody knows."""
    rng, groups = Random(697), ["13", "15", "16", "1", "2", "3", "18", "4", "6", "10", "12", "19", "99"]
    lines = []
    for n in range(count):
        hospital = Decimal(rng.randrange(1, 10 ** rng.randrange(5, 10))) / 100
        insured = (hospital * rng.choice([0, 1, 1, 1]) / rng.choice([1, 2])).quantize(Decimal("0.01"))
        percent = Decimal(80 if n < count * 2 // 3 else 100)
        fund = (insured * percent / 100).quantize(Decimal("0.01"))
        charge = Charge(
            visit=visit,
            code=f"X{n}",
            name=LONG if n % 7 == 0 else f"Khoản {n}",
            unit="Lần",
            group_code=groups[n % len(groups)],
            quantity=Decimal(rng.randrange(1, 4000)) / 1000,
            hospital_price=Decimal(rng.randrange(1, 10**9)) / 1000,
            insured_price=Decimal(rng.randrange(1, 10**9)) / 1000,
            ordered_at=at(8) + timedelta(days=n // 10),
        )
        line = BenefitLine(charge=charge, position=n, service_rate=Decimal(100), payment_rate=Decimal(100))
        line.benefit_percent, line.hospital_amount, line.insured_amount = percent, hospital, insured
        line.fund_amount, line.copay_amount, line.other_amount = fund, insured - fund, Decimal(0)
        line.self_paid_amount = hospital - insured
        lines.append(line)
    sums = Shares.total(map(Shares.of, lines))
    result.total_hospital_amount, result.total_insured_amount = sums.hospital, sums.insured
    result.fund_amount, result.copay_amount, result.self_paid_amount = sums.fund, sums.copay, sums.self_paid
    return lines


def test_a_long_stay_goes_over_pages_and_still_adds_up(world: World) -> None:
    lan = walk.lan_full(world, world.hospital)
    result = lan.close()
    visit = lan.visit
    visit.visit_type, visit.ended_at = "03", at(9) + timedelta(days=8)
    visit.patient.full_name, visit.patient.address = LONG, LONG
    lines = long_stay(visit, result, 80)
    data = statement_data(visit, result, lines) | {"facility": facility_data(visit.facility), "print": PRINT}
    pdf = render_pdf(STATEMENT.template, data)
    printed = statement_lines(pdf)
    rows = [line for line in printed if line.is_row]
    assert len(rows) == 80
    assert total(rows) == of_result(result) == printed[-1].amounts
    blocks = blocks_of(lines, visit=visit)
    assert [block.percent for block in blocks] == [80, 100]
    assert [line.amounts for line in printed if line.cells.get(1) == "Cộng"] == [
        tuple(getattr(block.amounts, name) for name in COLUMNS.values()) for block in blocks
    ]
    assert blocks[1].first_day == date(2026, 10, 11), "the days of the lines of this level"
    assert any(line.cells.get(1) == UNPLACED for line in printed)
    pieces = pdf_text.pieces(pdf)
    pages = {piece.page for piece in pieces}
    assert len(pages) >= 3
    for page in pages:
        texts = [piece.text for piece in pieces if piece.page == page]
        assert f"Trang {page}/{len(pages)}" in pdf_text.joined([p for p in pieces if p.page == page])
        if any(row.page == page for row in rows):
            assert "(13)" in texts, "the head is repeated"
    last = max(line.page for line in printed)
    assert printed[-1].page == last == max(pages), "the total stands with the signatures"
    assert "2. Ngày giường" in [line.cells.get(1) for line in printed]
    assert_looks_like("statement", render_png(STATEMENT.template, data, ppi=PPI))


def test_before_closing_it_says_that_it_is_provisional(world: World) -> None:
    lan = walk.lan_full(world, world.hospital)
    cashier = world.hospital.actor("cashier")
    draft = print_statement(visit=lan.visit, actor=cashier, at=at(10))
    text = pdf_text.joined(pdf_text.pieces(draft))
    assert "BẢN TẠM TÍNH, chưa chốt chi phí" in text
    assert "Bản tạm tính, không dùng để thanh toán" in text
    before = statement_lines(draft)
    result = lan.close()
    after = statement_lines(print_statement(visit=lan.visit, actor=cashier, at=at(10)))
    assert [line.amounts for line in before] == [line.amounts for line in after]
    reopen_visit(visit=lan.visit, reason="Sửa", actor=world.hospital.actor("manager"), at=at(11))
    lan.visit.refresh_from_db()
    print_statement(visit=lan.visit, actor=cashier, at=at(11))
    records = PrintRecord.objects.filter(form__startswith="statement").order_by("printed_at", "pk")
    assert [(row.form, row.object_id, row.copy_no) for row in records] == [
        ("statement_draft", lan.visit.pk, 1),
        ("statement", result.pk, 1),
        ("statement_draft", lan.visit.pk, 2),
    ]


def test_cents_are_printed_and_what_is_collected_is_said(world: World) -> None:
    lan = walk.lan_full(world, world.hospital)
    result = lan.close()
    result.copay_amount, result.fund_amount = Decimal("90160.49"), Decimal("360639.51")
    sums = statement_data(lan.visit, result, lines_of(result))["sums"]
    assert (sums["patient"], sums["whole"], sums["fund"]) == ("390.160,49", "390.160", "360.639,51")


def test_what_was_waived_is_said_beside_what_is_left_to_pay(world: World) -> None:
    lan = walk.lan_full(world, world.hospital)
    lan.close()
    grant_waiver(
        visit=lan.visit,
        amount=Decimal(90_000),
        reason=Reason("hardship", "Hộ nghèo"),
        actor=world.hospital.actor("manager"),
        at=at(10),
    )
    pdf = print_statement(visit=lan.visit, actor=world.hospital.actor("cashier"), at=at(10))
    text = pdf_text.joined(pdf_text.pieces(pdf))
    assert "Người bệnh trả: 390.160 đồng, được miễn giảm 90.000 đồng, còn phải trả 300.160 đồng" in text


def test_who_pays_alone_gets_a_statement_without_card_and_assessor(world: World) -> None:
    hung = walk.hung(world, world.hospital).examine("J06.9").sign()
    hung.close()
    pdf = print_statement(visit=hung.visit, actor=world.hospital.actor("cashier"), at=at(10))
    text = pdf_text.joined(pdf_text.pieces(pdf))
    assert "không có, người bệnh tự trả" in text
    assert "Mức hưởng" not in text
    assert "GIÁM ĐỊNH" not in text
    row = next(line for line in statement_lines(pdf) if line.is_row)
    assert row.amounts == (39_800, 0, 0, 0, 0, 39_800)
    assert 5 not in row.cells


def test_a_station_signs_by_its_head_alone(world: World) -> None:
    lan = walk.lan(world, world.station).examine().sign()
    lan.close()
    pdf = print_statement(visit=lan.visit, actor=world.station.actor("cashier"), at=at(10))
    text = pdf_text.joined(pdf_text.pieces(pdf))
    assert "TRƯỞNG TRẠM Y TẾ" in text
    assert "GIÁM ĐỊNH BHYT" not in text


def test_nothing_to_print_is_said(world: World) -> None:
    lan = walk.lan(world, world.hospital)
    with pytest.raises(Refusal, match="chưa có khoản chi phí"):
        print_statement(visit=lan.visit, actor=world.hospital.actor("cashier"), at=at(9))
    answer = walk.signed_in(world.hospital).get(reverse("statement-pdf", args=[lan.visit.pk]))
    assert answer.status_code == 422


@pytest.mark.parametrize("day", [date(2026, 6, 30), date(2026, 7, 1)])
def test_every_cost_group_has_a_place_on_the_form(world: World, day: date) -> None:
    visit = walk.lan(world, world.hospital).visit
    visit.arrived_at = visit.ended_at = at(9, day=day)
    with (settings.BASE_DIR / "insurance/data/codelists/cost_groups.csv").open(encoding="utf-8") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    money = {f"{name}_amount": Decimal(1) for name in COLUMNS.values()}
    lines = [
        BenefitLine(charge=Charge(name=code, group_code=code, quantity=1, ordered_at=at(9)), **money) for code in codes
    ]
    for line in lines:
        line.benefit_percent = Decimal(80)
    (block,) = blocks_of(lines, visit=visit)
    assert block.amounts.hospital == len(codes)
    assert UNPLACED not in [group.title for group in block.groups]
    named = next(group.title for group in block.groups if group.number == "9")
    edition = edition_of(visit)
    is_new = day >= date(2026, 7, 1)
    assert (named, "697" in edition.decree_vi) == ("Thiết bị y tế" if is_new else "Vật tư y tế", is_new)
