"""Waiving at the cashier's desk: the form keeps what was typed, figures agree everywhere, rights are asked."""

from decimal import Decimal

import pytest
from django.urls import reverse

from insurance.billing import ledger, queries
from insurance.models import FeeWaiver
from insurance.printing.receipt import receipt_data
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.test_cashier_screen import page, refused
from tests.insurance.walk import signed_in

pytestmark = pytest.mark.django_db

SAID = {"waive-reason_code": "hardship", "waive-reason": "Có giấy của <khóm>", "waive-idempotency_key": "k"}


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(14), tick=False)


def test_waive_by_percent_then_take_it_back(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    client, url = signed_in(place, "manager"), reverse("fee-waiver-grant", args=[step.visit.pk])
    assert 'data-key="m"' in page(client, "cashier-visit", step.visit.pk)
    shown = page(client, "cashier-visit", step.visit.pk, waive=1)
    assert "Cả lượt khám · 390.160 đ" in shown
    assert "Khám Nội · 7.960 đ" in shown
    for _ in range(2):  # a second press changes nothing
        client.post(url, {**SAID, "waive-amount": " 50 %"})
    shown = page(client, "cashier-visit", step.visit.pk)
    assert ledger.amount_due(step.visit) == 195080
    for part in ("Miễn giảm", "−195.080 đ", "Có giấy của &lt;khóm&gt;", "Hoàn cảnh khó khăn", "Hủy miễn giảm này"):
        assert part in shown
    cancel = reverse("fee-waiver-cancel", args=[FeeWaiver.objects.get().pk])
    shown = refused(client.post(cancel, {"cancel_reason": ""}))
    assert "Hãy ghi lý do hủy miễn giảm" in shown
    client.post(cancel, {"cancel_reason": "Nhầm"})
    assert ledger.amount_due(step.visit) == 390160
    assert "đã hủy" in page(client, "cashier-visit", step.visit.pk)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Hãy gõ số tiền, hoặc phần trăm"),
        ("abc", "Hãy gõ một số"),
        ("%", "Hãy gõ phần trăm"),
        ("101%", "Phần trăm phải lớn hơn 0"),
        ("-5", "Số tiền phải lớn hơn 0"),
        ("390.161", "Chỉ còn 390.160 đ"),
        ("9" * 30, "Số quá lớn"),
    ],
)
def test_a_wrong_amount_stays_typed_with_the_error_beside_it(world: World, typed: str, said: str) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    client = signed_in(world.hospital, "manager")
    shown = refused(client.post(reverse("fee-waiver-grant", args=[step.visit.pk]), {**SAID, "waive-amount": typed}))
    assert said in shown
    assert 'id="id_waive-amount_error"' in shown
    assert f'name="waive-amount" value="{typed}"' in shown or not typed
    assert "Có giấy của &lt;khóm&gt;" in shown
    assert not FeeWaiver.objects.exists()


def test_the_cashier_sees_waivers_and_cannot_give_them(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    cashier, url = signed_in(place), reverse("fee-waiver-grant", args=[step.visit.pk])
    assert cashier.post(url, {**SAID, "waive-amount": "1"}).status_code == 403
    assert "Miễn giảm" not in page(cashier, "cashier-visit", step.visit.pk)
    signed_in(place, "manager").post(url, {**SAID, "waive-amount": "160"})
    shown = page(cashier, "cashier-visit", step.visit.pk)
    assert "−160 đ" in shown
    assert "Hủy miễn giảm này" not in shown
    walk.drawer(place)
    assert 'name="amount" value="390.000"' in page(cashier, "cashier-visit", step.visit.pk)


def test_the_month_with_its_sums_by_reason(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    manager, url = signed_in(world.hospital, "manager"), reverse("fee-waiver-grant", args=[step.visit.pk])
    manager.post(url, {**SAID, "waive-amount": "10.000", "waive-idempotency_key": "a"})
    manager.post(url, {**SAID, "waive-amount": "5.000", "waive-idempotency_key": "b", "waive-reason_code": "staff"})
    manager.post(url, {**SAID, "waive-amount": "700", "waive-idempotency_key": "c"})
    gone = FeeWaiver.objects.get(amount=700)
    manager.post(reverse("fee-waiver-cancel", args=[gone.pk]), {"cancel_reason": "Nhầm"})
    shown = page(signed_in(world.hospital), "fee-waivers", month="10/2026")
    assert "Hoàn cảnh khó khăn: <b>10.000 đ</b>" in shown
    assert "Cộng <b>15.000 đ</b>" in shown
    assert step.visit.claim_code in shown
    assert step.visit.claim_code not in page(signed_in(world.hospital), "fee-waivers", month="09/2026")
    assert step.visit.claim_code not in page(signed_in(world.station), "fee-waivers", month="10/2026")
    assert "Tháng gõ dạng 10/2026" in refused(signed_in(world.hospital).get(reverse("fee-waivers"), {"month": "x"}))


def test_a_receipt_shows_the_waivers_of_its_moment(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    url, client = reverse("fee-waiver-grant", args=[step.visit.pk]), signed_in(world.hospital, "manager")
    client.post(url, {**SAID, "waive-amount": "90.160"})
    step.now = at(15)
    entry = step.collect(Decimal(200000))
    data = receipt_data(entry)
    assert (data["split"]["waived"], data["split"]["payable"], data["account"]["left"]) == (
        "90.160",
        "300.000",
        "100.000",
    )
    waiver = FeeWaiver.objects.get()
    assert data == receipt_data(entry)
    assert queries.waived_at(waiver.result, at(13)) == 0
