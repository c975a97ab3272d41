"""The programming interface of examinations: the same rules, refusals as problem+json, isolation."""

import pytest
from django.test import Client

from his.core.dates import local
from patients.models import Exam, Visit
from tests.cast import World, at, lan_visit, weigh
from tests.scenes import scene


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        """Half past eight of the test day."""

        now = staticmethod(lambda: at(8, 30))
        localdate = staticmethod(lambda: local(at(8, 30)).date())

    monkeypatch.setattr("patients.api_clinical.timezone", Clock)


@scene
def visit(world: World) -> Visit:
    row = lan_visit(world.station)
    weigh(row, world.station)
    return row


def signed_in(world: World, role: str = "doctor", place: str = "station") -> Client:
    client = Client()
    client.force_login(getattr(world, place).users[role])
    return client


def send(client: Client, method: str, path: str, body: object = None):
    return getattr(client, method)(f"/api/patients/{path}", body or {}, content_type="application/json")


def test_one_visit_from_begin_to_signature(world, visit):
    doctor, technician = signed_in(world), signed_in(world, "technician")
    base = f"visits/{visit.pk}"
    assert send(doctor, "post", f"{base}/exam").json()["reason"] == "Đau đầu, chóng mặt"
    assert send(doctor, "patch", f"{base}/exam", {"findings": "Tim <đều>'"}).json()["findings"] == "Tim <đều>'"
    assert send(doctor, "put", f"{base}/diagnoses", {"main": "I10"}).json()["diagnoses"][0]["is_main"]
    order = send(doctor, "post", f"{base}/orders", {"service_code": "23.0075.1494"})
    assert order.status_code == 201
    values = {"results": [{"indicator_code": "WBC", "value": "12,5"}]}
    done = send(technician, "put", f"orders/{order.json()['id']}/results", values).json()
    assert (done["state"], done["results"][0]["is_abnormal"]) == ("performed", True)
    lines = {"lines": [{"drug_code": "TH0002", "morning": "0.5", "days": 5}]}
    assert send(doctor, "put", f"{base}/prescription", lines).json()["lines"][0]["quantity"] == "3.000"
    signed = send(doctor, "post", f"{base}/sign", {"outcome": "home"}).json()
    assert len(signed["snapshot_sha256"]) == 64
    assert Exam.objects.get().is_signed
    stored = doctor.get(f"/api/patients/{base}/prescription").json()
    assert [(sheet["kind"], sheet["code"], sheet["valid_until"]) for sheet in stored["sheets"]] == [
        ("C", "", "2026-10-11")
    ]
    assert stored["lines"][0]["sheet_kind"] == "C"


def test_a_transfer_is_signed_with_its_slip(world, visit):
    doctor, base = signed_in(world), f"visits/{visit.pk}"
    send(doctor, "post", f"{base}/exam")
    send(doctor, "patch", f"{base}/exam", {"findings": "Tim đều", "history": "Đau ngực 2 giờ"})
    send(doctor, "put", f"{base}/diagnoses", {"main": "I10"})
    slip = {"transfer_facility_code": "99002", "transfer_condition": "Tỉnh", "transfer_plan": "Can thiệp"}
    unread = send(doctor, "post", f"{base}/sign", {"outcome": "transfer", "transfer": slip})
    assert unread.status_code == 422
    lacking = send(doctor, "post", f"{base}/sign", {"outcome": "transfer"})
    assert (lacking.json()["code"], lacking.json()["field"]) == ("transfer_facility", "transfer_facility_code")
    whole = {**slip, "transport": "Xe cứu thương"}
    assert send(doctor, "post", f"{base}/sign", {"outcome": "transfer", "transfer": whole}).status_code == 200
    assert Exam.objects.get().transfer_number == "99001.GC26.000001"


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "field"),
    [
        ("put", "diagnoses", {"main": "X\x00'"}, "unknown_diagnosis", "main"),
        ("post", "orders", {"service_code": "\x00"}, "unknown_service", "code"),
        ("post", "orders", {"service_code": "23.0075.1494", "quantity": "0"}, "quantity", "quantity"),
        ("put", "prescription", {"lines": [{"drug_code": "<'>"}]}, "unknown_drug", "lines-0-drug"),
        ("put", "prescription", {"lines": [{"drug_code": "TH0001", "morning": 1, "days": 31}]}, "days", "lines-0-days"),
        ("post", "sign", {}, "no_main_diagnosis", "main"),
        ("post", "sign", {"outcome": "<>"}, "no_main_diagnosis", "main"),
    ],
)
def test_refusals_name_their_field(world, visit, method, path, body, code, field):
    doctor = signed_in(world)
    send(doctor, "post", f"visits/{visit.pk}/exam")
    answer = send(doctor, method, f"visits/{visit.pk}/{path}", body)
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)


def test_another_facility_finds_nothing_and_other_roles_are_refused(world, visit):
    doctor, stranger = signed_in(world), signed_in(world, place="hospital")
    base = f"visits/{visit.pk}"
    for method, path in [("post", "exam"), ("get", "exam"), ("patch", "exam"), ("put", "diagnoses"), ("get", "orders")]:
        assert send(stranger, method, f"{base}/{path}").status_code == 404
    send(doctor, "post", f"{base}/exam")
    order = send(doctor, "post", f"{base}/orders", {"service_code": "23.0075.1494"}).json()["id"]
    values = {"results": [{"value": "1"}]}
    assert send(signed_in(world, "technician", "hospital"), "put", f"orders/{order}/results", values).status_code == 404
    for method, path, body in [
        ("post", "orders", {"service_code": "23.0075.1494"}),
        ("get", "prescription", None),
        ("put", "prescription", {"lines": []}),
        ("post", "sign", {}),
    ]:
        assert send(stranger, method, f"{base}/{path}", body).status_code == 404
    for role in ("reception", "cashier", "technician"):
        assert send(signed_in(world, role), "post", f"{base}/sign").status_code == 403
    assert send(Client(), "get", f"{base}/exam").status_code == 401


def test_a_stamp_keeps_a_client_from_writing_over_what_it_did_not_see(world, visit):
    doctor, base = signed_in(world), f"visits/{visit.pk}"
    seen = send(doctor, "post", f"{base}/exam").json()["seen"]
    kept = send(doctor, "patch", f"{base}/exam", {"findings": "Tim đều", "seen": seen}).json()
    for method, path, body in (
        ("patch", "exam", {"findings": "Phổi trong"}),
        ("put", "diagnoses", {"main": "I10"}),
        ("post", "sign", {}),
    ):
        stale = send(doctor, method, f"{base}/{path}", {**body, "seen": seen})
        assert (stale.status_code, stale.json()["code"]) == (409, "already_changed"), path
    exam = Exam.objects.get()
    assert (exam.findings, exam.is_signed, exam.diagnoses.count()) == ("Tim đều", False, 0)
    named = send(doctor, "put", f"{base}/diagnoses", {"main": "I10", "seen": kept["seen"]}).json()
    assert send(doctor, "post", f"{base}/sign", {"seen": named["seen"]}).status_code == 200
