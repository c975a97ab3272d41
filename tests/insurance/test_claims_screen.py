"""The claims screen: each number of the funnel opens exactly its list; one claim in the panel; files as exported."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from his.catalogs.models import Drug
from insurance.billing.closing import reopen_visit
from insurance.claims import causes, jobs, queries
from insurance.claims.inclusion import RULES, reason_column, reason_left_out_of
from insurance.claims.services import build_claim, build_month
from insurance.claims.stored import content_of
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.test_export import month
from tests.insurance.walk import HALF_PAID, MONTH, PARACETAMOL, signed_in

pytestmark = pytest.mark.django_db
LINK = re.compile(r'class="row-link" href="[^"]*visit=')


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(18), tick=False)


def screen(client: Client, **query: object) -> str:
    answer = client.get(reverse("claims"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def spoiled(world: World) -> dict[str, walk.Walk]:
    """The month of the export tests, with one claim that has a finding and one visit that cannot be built."""
    Drug.objects.filter(code=HALF_PAID).update(route_code="99.99")
    steps = month(world)
    person, card = walk.someone(world.hospital, "Không Chẩn Đoán", card="DN4999900000088")
    steps["broken"] = walk.visit_of(world, world.hospital, person, card).examine().sign()
    steps["broken"].settled()
    walk.lose_diagnoses(steps["broken"].visit)
    return steps


def test_the_database_and_the_rules_agree_on_what_is_left_out(world: World) -> None:
    spoiled(world)
    rows = queries.results_of_month(world.hospital.facility, MONTH).annotate(reason=reason_column())
    said = {row.pk: (row.reason, reason_left_out_of(row.visit, row)) for row in rows.select_related("visit")}
    assert all(one == other for one, other in said.values())
    assert {one for one, _ in said.values()} == {"", RULES[0].reason_vi, RULES[2].reason_vi}


def test_every_number_opens_exactly_its_list(world: World) -> None:
    steps = spoiled(world)
    facility, client = world.hospital.facility, signed_in(world.hospital, "claims")
    for _ in range(2):
        counts = queries.funnel(facility, MONTH)
        for view in (*queries.VIEWS, *queries.SIDE_VIEWS):
            rows = list(queries.listed(facility, MONTH, view.code))
            assert len(rows) == counts[view.code], view.code
            shown = screen(client, month="2026-10", view=view.code)
            assert len(LINK.findall(shown)) == len(rows)
        build_month(month=MONTH, actor=world.hospital.actor("claims"), at=at(17))
    assert {code: number for code, number in counts.items() if code not in {"warnings", "notes"}} == {
        "closed": 5,
        "insured": 3,
        "built": 2,
        "clean": 1,
        "exported": 0,
        "findings": 1,
        "waived": 0,
        "failed": 1,
        "not_built": 1,
        "left_out": 2,
    }
    build_claim(visit=steps["mai"].visit, actor=world.hospital.actor("claims"), at=at(18))
    jobs.run(jobs.start_export(month=MONTH, actor=world.hospital.actor("claims"), at=at(18)))
    assert queries.funnel(facility, MONTH)["exported"] == 2
    reopen_visit(visit=steps["lan"].visit, reason="Sai", actor=world.hospital.actor("manager"), at=at(19))
    after = queries.funnel(facility, MONTH)
    assert (after["closed"], after["built"], after["findings"]) == (4, 1, 0)


def test_each_reason_of_leaving_out_opens_its_visits(world: World) -> None:
    steps = month(world)
    client = signed_in(world.hospital, "claims")
    for reason in queries.reasons_left_out(world.hospital.facility, MONTH):
        shown = screen(client, month="10/2026", view="left_out", reason=reason.code)
        assert f"{reason.reason_vi} <b" in shown
        assert len(LINK.findall(shown)) == reason.visits == 1
    assert steps["chosen"].visit.claim_code in shown


def test_each_cause_and_value_opens_exactly_its_claims(world: World) -> None:
    Drug.objects.filter(code=HALF_PAID).update(route_code="99.99")
    Drug.objects.filter(code=PARACETAMOL).update(route_code="88.88")
    month(world)
    facility, client = world.hospital.facility, signed_in(world.hospital, "claims")
    build_month(month=MONTH, actor=world.hospital.actor("claims"), at=at(17))
    view = queries.view_of("findings")
    row = next(one for one in causes.causes(facility, MONTH, view) if one.cause.rule == "structure.too_long")
    assert (row.title, row.claims, row.findings) == ("Giá trị dài quá độ rộng của trường", 2, 3)
    values = causes.values(facility, MONTH, view, row.cause)
    assert [(one.value, one.claims) for one in values] == [("88.88", 2), ("99.99", 1)]
    for cause, claims in ((row.cause, 2), (values[0].cause, 2), (values[1].cause, 1)):
        shown = screen(client, month="2026-10", view="findings", **cause.parts())
        assert len(LINK.findall(shown)) == claims
        assert f"{claims} hồ sơ có lỗi này" in shown
    assert "Giá trị dài quá độ rộng của trường" in screen(client, month="2026-10", view="findings")


def test_one_claim_shows_its_tables_with_the_fault_marked(world: World) -> None:
    step = spoiled(world)["lan"]
    client = signed_in(world.hospital, "claims")
    url = reverse("claims-build", args=[step.visit.pk])
    answer = client.post(url, {"month": "2026-10", "view": "findings"}, follow=True)
    shown = answer.content.decode()
    assert "còn 1 lỗi" in shown
    assert "DUONG_DUNG" in shown
    row = shown.split('id="XML2-2-DUONG_DUNG" class="found blocking">')[1].split("</tr>")[0]
    assert "DUONG_DUNG" in row
    assert "99.99" in row
    assert shown.count('class="found blocking"') == 1
    assert 'href="#XML2-2-DUONG_DUNG"' in shown  # from the finding to its field
    assert "Sửa ở: Dược, danh mục thuốc" in shown
    assert "Gom theo nguyên nhân" in shown
    for part in ("HO_TEN", "Nguyễn Thị Lan", "XML4", "TEN_CHI_SO"):
        assert part in shown
    refused = client.post(reverse("claims-build", args=[step.visit.pk + 1]), {"month": "2026-10"})
    assert refused.status_code in {404, 422}


def test_why_a_claim_cannot_be_built_is_said_on_the_screen(world: World) -> None:
    steps = spoiled(world)
    client = signed_in(world.hospital, "claims")
    for name, said in (("hung", "Người bệnh tự chi trả"), ("broken", "không có chẩn đoán đã ký")):
        answer = client.post(reverse("claims-build", args=[steps[name].visit.pk]), {"month": "2026-10"})
        assert answer.status_code == 422
        assert said in answer.content.decode()


def test_the_file_of_one_claim_is_what_was_stored(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    client, url = signed_in(world.hospital, "claims"), reverse("claims-xml", args=[step.visit.pk])
    assert client.get(url).status_code == 404
    claim = build_claim(visit=step.visit, actor=world.hospital.actor("claims"), at=at(17))
    answer = client.get(url)
    assert answer.content == content_of(claim)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{step.visit.claim_code}.xml"'


def test_odd_addresses_are_answered(world: World) -> None:
    client = signed_in(world.hospital, "claims")
    assert "Không có lượt khám nào" in screen(client)  # an empty facility
    walk.lan_full(world, world.hospital).settled()
    assert "tháng 10/2026" in screen(client)
    for query in ({"month": "13/2026"}, {"month": "<x>'"}, {"page": "99"}, {"page": "x"}, {"visit": "x"}):
        screen(client, **query)
    assert 'aria-invalid="true"' in screen(client, month="13/2026")
    assert client.get(reverse("claims"), {"view": "other"}).status_code == 404
    assert client.get(reverse("claims"), {"visit": "999999"}).status_code == 404
    assert client.get(reverse("claims"), {"view": "left_out", "reason": "other"}).status_code == 404
    for query in ({"rule": "no.such", "table": "XML1"}, {"rule": "x" * 300, "table": "y" * 300, "value": "%27"}):
        assert "Không có lượt khám nào" in screen(client, view="findings", **query)


def test_a_long_month_asks_as_often_as_a_short_one(world: World) -> None:
    place = world.hospital
    client, counts = signed_in(place, "claims"), []
    screen(client)
    for number in range(5):
        person, card = walk.someone(place, f"Người {number}", card=f"DN4999900000{number:03d}")
        step = walk.visit_of(world, place, person, card).examine().prescribe((PARACETAMOL, 7)).sign().dispense()
        step.settled()
        build_claim(visit=step.visit, actor=place.actor("claims"), at=at(17))
        if number in {0, 4}:
            with CaptureQueriesContext(connection) as captured:
                screen(client)
            counts.append(len(captured))
    assert counts == [counts[0]] * 2
    assert counts[0] == 12


def test_a_month_that_cannot_be_stays_in_its_box(world: World) -> None:
    page = screen(walk.signed_in(world.hospital, "claims"), month="99/<2026>")
    assert "Tháng gõ dạng 10/2026" in page
    assert 'name="month" value="99/&lt;2026&gt;"' in page
    assert 'aria-invalid="true"' in page
