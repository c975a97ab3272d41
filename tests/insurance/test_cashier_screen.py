"""The cashier's desk: closing, collecting, refunding by keys; errors beside the field; nothing of another facility."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from his.catalogs.models import PricedService
from insurance.billing import ledger
from insurance.billing.closing import close_visit
from insurance.models import (
    BenefitResult,
    CashEntry,
    CashSession,
)
from insurance.templatetags.insurance_words import law_words
from patients.models import Visit, VitalSigns
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import CBC, PARACETAMOL, drawer, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(14), tick=False)


def page(client: Client, name: str, *args: object, **query: object) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def refused(answer) -> str:
    assert answer.status_code in {409, 422}, answer.status_code
    return answer.content.decode()


def test_close_and_collect_take_two_keys(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    drawer(place)
    client = signed_in(place)
    shown = page(client, "cashier-visit", step.visit.pk)
    for part in ("Chi phí dự kiến", "Khám Nội", "390.160", 'id="close"', "Danh mục thanh toán 50%", "Chốt chi phí"):
        assert part in shown
    answer = client.post(reverse("cashier-close", args=[step.visit.pk]), follow=True)
    shown = answer.content.decode()
    assert "Đã chốt chi phí, người bệnh trả 390.160 đ" in shown
    assert 'name="amount" value="390.160"' in shown
    assert 'data-action="save"' in shown
    form = {"amount": "390.160", "method": "cash", "idempotency_key": "k1"}
    answer = client.post(reverse("cashier-collect", args=[step.visit.pk]), form, follow=True)
    shown = answer.content.decode()
    assert "Đã thu 390.160 đ, phiếu PT26.000001" in shown
    receipt = CashEntry.objects.get()
    assert f'data-print="{reverse("receipt-pdf", args=[receipt.pk])}"' in shown
    assert ledger.amount_due(step.visit) == 0
    client.post(reverse("cashier-collect", args=[step.visit.pk]), form)  # a second click
    assert CashEntry.objects.count() == 1


def test_f10_prints_the_receipt_and_before_there_is_one_the_statement(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    drawer(place)
    client = signed_in(place)
    printed = re.compile(r'data-action="print"[^>]*data-print="([^"]*)"')
    statement = reverse("statement-pdf", args=[step.visit.pk])
    assert printed.findall(page(client, "cashier-visit", step.visit.pk)) == [statement]
    client.post(reverse("cashier-close", args=[step.visit.pk]))
    assert printed.findall(page(client, "cashier-visit", step.visit.pk)) == [statement]
    form = {"amount": "390.160", "method": "cash", "idempotency_key": "k1"}
    client.post(reverse("cashier-collect", args=[step.visit.pk]), form)
    receipt = reverse("receipt-pdf", args=[CashEntry.objects.get().pk])
    assert printed.findall(page(client, "cashier-visit", step.visit.pk)) == [receipt]


def test_what_goes_back_of_a_note_is_said_and_not_kept(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    drawer(world.hospital)
    client, address = signed_in(world.hospital), reverse("cashier-collect", args=[step.visit.pk])
    form = {"amount": "390.160", "method": "cash", "idempotency_key": "k1", "tendered": "390.000"}
    assert "Khách đưa ít hơn số tiền thu" in refused(client.post(address, form))
    assert not CashEntry.objects.exists()
    shown = client.post(address, form | {"tendered": "500.000"}, follow=True).content.decode()
    assert "Đã thu 390.160 đ, phiếu PT26.000001; trả lại khách 109.840 đ" in shown
    assert CashEntry.objects.get().amount == 390_160
    other = walk.hung(world, world.hospital, hour=9).examine().sign()
    other.close()
    form = {"amount": "1000", "method": "card", "idempotency_key": "k2", "tendered": "500"}
    shown = client.post(reverse("cashier-collect", args=[other.visit.pk]), form, follow=True).content.decode()
    assert "Đã thu 1.000 đ, phiếu PT26.000002<" in shown, "a card gives nothing back"


def test_the_list_of_debts_says_what_is_owed_and_what_goes_back(world: World) -> None:
    owing = walk.lan_full(world, world.hospital)
    owing.close()
    held = walk.hung(world, world.hospital, hour=9).examine().sign()
    held.deposit(100_000)
    held.close()
    shown = page(signed_in(world.hospital), "cashier-debts")
    for part in ("2 lượt", "Còn phải thu: <b>390.160 đ</b>", "Phải hoàn: <b>60.200 đ</b>"):
        assert part in shown
    assert "lượt</span>" not in page(signed_in(world.station), "cashier-debts")


def test_who_pays_alone_sees_no_columns_of_the_fund(world: World) -> None:
    columns = ("Trong BHYT", "Quỹ trả", "Cùng trả")
    alone = walk.hung(world, world.hospital).examine().sign()
    shown = page(signed_in(world.hospital), "cashier-visit", alone.visit.pk)
    assert not any(f">{column}<" in shown for column in columns)
    assert shown.count("39.800") > 2
    insured = walk.lan(world, world.hospital, hour=9).examine().sign()
    shown = page(signed_in(world.hospital), "cashier-visit", insured.visit.pk)
    assert all(f">{column}<" in shown for column in columns)


def test_who_is_here_today_comes_before_old_accounts(world: World) -> None:
    old = walk.lan_full(world, world.hospital)
    old.close()
    before = timedelta(days=3)
    Visit.objects.filter(pk=old.visit.pk).update(arrived_at=at(8) - before, ended_at=at(9) - before)
    new = walk.hung(world, world.hospital, hour=11).examine().sign()
    shown = page(signed_in(world.hospital), "cashier")
    assert shown.index("Trần Văn Hùng") < shown.index("Thu 390.160")
    assert f'data-action="next" href="{reverse("cashier-visit", args=[new.visit.pk])}"' in shown


def test_the_second_cashier_reads_who_was_first(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    close_visit(visit=step.visit, actor=place.actor("cashier2"), at=at(13))
    shown = refused(signed_in(place).post(reverse("cashier-close", args=[step.visit.pk])))
    assert "Lượt khám đã được chốt chi phí lúc 13:00 ngày 06/10/2026" in shown
    assert "Chi phí đã chốt" in shown
    assert BenefitResult.objects.count() == 1


def test_drugs_that_were_not_handed_out_ask_for_a_reason_beside_the_field(world: World) -> None:
    step = walk.hung(world, world.hospital).examine("J06.9").prescribe((PARACETAMOL, 10)).sign()
    client = signed_in(world.hospital)
    assert "Chờ thuốc" in page(client, "cashier")
    assert "Đơn thuốc chưa cấp phát" in page(client, "cashier-visit", step.visit.pk)
    shown = refused(client.post(reverse("cashier-close", args=[step.visit.pk])))
    assert 'id="id_drugs_declined_reason_error"' in shown
    assert "hãy ghi lý do" in shown
    client.post(reverse("cashier-close", args=[step.visit.pk]), {"drugs_declined_reason": "Có ở <nhà> 'rồi'"})
    assert Visit.objects.get(pk=step.visit.pk).state == Visit.State.CLOSED


def test_what_is_missing_is_shown_before_closing(world: World) -> None:
    step = walk.lan(world, world.hospital).examine().order(CBC).sign()
    PricedService.objects.filter(facility=world.hospital.facility, code=CBC).update(group_code="")
    VitalSigns.objects.all().delete()
    client = signed_in(world.hospital)
    shown = page(client, "cashier-visit", step.visit.pk)
    assert "Dịch vụ 22.0121.1369 chưa có nhóm chi phí" in shown
    assert "Chưa ghi cân nặng" in page(client, "cashier-checks", step.visit.pk)
    assert "Khám Nội" in shown
    assert 'id="close"' not in shown
    shown = refused(client.post(reverse("cashier-close", args=[step.visit.pk])))
    assert "chưa có nhóm chi phí" in shown


def test_wrong_amounts_stay_typed_with_the_error_beside_them(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    drawer(place)
    client, url = signed_in(place), reverse("cashier-collect", args=[step.visit.pk])
    for typed, said in (
        ("0", "Số tiền phải lớn hơn 0"),
        ("999.999.999", "lớn hơn số còn phải thu 390.160 đ"),
        ("1000,5", "Số tiền phải chẵn đồng"),
        ("<b>", "Hãy gõ một số"),
        ("", "Hãy gõ số tiền"),
        ("9" * 30, "Số quá lớn"),
    ):
        shown = refused(client.post(url, {"amount": typed, "method": "cash", "idempotency_key": f"k{typed}"}))
        assert said in shown
        assert 'id="id_amount_error"' in shown
        assert f'value="{escape(typed)}"' in shown
    refused(client.post(url, {"amount": "1", "method": "gold", "idempotency_key": "k"}))
    assert not CashEntry.objects.exists()


def test_without_a_drawer_the_desk_offers_to_open_one_and_comes_back(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    client = signed_in(world.hospital)
    assert "Mở ca thu để thu tiền" in page(client, "cashier-visit", step.visit.pk)
    shown = refused(client.post(reverse("cashier-session"), {"opening_float": "-5", "back": step.visit.pk}))
    assert "Tiền đầu ca không được âm" in shown
    answer = client.post(reverse("cashier-session"), {"opening_float": "500.000", "back": step.visit.pk})
    assert answer.headers["Location"] == reverse("cashier-visit", args=[step.visit.pk])
    assert CashSession.objects.get().opening_float == 500000
    assert "Ca thu trước chưa chốt" in refused(client.post(reverse("cashier-session"), {"opening_float": "0"}))


def test_a_refund_needs_an_amount_that_is_left_and_a_reason(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.settled()
    receipt, client = CashEntry.objects.get(), signed_in(place)
    url = reverse("cashier-refund", args=[receipt.pk])
    shown = refused(client.post(url, {"amount": "390161", "reason": "Thừa", "idempotency_key": "a"}))
    assert "Phiếu PT26.000001 chỉ còn hoàn được 390.160 đ" in shown
    assert f'aria-describedby="id_{receipt.pk}_amount_error"' in shown
    assert "Hãy ghi lý do hoàn tiền" in refused(
        client.post(url, {"amount": "1", "reason": " ", "idempotency_key": "b"})
    )
    form = {"amount": "160", "reason": "Thừa <b> 'lẻ'", "idempotency_key": "c"}
    shown = client.post(url, form, follow=True).content.decode()
    assert "Đã hoàn 160 đ từ phiếu PT26.000001" in shown
    assert "Thừa &lt;b&gt; &#x27;lẻ&#x27;" in shown
    assert CashEntry.objects.get(kind="refund").reason == "Thừa <b> 'lẻ'"


def test_the_manager_opens_a_visit_again_and_the_cashier_cannot(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.settled()
    url = reverse("cashier-reopen", args=[step.visit.pk])
    assert signed_in(place).post(url, {"reason": "Sai"}).status_code == 403
    manager = signed_in(place, "manager")
    assert "Hãy ghi lý do" in refused(manager.post(url, {"reason": ""}))
    assert "Đã mở lại lượt khám" in manager.post(url, {"reason": "Sai giá"}, follow=True).content.decode()
    assert Visit.objects.get().state == Visit.State.EXAMINED


@pytest.mark.parametrize(
    ("law", "said"),
    [
        ("Luật BHYT Đ22 k1 e; QĐ 1351/QĐ-BHXH", "Luật BHYT Điều 22 khoản 1 điểm e; QĐ 1351/QĐ-BHXH"),
        ("NĐ 188/2025/NĐ-CP Đ18 k1", "NĐ 188/2025/NĐ-CP Điều 18 khoản 1"),
        (
            "TT 01/2025/TT-BYT Đ9, Đ10; QĐ 3276/QĐ-BYT PL1",
            "TT 01/2025/TT-BYT Điều 9, Điều 10; QĐ 3276/QĐ-BYT Phụ lục 1",
        ),
        ("Luật BHYT Đ22 k1 và k4", "Luật BHYT Điều 22 khoản 1 và khoản 4"),
        ("QĐ 4750/QĐ-BYT (T_NGUONKHAC)", "QĐ 4750/QĐ-BYT (T_NGUONKHAC)"),
        ("", ""),
    ],
)
def test_the_law_is_said_in_words(law: str, said: str) -> None:
    assert law_words(law) == said


def test_every_line_says_why_and_by_which_law(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    shown = page(signed_in(place), "cashier-visit", step.visit.pk)
    assert "Mọi khoản: Hưởng 80%: thẻ mức 4" in shown
    assert "Luật BHYT Điều 22 khoản 1 điểm e" in shown
    half = "Danh mục thanh toán 50%, phần còn lại người bệnh tự trả"
    assert f'{half} <span class="law">TT 35/2016/TT-BYT Điều 4 khoản 2</span>' in shown
    close_visit(visit=step.visit, actor=place.actor("cashier"), at=at(13))
    stored = page(signed_in(place), "cashier-visit", step.visit.pk)
    assert half in stored
    assert "Luật BHYT Điều 22 khoản 1 điểm e" in stored


def test_what_the_lines_of_the_fund_have_in_common_is_said_once_beside_a_self_paid_line(world: World) -> None:
    step = walk.lan(world, world.hospital).examine().order(CBC).order(walk.ULTRASOUND, is_insured=False).sign()
    shown = page(signed_in(world.hospital), "cashier-visit", step.visit.pk)
    assert shown.count("chi phí lượt khám dưới 15% lương cơ sở") == 1
    assert "Mọi khoản trong phạm vi BHYT: Hưởng 100%" in shown
    assert shown.count("người bệnh tự trả") == 1


@pytest.mark.parametrize(
    "typed", ["99002.2610.000001", "1", "001", "GD4999912345678", "nguyen thi lan", "PT26.000001", "099154000123"]
)
def test_the_box_finds_the_visit(world: World, typed: str) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    answer = signed_in(world.hospital).post(reverse("cashier-find"), {"text": f" {typed} "})
    assert answer.headers["Location"] == reverse("cashier-visit", args=[step.visit.pk])


def test_several_people_are_offered_and_nobody_is_said(world: World) -> None:
    place = world.hospital
    for number in (1, 2):
        person, card = walk.someone(place, "Lê Thị Hoa", card=f"DN499990000000{number}")
        walk.visit_of(world, place, person, card).examine().sign()
    client = signed_in(place)
    shown = client.post(reverse("cashier-find"), {"text": "hoa"}).content.decode()
    assert shown.count("Lê Thị Hoa") >= 2
    assert "Nhiều lượt khám khớp" in shown
    for text in ("không ai cả", "", "<script>'", "9" * 3000, "\x00"):
        answer = client.post(reverse("cashier-find"), {"text": text})
        assert answer.status_code == 422
        assert 'id="text_error"' in answer.content.decode()
        assert "<script>'" not in answer.content.decode()


def test_the_list_is_asked_again_and_answers_only_news(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    client = signed_in(world.hospital)
    shown = page(client, "cashier")
    seen = shown.split("seen=")[1].split('"')[0]
    assert client.get(reverse("cashier-list"), {"seen": seen}).status_code == 204
    step.close()
    answer = client.get(reverse("cashier-list"), {"seen": seen, "current": "x"})
    assert "Thu 390.160" in answer.content.decode()


def test_the_drawer_is_counted_on_screen(world: World) -> None:
    place = world.hospital
    walk.lan_full(world, place).settled()
    session, client = CashSession.objects.get(), signed_in(place)
    assert "390.160" in page(client, "cashier-session")
    shown = client.post(reverse("cashier-session-count", args=[session.pk]), {"notes_200000": "1"}).content.decode()
    assert "Thiếu" in shown
    assert "190.160" in shown
    url = reverse("cashier-session-close", args=[session.pk])
    assert "Tiền đếm được thiếu 190.160 đ" in refused(client.post(url, {"notes_200000": "1"}))
    shown = refused(client.post(url, {"notes_200000": "hai"}))
    assert 'id="id_notes_200000_error"' in shown
    answer = client.post(url, {"notes_200000": "1", "note": "Nộp sớm"}, follow=True).content.decode()
    assert "Đã chốt ca thu" in answer
    assert "Nộp sớm" in answer


def test_receipts_of_a_day_and_debts(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    step.collect(Decimal(100000), method="transfer")
    client = signed_in(place)
    shown = page(client, "cashier-receipts", day="06102026")
    assert "Phiếu thu · Chuyển khoản: <b>100.000 đ</b>" in shown
    assert "Chưa có phiếu nào" in page(client, "cashier-receipts", day="07102026")
    assert "PT26.000001" in page(client, "cashier-receipts", day="<x>")  # today
    assert "290.160" in page(client, "cashier-debts")


def test_a_long_list_asks_as_often_as_a_short_one(world: World, django_assert_max_num_queries) -> None:
    place = world.hospital
    client, counts = signed_in(place), []
    page(client, "cashier")
    for number in range(6):
        person, card = walk.someone(place, f"Người {number}", card=f"DN4999900000{number:03d}")
        step = walk.visit_of(world, place, person, card).examine().order(CBC).sign()
        if number % 2:
            step.close()
        if number in {1, 5}:
            with CaptureQueriesContext(connection) as captured:
                page(client, "cashier")
            counts.append(len(captured))
    assert counts == [counts[0]] * 2
    assert counts[0] <= 12
    with django_assert_max_num_queries(26):
        page(client, "cashier-visit", step.visit.pk)
