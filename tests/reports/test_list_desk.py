"""The screen of a list: sums, checks, pages, the file; what belongs to another facility is not there."""

import io

from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from reports.lists.services import list_query
from reports.lists.totals import totals
from tests.cast import World
from tests.insurance import walk
from tests.reports.month import OCTOBER, person_visit

ADDRESS = "/reports/lists/79A/2026-10/"


def test_the_screen_shows_sums_checks_and_rows(world: World, list_month: list[walk.Walk]) -> None:
    walks = list_month
    client = walk.signed_in(world.hospital, "claims")
    page = client.get(ADDRESS)
    text = page.content.decode()
    assert page.status_code == 200
    for shown in ("A. Nội tỉnh khám, chữa bệnh ban đầu - I. Đúng tuyến", walks[0].visit.claim_code, "XLSX 41 cột"):
        assert shown in text
    assert "Mọi lượt khám trong danh sách đã lập hồ sơ XML" in text
    parts = totals(list_query("79A", world.hospital.facility, OCTOBER))
    assert page.context["sums"]["count"] == sum(part.count for part in parts) == page.context["page"].paginator.count
    visit = client.get(f"/reports/visits/{walks[0].visit.claim_code}/")
    assert walks[0].visit.patient.full_name in visit.content.decode()


def test_choosing_a_list_opens_it_and_stores_nothing(world: World, list_month: list[walk.Walk]) -> None:
    client = walk.signed_in(world.hospital, "claims")
    answer = client.post("/reports/", {"form": "79A", "month": "10/2026", "store": ""})
    assert (answer.status_code, answer.headers["Location"]) == (302, ADDRESS)


def test_the_file_is_that_of_the_facility(world: World, list_month: list[walk.Walk]) -> None:
    answer = walk.signed_in(world.hospital, "claims").get(f"{ADDRESS}file/?variant=41")
    assert 'filename="79A_99002_2026-10_41.xlsx"' in answer.headers["Content-Disposition"]
    lines = list(load_workbook(io.BytesIO(b"".join(answer.streaming_content))).worksheets[0].values)
    assert (len(lines[0]), len(lines)) == (41, 7)
    other = walk.signed_in(world.station, "claims").get(f"{ADDRESS}file/")
    assert len(list(load_workbook(io.BytesIO(b"".join(other.streaming_content))).worksheets[0].values)) == 1


def test_what_is_no_list_is_not_found(world: World) -> None:
    client = walk.signed_in(world.hospital, "claims")
    for address in ("lists/01BH/2026-10/", "lists/XYZ/2026-10/", "lists/79A/2026-13/", "lists/79A/2026-Q4/"):
        assert client.get(f"/reports/{address}").status_code == 404
    assert client.get(f"{ADDRESS}file/?variant=40").status_code == 404
    assert walk.signed_in(world.hospital, "reception").get(ADDRESS).status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_list(world: World) -> None:
    client = walk.signed_in(world.hospital, "claims")
    walk.lan_full(world, world.hospital).settled()
    client.get(ADDRESS)
    with CaptureQueriesContext(connection) as one:
        client.get(ADDRESS)
    for number in range(3):
        more = person_visit(world, world.hospital, f"Người {number}", f"GD499991234570{number}", hour=9 + number)
        more.examine("I10").sign().settled()
    with CaptureQueriesContext(connection) as four:
        client.get(ADDRESS)
    assert len(four) == len(one)
