"""Ward stays: admitted, moved, left, taken back; one bed at a time; frozen once the visit is closed; the screen."""

import re
from datetime import datetime

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from his.catalogs.models import PricedService
from his.core.errors import Refusal
from patients.models import BedStay, Visit
from patients.queries_beds import people_in
from patients.services.beds import admit_to_ward, leave_ward, move_bed, undo_bed_step
from tests.cast import World, anh_hung, at
from tests.insurance import walk
from tests.wards import admitted, bed_prices, on_day

pytestmark = pytest.mark.django_db

ICU = ("K02", "H001", "K02.1911")


@pytest.fixture
def step(world: World) -> walk.Walk:
    """Bà Lan being examined at the hospital, whose price list has bed days."""
    bed_prices(world.hospital)
    return walk.lan(world, world.hospital).examine()


def told(visit: Visit) -> list[tuple[str, str, datetime, datetime | None, bool]]:
    rows = BedStay.objects.filter(visit=visit).order_by("pk")
    return [(r.department.code, r.bed_code, r.started_at, r.ended_at, r.voided_at is not None) for r in rows]


def test_who_is_admitted_moves_and_leaves_lies_in_one_bed_after_the_other(step: walk.Walk) -> None:
    nurse, wards = step.place.actor("nurse"), step.place.departments
    stay = admitted(step, *ICU, at(9))
    assert (step.visit.visit_type, step.visit.department.code, stay.patient_id) == ("03", "K02", step.visit.patient_id)
    stay = move_bed(
        stay=stay, department=wards["K27"], bed_code="t002", service_code="K27.1923", actor=nurse, at=on_day(7, 8)
    )
    step.now = on_day(8, 8)
    step.sign()
    leave_ward(stay=stay, actor=nurse, at=on_day(8, 9))
    step.visit.refresh_from_db()
    assert (step.visit.state, step.visit.ended_at) == (Visit.State.EXAMINED, on_day(8, 9))
    assert told(step.visit) == [
        ("K02", "H001", at(9), on_day(7, 8), False),
        ("K27", "T002", on_day(7, 8), on_day(8, 9), False),
    ]


def test_a_stay_of_four_hours_makes_a_short_inpatient_visit(step: walk.Walk) -> None:
    nurse = step.place.actor("nurse")
    stay = admitted(step, *ICU, at(9))
    leave_ward(stay=stay, actor=nurse, at=at(13))
    step.visit.refresh_from_db()
    assert step.visit.visit_type == "09"
    undo_bed_step(stay=stay, reason="Chưa về", actor=nurse, at=at(14))
    leave_ward(stay=stay, actor=nurse, at=at(13, 1))
    step.visit.refresh_from_db()
    assert step.visit.visit_type == "03"


def test_steps_are_taken_back_one_by_one_and_kept(step: walk.Walk) -> None:
    nurse, wards = step.place.actor("nurse"), step.place.departments
    first = admitted(step, *ICU, at(9))
    second = move_bed(
        stay=first, department=wards["K02"], bed_code="H002", service_code="K02.1911", actor=nurse, at=at(10)
    )
    with pytest.raises(Refusal) as refused:
        undo_bed_step(stay=first, reason="Nhầm", actor=nurse, at=at(11))
    assert refused.value.code == "already_changed"
    undo_bed_step(stay=second, reason="Nhầm giường", actor=nurse, at=at(11))
    assert told(step.visit) == [("K02", "H001", at(9), None, False), ("K02", "H002", at(10), None, True)]
    undo_bed_step(stay=first, reason="Không nhập viện", actor=nurse, at=at(11))
    step.visit.refresh_from_db()
    assert (step.visit.visit_type, step.visit.department.code) == ("01", "K01")
    admitted(step, *ICU, at(9, 30))


@pytest.mark.parametrize(
    ("code", "field", "changes"),
    [
        ("bed_code", "bed_code", {"bed_code": "A1"}),
        ("stretcher", "bed_code", {"is_stretcher": True}),
        ("patients_in_bed", "patients_in_bed", {"patients_in_bed": 4}),
        ("price_missing", "service_code", {"service_code": "K02.9"}),
        ("bed_group", "service_code", {"service_code": "K02.1976"}),
        ("bed_department", "service_code", {"service_code": "K27.1933"}),
        ("bed_department", "medical_service_code", {"medical_service_code": "K27.1923"}),
        ("visit_type", "visit_type", {"visit_type": "06"}),
        ("before_arrival", "at", {"at": at(7)}),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(step: walk.Walk, code: str, field: str, changes: dict) -> None:
    given = {"bed_code": "H001", "service_code": "K02.1911", "at": at(9), **changes}
    ward, nurse = step.place.departments["K02"], step.place.actor("nurse")
    with pytest.raises(Refusal) as refused:
        admit_to_ward(visit=step.visit, department=ward, actor=nurse, **given)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not BedStay.objects.exists()


def test_a_bed_of_somebody_else_is_shared_or_refused(world: World, step: walk.Walk) -> None:
    admitted(step, *ICU, at(9))
    hung = walk.visit_of(world, step.place, anh_hung(step.place), None, route="self").examine()
    with pytest.raises(Refusal, match="Giường H001 có Nguyễn Thị Lan nằm") as refused:
        admitted(hung, *ICU, at(10))
    assert refused.value.code == "bed_taken"
    with pytest.raises(
        Refusal, match=r"Nguyễn Thị Lan nằm giường H001 từ 09:00 .* đang ghi 1 người: trước hết"
    ) as refused:
        admitted(hung, *ICU, at(10), patients_in_bed=2)
    assert (refused.value.code, refused.value.field) == ("bed_share", "patients_in_bed")


def test_everybody_in_a_bed_says_how_many_they_are(world: World, step: walk.Walk) -> None:
    """Two, then three in a bed; changed one after the other, and nobody lies there before the bed says so."""
    nurse = step.place.actor("nurse")
    hung = walk.visit_of(world, step.place, anh_hung(step.place), None, route="self").examine()
    patient, card = walk.someone(step.place, "Lý Văn Mẫu", card="GD4999912345670")
    third = walk.visit_of(world, step.place, patient, card).examine()

    def share(stay: BedStay, patients: int, when: datetime) -> BedStay:
        same = {"department": stay.department, "bed_code": stay.bed_code, "service_code": stay.service_code}
        return move_bed(stay=stay, **same, patients_in_bed=patients, actor=nurse, at=when)

    first = share(admitted(step, *ICU, at(9)), 2, at(10))
    with pytest.raises(Refusal, match="đang ghi 1 người"):
        admitted(hung, *ICU, at(9, 30), patients_in_bed=2)
    second = admitted(hung, *ICU, at(10), patients_in_bed=2)
    with pytest.raises(Refusal, match="chọn 3 người trở lên"):
        admitted(third, *ICU, at(11), patients_in_bed=2)
    with pytest.raises(Refusal, match="đang ghi 2 người"):
        admitted(third, *ICU, at(11), patients_in_bed=3)
    first = share(first, 3, at(11))
    (lan, _hung) = people_in(step.place.departments["K02"], at(11))
    assert lan.is_share_doubtful, "the list says who is still to be changed"
    second = share(second, 3, at(11))
    admitted(third, *ICU, at(11), patients_in_bed=3)
    leave_ward(stay=first, actor=nurse, at=at(12))
    with pytest.raises(Refusal, match="chọn số người nằm ghép"):
        share(second, 1, at(12))
    share(second, 2, at(12))
    with pytest.raises(Refusal, match=r"từ 12:00 .* đang ghi 2 người"):
        undo_bed_step(stay=first, reason="Chưa về", actor=nurse, at=at(12))


def test_who_lies_elsewhere_by_now_does_not_lie_in_the_former_bed_again(world: World, step: walk.Walk) -> None:
    nurse = step.place.actor("nurse")
    stay = admitted(step, *ICU, at(9))
    leave_ward(stay=stay, actor=nurse, at=at(14))
    visit = step.visit
    again = walk.visit_of(world, step.place, visit.patient, visit.card, hour=15, confirm_second=True).examine()
    admitted(again, "K02", "H002", "K02.1911", at(16))
    with pytest.raises(Refusal, match="nằm giường H002 từ 16:00") as refused:
        undo_bed_step(stay=stay, reason="Chưa về", actor=nurse, at=at(17))
    assert refused.value.code == "already_in_bed"


def test_a_visit_ends_with_leaving_the_ward_whenever_the_doctor_signs(step: walk.Walk) -> None:
    nurse = step.place.actor("nurse")
    stay = admitted(step, *ICU, at(9))
    leave_ward(stay=stay, actor=nurse, at=on_day(8, 9))
    step.now = on_day(9, 15)
    step.sign()
    assert (step.visit.state, step.visit.ended_at) == (Visit.State.EXAMINED, on_day(8, 9))
    undo_bed_step(stay=stay, reason="Chưa về", actor=nurse, at=on_day(9, 16))
    step.visit.refresh_from_db()
    assert step.visit.ended_at == step.now


def test_nobody_is_admitted_twice_before_an_exam_or_after_the_signature(step: walk.Walk) -> None:
    stay = admitted(step, *ICU, at(9))
    with pytest.raises(Refusal) as refused:
        admitted(step, *ICU, at(10))
    assert refused.value.code == "already_in_bed"
    nurse = step.place.actor("nurse")
    with pytest.raises(Refusal, match="phải sau lúc nhận giường này"):
        leave_ward(stay=stay, actor=nurse, at=at(9))
    leave_ward(stay=stay, actor=nurse, at=at(14))
    with pytest.raises(Refusal, match="đã ra khoa"):
        admitted(step, *ICU, at(15))
    step.now = at(15)
    step.sign()
    with pytest.raises(Refusal, match="đã ký kết thúc khám"):
        admitted(step, *ICU, at(16))


def test_a_bed_day_is_not_ordered(world: World, step: walk.Walk) -> None:
    with pytest.raises(Refusal) as refused:
        step.order("K02.1911")
    assert (refused.value.code, refused.value.field) == ("bed_day", "service")


def test_day_treatment_comes_again_and_goes_home_the_same_day(step: walk.Walk) -> None:
    nurse, day = step.place.actor("nurse"), ("K02", "H001", "K02.1976")
    for number in (6, 7):
        stay = admitted(step, *day, on_day(number, 9), visit_type="04")
        with pytest.raises(Refusal, match="ra khoa trong ngày"):
            leave_ward(stay=stay, actor=nurse, at=on_day(number + 1, 9))
        leave_ward(stay=stay, actor=nurse, at=on_day(number, 16))
    step.visit.refresh_from_db()
    assert step.visit.visit_type == "04"


def test_the_database_keeps_one_bed_at_a_time_and_finished_visits_frozen(step: walk.Walk) -> None:
    stay = admitted(step, *ICU, at(9))
    double = {name: getattr(stay, name) for name in ("facility", "visit", "department", "bed_code", "service_code")}
    with pytest.raises(IntegrityError, match="bed_stay_one_at_a_time"), transaction.atomic():
        BedStay.objects.create(**double, started_at=at(10), started_by=stay.started_by)
    with pytest.raises(InternalError, match="while its patient lies in a bed"), transaction.atomic():
        Visit.objects.filter(pk=step.visit.pk).update(state="closed", closed_at=at(12), claim_month=at(12).date())
    step.now = at(14)
    step.sign()
    leave_ward(stay=stay, actor=step.place.actor("nurse"), at=at(15))
    step.now = at(15)
    step.close()
    with pytest.raises(Refusal, match="đã chốt"):
        undo_bed_step(stay=stay, reason="Nhầm", actor=step.place.actor("nurse"), at=at(16))
    with pytest.raises(InternalError, match="frozen"), transaction.atomic():
        BedStay.objects.filter(pk=stay.pk).update(ended_at=at(20))


# The screen


def seen(desk: Client, page: str) -> str:
    """What the forms of the page send along."""
    found = set(re.findall(r'name="seen" value="([^"]*)"', desk.get(page).content.decode()))
    (one,) = found
    return str(one)


@pytest.fixture
def desk(step: walk.Walk, client: Client) -> Client:
    client.force_login(step.place.users["nurse"])
    return client


def test_a_person_is_found_admitted_moved_and_let_go_on_the_screen(step: walk.Walk, desk: Client) -> None:
    wards = step.place.departments
    page = reverse("bed-visit", args=[step.visit.pk])
    found = desk.post(f"{reverse('beds')}?ward={wards['K02'].pk}", {"who": "nguyen thi lan"})
    assert found.headers["Location"] == f"{page}?ward={wards['K02'].pk}"
    shown = desk.get(found.headers["Location"]).content.decode()
    assert "Nhận vào khoa" in shown
    bed = {"step": "admit", "visit_type": "03", "department": wards["K02"].pk, "bed_code": "H001"}
    bed |= {"service_code": "K02.1911", "patients_in_bed": "2", "at": "06/10/2026 09:00"}
    wrong = desk.post(page, {**bed, "bed_code": "X9"})
    assert wrong.status_code == 422
    assert "Mã giường gồm H" in wrong.content.decode()
    assert 'value="X9"' in wrong.content.decode()
    later = desk.post(page, {**bed, "at": "06/10/2099 09:00"})
    assert "Giờ này chưa tới" in later.content.decode()
    assert desk.post(page, bed).status_code == 302
    listed = desk.get(reverse("beds")).content.decode()
    assert "Nguyễn Thị Lan" in listed
    assert "2 người" in listed
    moved = {**bed, "step": "move", "bed_code": "H007", "at": "07/10/2026 10:00", "seen": seen(desk, page)}
    assert desk.post(page, moved).status_code == 302
    assert desk.post(page, {"step": "leave", "at": "08/10/2026 10:00", "seen": seen(desk, page)}).status_code == 302
    shown = desk.get(page).content.decode()
    assert "Đã ra khoa 08/10/2026 10:00" in shown
    assert "Nằm từ 09:00 06/10/2026 đến 10:00 08/10/2026: 2 ngày giường" in shown
    assert desk.post(page, {"step": "undo", "reason": ""}).status_code == 422
    assert desk.post(page, {"step": "undo", "reason": "Chưa về", "seen": seen(desk, page)}).status_code == 302
    assert [row[3] for row in told(step.visit)] == [on_day(7, 10), None]
    assert desk.post(page, {**bed, "step": "admit"}).status_code == 422


@pytest.mark.parametrize("step_name", ["undo", "leave", "move"])
def test_a_second_send_of_a_step_takes_no_second_one(step: walk.Walk, desk: Client, step_name: str) -> None:
    """Moved, and the same form twice: the first is done, the second sees that the bed is another one by now."""
    nurse, wards = step.place.actor("nurse"), step.place.departments
    first = admitted(step, *ICU, at(9))
    new = {"department": wards["K02"], "bed_code": "H002", "service_code": "K02.1911"}
    move_bed(stay=first, **new, actor=nurse, at=on_day(7, 8))
    page = reverse("bed-visit", args=[step.visit.pk])
    sent = {"seen": seen(desk, page), "step": step_name, "reason": "Nhầm giường", "at": "08/10/2026 10:00"}
    sent |= {"department": wards["K02"].pk, "bed_code": "H003", "service_code": "K02.1911", "patients_in_bed": "1"}
    assert desk.post(page, sent).status_code == 302
    after = told(step.visit)
    again = desk.post(page, {**sent, "at": "08/10/2026 11:00", "bed_code": "H004"})
    assert again.status_code == 422
    assert "vừa thay đổi" in again.content.decode()
    assert told(step.visit) == after
    assert desk.post(page, {key: sent[key] for key in sent if key != "seen"}).status_code == 422


def test_the_screens_say_why_days_cannot_be_counted(step: walk.Walk, desk: Client) -> None:
    admitted(step, *ICU, at(9))
    PricedService.objects.filter(facility=step.place.facility, code="K02.1911").update(group_code="")
    for page in (reverse("beds"), reverse("bed-visit", args=[step.visit.pk])):
        assert "K02.1911 chưa có nhóm chi phí" in desk.get(page).content.decode()


def test_the_list_asks_the_same_for_many_people(
    world: World, step: walk.Walk, desk: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    admitted(step, *ICU, at(9))
    for number in range(3):
        patient, card = walk.someone(step.place, f"Người {number}", card=f"GD499991234567{number}")
        other = walk.visit_of(world, step.place, patient, card).examine()
        admitted(other, "K02", f"H01{number}", "K02.1911", at(10))
    page = f"{reverse('beds')}?ward={step.place.departments['K02'].pk}"
    with django_assert_max_num_queries(24):
        shown = desk.get(page).content.decode()
    assert shown.count("row-link") == 4
