"""The technician's desk through its addresses."""

import pytest
from django.test import Client
from django.urls import reverse

from his.core.dates import local
from patients.models import ServiceOrder
from patients.services.exams import set_diagnoses, start_exam
from patients.services.orders import order_service
from patients.services.signing import sign_exam
from tests.cast import World, at, lan_visit, weigh
from tests.scenes import scene

BLOOD, SUGAR, SCAN = "22.0121.1369", "23.0075.1494", "18.0015.0001"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("now", "today"):
        value = at(9) if name == "now" else local(at(9)).date()
        monkeypatch.setattr(f"patients.views.results.{name}", lambda value=value: value)


@scene
def orders(world: World) -> list[ServiceOrder]:
    place = world.hospital
    doctor = place.actor("doctor")
    exam = start_exam(visit=lan_visit(place), actor=doctor, at=at(8, 10))
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(8, 11))
    return [
        order_service(exam=exam, service=world.service(place, code), actor=doctor, at=at(8, 20 + n))
        for n, code in enumerate([BLOOD, SUGAR, SCAN])
    ]


@pytest.fixture
def client(world: World) -> Client:
    client = Client()
    client.force_login(world.hospital.users["technician"])
    return client


def result_url(order: ServiceOrder) -> str:
    return reverse("result", args=[order.pk])


def test_the_list_is_that_of_the_technicians_department(client, orders, world):
    own = client.get(reverse("results")).content.decode()
    assert "Glucose" in own
    assert "Siêu âm" not in own
    everything = client.get(reverse("results"), {"department": "0"}, follow=True).content.decode()
    assert "Siêu âm" in everything
    imaging = world.hospital.departments["K39"].pk
    assert "Glucose" not in client.get(reverse("results"), {"department": imaging}, follow=True).content.decode()
    theirs = world.station.departments["K47"].pk
    assert client.get(reverse("results"), {"department": theirs}).status_code == 404


def test_values_are_stored_as_typed_and_the_next_order_opens(client, orders):
    blood, sugar, _ = orders
    page = client.get(result_url(blood)).content.decode()
    assert "Số lượng bạch cầu" in page
    assert "4 - 10" in page
    answer = client.post(result_url(blood), {"results-0-value": "12,5", "device_code": "HH.1.000002"})
    assert answer.url == result_url(sugar)
    stored = blood.results.get()
    assert (stored.value, stored.is_abnormal, stored.resulted_at) == ("12,5", True, at(9))
    blood.refresh_from_db()
    assert (blood.state, blood.device_code) == (ServiceOrder.State.PERFORMED, "HH.1.000002")
    last = client.post(result_url(sugar), {"results-0-value": "<5"}, follow=True)
    assert last.redirect_chain[0][0] == reverse("results")
    assert "Đã trả kết quả" in last.content.decode()


def test_imaging_has_a_description_and_a_conclusion(client, orders):
    scan = orders[2]
    client.post(result_url(scan), {"results-0-description": "Gan <to>\nđều", "results-0-conclusion": "Gan nhiễm mỡ"})
    stored = scan.results.get()
    assert (stored.description, stored.conclusion, stored.value) == ("Gan <to>\nđều", "Gan nhiễm mỡ", "")
    assert "Gan &lt;to&gt;" in client.get(result_url(scan)).content.decode()


def test_a_test_without_known_indicators_takes_value_and_unit(client, orders):
    sugar = orders[1]
    sugar.service.indicators = []
    sugar.service.save()
    assert 'name="results-0-unit"' in client.get(result_url(sugar)).content.decode()
    client.post(result_url(sugar), {"results-0-value": "7,1", "results-0-unit": "mmol/L"})
    stored = sugar.results.get()
    assert (stored.indicator_name, stored.value, stored.unit) == (sugar.service.name, "7,1", "mmol/L")


@pytest.mark.parametrize(
    ("sent", "said"),
    [({"results-0-value": " "}, "Chưa nhập giá trị"), ({"results-0-value": "9" * 300}, "Dài quá 255 ký tự")],
)
def test_refusals_keep_what_was_typed(client, orders, sent, said):
    answer = client.post(result_url(orders[0]), {**sent, "device_code": "máy <1>"})
    page = answer.content.decode()
    assert (answer.status_code, said in page, "máy &lt;1&gt;" in page) == (422, True, True)
    assert not orders[0].results.exists()


def test_nothing_changes_after_the_exam_was_signed(client, orders, world):
    doctor = world.hospital.actor("doctor")
    for order in orders:
        client.post(result_url(order), {"results-0-value": "5", "results-0-conclusion": "Bình thường"})
    weigh(orders[0].visit, world.hospital)
    sign_exam(exam=orders[0].exam, actor=doctor, at=at(9, 1))
    assert "Phiếu khám đã ký" in client.get(result_url(orders[0])).content.decode()
    answer = client.post(result_url(orders[0]), {"results-0-value": "6"}, follow=True)
    assert "đã ký" in answer.content.decode()
    assert orders[0].results.get().value == "5"


def test_another_facility_and_other_roles(world, orders):
    stranger = Client()
    stranger.force_login(world.station.users["technician"])
    assert stranger.get(result_url(orders[0])).status_code == 404
    assert stranger.post(result_url(orders[0]), {"results-0-value": "5"}).status_code == 404
    assert "Nguyễn Thị Lan" not in stranger.get(reverse("results")).content.decode()
    cashier = Client()
    cashier.force_login(world.hospital.users["cashier"])
    assert cashier.get(reverse("results")).status_code == 403
    assert cashier.post(result_url(orders[0]), {"results-0-value": "5"}).status_code == 403


def test_queries_do_not_grow_with_the_list(client, orders, world, django_assert_max_num_queries):
    client.get(result_url(orders[0]))
    with django_assert_max_num_queries(11):
        client.get(result_url(orders[0]))
    version = client.get(reverse("results")).context["results_version"]
    assert client.get(reverse("results-list"), {"v": version}).status_code == 204
    assert client.get(reverse("results-list"), {"v": ""}).status_code == 200
