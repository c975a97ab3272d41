"""The desk of infectious-disease cases: the list by time left, the sheet, the report, the badge, the paper."""

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from his.printing.render import render_png
from patients.models import DiseaseCase
from patients.printing.case_sheet import CASE_SHEET, case_sheet_data, print_case_sheet
from tests.cast import World, anh_hung, at, ba_lan
from tests.his.paper_pictures import PPI, assert_looks_like
from tests.his.test_printing_papers import FACILITY, PRINT
from tests.patients.test_cases import examined, only_case, place  # noqa: F401 - a fixture
from tests.pdf_text import joined, pieces

State = DiseaseCase.State


@pytest.fixture
def case(place) -> DiseaseCase:  # noqa: F811
    return only_case(examined(place, anh_hung(place), "B05.9"))


@pytest.fixture
def desk(world: World, client: Client) -> Client:
    client.force_login(world.station.users["doctor"])
    return client


def test_the_list_goes_by_the_time_that_is_left(place, case, desk):  # noqa: F811
    patient, _ = ba_lan(place)
    examined(place, patient, "A97.0", begun=at(8, 30))
    with time_machine.travel(at(21)):
        page = desk.get(reverse("cases")).content.decode()
        assert page.index("Trần Văn Hùng") < page.index("Nguyễn Thị Lan")
        assert '<span class="badge warn">Còn 11 giờ</span>' in page
        assert '<span class="badge wait">Còn 35 giờ</span>' in page
        assert desk.get(reverse("cases-urgent")).content.decode().count(">1<") == 1


@pytest.mark.parametrize(("hour", "day", "words", "urgent"), [(9, 7, "Quá hạn 1 giờ", 200), (9, 6, "Còn 22 giờ", 204)])
def test_the_list_and_the_badge_go_with_the_clock(case, world, client, hour, day, words, urgent):
    with time_machine.travel(at(hour, 20, case.detected_on.replace(day=day))):
        client.force_login(world.station.users["doctor"])
        assert words in client.get(reverse("cases")).content.decode()
        assert client.get(reverse("cases-urgent")).status_code == urgent


def test_a_case_is_kept_reported_and_leaves_the_list(case, desk):
    url = reverse("case", args=[case.pk])
    with time_machine.travel(at(10)):
        page = desk.get(url).content.decode()
        assert "Còn thiếu:" in page
        wrong = desk.post(url, {"step": "sheet", "case_class": "clinical", "onset_on": "07102026"})
        assert wrong.status_code == 422
        assert "sau ngày khám" in wrong.content.decode()
        kept = {"step": "sheet", "case_class": "confirmed", "onset_on": "04102026", "agent": "Vi rút sởi"}
        assert desk.post(url, kept).url == url
        case.refresh_from_db()
        assert (case.case_class, case.agent, f"{case.onset_on:%d/%m}") == ("confirmed", "Vi rút sởi", "04/10")
        bare = desk.post(url, {"step": "report", "channel": "system", "system_code": ""})
        assert bare.status_code == 422
        done = desk.post(
            url, {"step": "report", "channel": "system", "system_code": "S-1", "reported_at": "06/10/2026 09:30"}
        )
        assert done.url == reverse("cases")
        assert "Trần Văn Hùng" not in desk.get(reverse("cases")).content.decode().split("<table")[-1].split("Đã ghi")[0]
        month = desk.get(reverse("cases"), {"show": "month", "month": "10/2026"}).content.decode()
        assert "đã báo" in month
        assert desk.post(url, {"step": "nothing"}).status_code == 404
    case.refresh_from_db()
    assert (case.state, case.reported_at) == (State.REPORTED, at(9, 30))


@pytest.mark.parametrize(
    ("typed", "said"),
    [("12/9999", "Năm phải từ 1900"), ("13/2026", "Tháng viết dạng"), ("tháng này", "Tháng viết dạng")],
)
def test_a_month_that_is_none_is_said_beside_its_field_and_kept(case, desk, typed, said):
    answer = desk.get(reverse("cases"), {"show": "month", "month": typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="id_month_error">{said}' in page
    assert f'value="{typed}"' in page
    assert "Không có ca nào" not in page, "nobody looked"


def test_a_second_report_is_answered_with_what_is_true(case, desk):
    url = reverse("case", args=[case.pk])
    first = {"step": "report", "channel": "other"}
    with time_machine.travel(at(10)):
        assert desk.post(url, first).status_code == 302
        assert desk.post(url, first).status_code == 409


def test_only_the_responsible_roles_see_the_desk(world, case, client):
    for role, status in (("manager", 200), ("nurse", 403), ("cashier", 403)):
        client.force_login(world.station.users[role])
        assert client.get(reverse("cases")).status_code == status
    client.force_login(world.hospital.users["doctor"])
    assert client.get(reverse("case", args=[case.pk])).status_code == 404


def test_lists_ask_as_often_for_many_as_for_few(place, case, desk, django_assert_max_num_queries):  # noqa: F811
    patient, _ = ba_lan(place)
    examined(place, patient, "A97.0", others=("B05.9",), begun=at(8, 30))
    with time_machine.travel(at(12)), django_assert_max_num_queries(10):
        desk.get(reverse("cases"))


def test_the_paper_says_the_five_blocks_and_leaves_lines_for_what_is_unknown(place, case):  # noqa: F811
    data = case_sheet_data(case, at(10))
    assert [block["title"][0] for block in data["blocks"]] == list("12345")
    paper = {**data, "facility": FACILITY, "print": PRINT}
    assert_looks_like("case_sheet", render_png(CASE_SHEET.template, paper, ppi=PPI))
    pdf = print_case_sheet(case=case, actor=place.actor("doctor"), at=at(10))
    text = joined(pieces(pdf))
    for words in ("PHIẾU ĐIỀU TRA CA BỆNH TRUYỀN NHIỄM", "Sởi", "Trần Văn Hùng", "Chưa báo", "07/10/2026 08:10"):
        assert words in text
