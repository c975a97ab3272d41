"""What costs the patient more than the usual price is told first and kept on record; so is what they pay alone."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from his.catalogs.models import PricedService
from his.core.errors import NotFound, Refusal
from insurance.billing import ledger, origins, queries
from insurance.billing.charges import find_sources, not_yet_charged, self_pay_choices, untold
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.origins import Origin, Source, register
from insurance.billing.self_pay import choose_self_pay, withdraw_self_pay
from insurance.claims.services import build_claim
from insurance.claims.stored import rows_of
from insurance.models import BenefitLine, Charge, SelfPayChoice
from patients.forms import VisitForm
from patients.models import PriceNotice, ServiceOrder
from patients.queries import exam_rooms
from patients.services.orders import order_service
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.insurance.test_cashier_screen import page, refused
from tests.insurance.walk import CBC, GLUCOSE, ULTRASOUND, signed_in
from tests.scenes import scene

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(14), tick=False)


@scene
def dear(world: World) -> World:
    """The blood count costs 15 000 more than the fund accepts; the ultrasound is offered on demand."""
    rows = PricedService.objects.filter(facility=world.hospital.facility)
    rows.filter(code=CBC).update(insured_price=34700)
    rows.filter(code=ULTRASOUND).update(on_demand_price=200000)
    return world


def order(step: walk.Walk, code: str, **how: object) -> ServiceOrder:
    found = step.world.service(step.place, code)
    doctor = step.place.actor("doctor")
    return order_service(**{"exam": step.exam, "service": found, "actor": doctor, "at": step._later(), **how})


def code_of(task) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as caught:
        task()
    return caught.value.code, caught.value.field


def line(code: str) -> tuple[Decimal, ...]:
    found = BenefitLine.objects.get(charge__code=code, result__is_current=True)
    return found.hospital_amount, found.insured_amount, found.fund_amount, found.copay_amount, found.self_paid_amount


def test_the_difference_is_told_when_it_is_ordered_and_goes_to_the_patient(dear: World) -> None:
    step = walk.lan(dear, dear.hospital).examine()
    assert code_of(lambda: order(step, CBC, quantity=Decimal(2))) == ("extra_not_told", "extra_told")
    with pytest.raises(Refusal, match=r"người bệnh trả thêm 30\.000 đ chênh lệch giá"):
        order(step, CBC, quantity=Decimal(2))
    assert not ServiceOrder.objects.exists()
    made = order(step, CBC, quantity=Decimal(2), extra_told=True)
    notice = PriceNotice.objects.get()
    assert (notice.service_code, notice.amount, notice.by) == (CBC, 15000, dear.hospital.actor("doctor").user)
    assert (made.unit_price, made.extra_amount) == (49700, 30000)
    step.result(made).sign().close()
    # 2 x 34 700 and the exam are below 15 % of the base salary: the fund pays its price whole.
    assert line(CBC) == (99400, 69400, 69400, 0, 30000)
    assert ledger.amount_due(step.visit) == 30000


def test_on_demand_the_fund_pays_its_price_and_the_patient_the_rest(dear: World) -> None:
    step = walk.lan(dear, dear.hospital).examine()
    assert code_of(lambda: order(step, GLUCOSE, is_on_demand=True)) == ("no_on_demand_price", "is_on_demand")
    made = order(step, ULTRASOUND, is_on_demand=True, extra_told=True)
    assert made.extra_amount == 200000 - 58600
    step.result(made).sign().close()
    assert line(ULTRASOUND) == (200000, 58600, 58600, 0, 141400)


def test_differences_and_self_pay_make_a_claim_without_findings(dear: World) -> None:
    place = dear.hospital
    step = walk.lan(dear, place).examine()
    made = [order(step, CBC, extra_told=True), order(step, ULTRASOUND, is_on_demand=True, extra_told=True)]
    made.append(order(step, GLUCOSE))
    for one in made:
        step.result(one)
    step.sign()
    choose(step, next(s for s in find_sources(step.visit)[0] if s.code == GLUCOSE))
    step.settled()
    claim = build_claim(visit=step.visit, actor=place.actor("claims"), at=at(15))
    assert [(finding.rule, finding.message) for finding in claim.findings.exclude(severity="info")] == []
    lines = {row["MA_DICH_VU"]: row for row in rows_of(claim)["XML3"]}
    names = ("PHAM_VI", "DON_GIA_BV", "DON_GIA_BH", "THANH_TIEN_BH", "T_BNTT")
    assert [lines[ULTRASOUND][name] for name in names] == ["1", "200000.000", "58600.000", "58600.00", "141400.00"]
    assert [lines[GLUCOSE][name] for name in names] == ["2", "22400.000", "22400.000", "0.00", "22400.00"]


def test_who_pays_alone_is_told_of_an_on_demand_price_only(dear: World) -> None:
    step = walk.hung(dear, dear.hospital).examine("J06.9")
    cbc = order(step, CBC)
    assert (cbc.is_insured, cbc.extra_amount) == (False, 0)
    assert code_of(lambda: order(step, ULTRASOUND, is_on_demand=True))[0] == "extra_not_told"
    made = order(step, ULTRASOUND, is_on_demand=True, extra_told=True)
    step.result(cbc).result(made).sign().close()
    assert ledger.amount_due(step.visit) == 39800 + 49700 + 200000


def test_what_nobody_told_is_told_at_the_cashier_before_closing(dear: World) -> None:
    place = dear.hospital
    PricedService.objects.filter(facility=place.facility, code="02.1896").update(insured_price=30000)
    rooms = list(exam_rooms(place.facility, DAY))
    assert {room.code: room.exam_extra for room in rooms if room.exam_service_code == "02.1896"}["PK1"] == 9800
    form = VisitForm(rooms=rooms, on=DAY, visit_types=[], injuries=[])
    assert "BHYT trả thêm 9.800 đ" in str(form["room"])
    step = walk.lan(dear, place).examine().sign()
    assert [(s.code, s.extra_amount) for s in untold(step.visit, find_sources(step.visit)[0])] == [("02.1896", 9800)]
    client, url = signed_in(place), reverse("cashier-close", args=[step.visit.pk])
    shown = page(client, "cashier-visit", step.visit.pk)
    assert "chưa ghi nhận đã báo" in shown
    assert "9.800 đ" in shown
    shown = refused(client.post(url))
    assert 'id="id_extra_told_error"' in shown
    assert not Charge.objects.exists()
    assert client.post(url, {"extra_told": "on"}).status_code == 302
    assert PriceNotice.objects.get().amount == 9800
    assert line("02.1896") == (39800, 30000, 30000, 0, 9800)
    with pytest.raises(DatabaseError), transaction.atomic():
        PriceNotice.objects.all().delete()
    reopen_visit(visit=step.visit, reason="Sửa", actor=place.actor("manager"), at=at(15))
    close_visit(visit=step.visit, actor=place.actor("cashier"), at=at(16))  # told once is enough


def test_the_doctors_desk_asks_first_and_orders_with_one_more_key(dear: World) -> None:
    step = walk.lan(dear, dear.hospital).examine()
    client, url = signed_in(dear.hospital, "doctor"), reverse("exam-orders", args=[step.visit.pk])
    found = client.get(reverse("search-services"), {"q": "sieu am"}).content.decode()
    assert "58.600 đ · yêu cầu 200.000" in found
    assert "49.700 đ · BHYT 34.700" in client.get(reverse("search-services"), {"q": CBC}).content.decode()
    sent = {"service": CBC, "quantity": "1", "is_insured": "on"}
    answer = client.post(url, sent)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "người bệnh trả thêm 15.000 đ chênh lệch giá" in shown
    assert 'name="extra_told" value="on"' in shown
    assert f'value="{CBC}"' in shown
    shown = client.post(url, {**sent, "extra_told": "on"}).content.decode()
    assert "chênh lệch 15.000 đ, đã báo" in shown
    shown = client.post(url, {"service": ULTRASOUND, "quantity": "1", "is_on_demand": "on", "extra_told": "on"})
    assert "Theo yêu cầu</span>" in shown.content.decode()


# Self-pay lines in an insured visit


def choose(step: walk.Walk, source: Source, reason: str = "Muốn tự trả") -> SelfPayChoice:
    how = {"source_kind": source.kind, "source_id": source.id, "reason": reason}
    return choose_self_pay(visit=step.visit, actor=step.place.actor("cashier"), at=at(13), **how)


def test_a_line_moved_to_self_pay_leaves_the_scope_of_the_fund(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    ultrasound = next(s for s in find_sources(step.visit)[0] if s.code == ULTRASOUND)
    assert code_of(lambda: choose(step, ultrasound, " ")) == ("reason_missing", "reason")
    choice = choose(step, ultrasound)
    assert code_of(lambda: choose(step, ultrasound))[0] == "already_self_paid"
    step.close()
    assert line(ULTRASOUND) == (58600, 0, 0, 0, 58600)
    assert BenefitLine.objects.get(charge__code=ULTRASOUND).charge.scope_code == "2"
    # 39 800 + 49 700 + 2 700 + 300 000 insured at 80 %
    assert queries.current_result(step.visit).fund_amount == Decimal("0.8") * (39800 + 49700 + 2700 + 300000)
    actor = place.actor("cashier")
    assert code_of(lambda: withdraw_self_pay(choice=choice, actor=actor, at=at(15)))[0] == "already_closed"
    reopen_visit(visit=step.visit, reason="Đổi ý", actor=place.actor("manager"), at=at(15))
    withdraw_self_pay(choice=choice, actor=actor, at=at(15))
    assert code_of(lambda: withdraw_self_pay(choice=choice, actor=actor, at=at(15)))[0] == "already_withdrawn"
    assert self_pay_choices(step.visit) == []
    step.now = at(16)
    step.close()
    assert line(ULTRASOUND)[1] == 58600
    with pytest.raises(DatabaseError), transaction.atomic():
        SelfPayChoice.objects.update(reason="khác")


def test_mixed_visits_of_both_desks_add_up(world: World) -> None:
    """The doctor orders one service outside insurance, the cashier moves a drug: two lines alone, three insured."""
    step = walk.lan(world, world.hospital).examine().order(CBC).order(ULTRASOUND, is_insured=False)
    step.prescribe((walk.PARACETAMOL, 15), (walk.HALF_PAID, 1)).sign().dispense()
    half = next(s for s in find_sources(step.visit)[0] if s.code == "40.573")
    choose(step, half)
    result = step.close()
    assert result.total_hospital_amount == 39800 + 49700 + 58600 + 2700 + 120000
    assert result.total_insured_amount == 39800 + 49700 + 2700
    assert result.self_paid_amount == 58600 + 120000
    assert not_yet_charged(step.visit) == []


def test_self_pay_is_refused_where_it_means_nothing(world: World) -> None:
    step = walk.hung(world, world.hospital).examine("J06.9").sign()
    exam = find_sources(step.visit)[0][0]
    assert code_of(lambda: choose(step, exam))[0] == "not_insured"
    lan = walk.lan(world, world.hospital, hour=10).examine().sign()
    with pytest.raises(NotFound):
        choose(lan, exam)
    own = find_sources(lan.visit)[0][0]
    actor = world.station.actor("cashier")
    with pytest.raises(NotFound):
        choose_self_pay(visit=lan.visit, source_kind=own.kind, source_id=own.id, reason="x", actor=actor, at=at(13))
    lan.close()
    assert code_of(lambda: choose(lan, own))[0] == "already_closed"


def test_the_cashier_moves_a_line_and_takes_it_back(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    client = signed_in(world.hospital)
    assert 'data-key="t"' in page(client, "cashier-visit", step.visit.pk)
    assert "Siêu âm ổ bụng · 58.600 đ" in page(client, "cashier-visit", step.visit.pk, self_pay=1)
    source = next(s for s in find_sources(step.visit)[0] if s.code == ULTRASOUND)
    url = reverse("self-pay-choose", args=[step.visit.pk])
    said = {"self-pay-source": f"order:{source.id}", "self-pay-reason": ""}
    assert "Hãy ghi lý do" in refused(client.post(url, said))
    shown = client.post(url, {**said, "self-pay-reason": "Muốn làm <ngay>"}, follow=True).content.decode()
    assert "Siêu âm ổ bụng: người bệnh tự trả" in shown
    assert "Muốn làm &lt;ngay&gt;" in shown
    choice = SelfPayChoice.objects.get()
    client.post(reverse("self-pay-withdraw", args=[choice.pk]))
    assert self_pay_choices(step.visit) == []


# Origins


def test_another_origin_of_charges_is_one_entry(world: World, monkeypatch) -> None:
    """Meals, as a later package would register them, are charged, listed and closed without any other change."""
    monkeypatch.setattr(origins, "_origins", dict(origins._origins))
    priced = world.service(world.hospital, GLUCOSE)
    priced.group_code = "19"

    def meals(visit, on: date):
        yield "Suất ăn", lambda: origins.service_source("meal", visit.pk, priced, Decimal(2), at(9), is_insured=True)

    register(Origin("meal", meals))
    step = walk.lan(world, world.hospital).examine().sign()
    assert [s.kind for s in not_yet_charged(step.visit)] == ["exam", "meal"]
    step.close()
    assert Charge.objects.get(source_kind="meal").line_kind == "service"
    assert not_yet_charged(step.visit) == []
    with pytest.raises(ValueError, match="another origin"):
        register(Origin("exam", meals))
