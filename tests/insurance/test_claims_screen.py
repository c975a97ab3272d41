"""The claims screen: each number of the funnel opens exactly its list; one claim in the panel; files as exported."""

import io
import zipfile
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from his.catalogs.models import Drug
from insurance.billing.closing import reopen_visit
from insurance.claims import queries
from insurance.claims.export import export_month
from insurance.claims.inclusion import RULES, reason_column, reason_left_out_of
from insurance.claims.services import build_claim, build_month
from insurance.claims.stored import content_of
from insurance.models import Claim
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.test_export import month
from tests.insurance.walk import HALF_PAID, MONTH, PARACETAMOL, signed_in

pytestmark = pytest.mark.django_db


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
            assert shown.count('class="row-link"') == len(rows)
        build_month(month=MONTH, actor=world.hospital.actor("claims"), at=at(17))
    assert counts == {
        "closed": 5,
        "insured": 3,
        "built": 2,
        "clean": 1,
        "exported": 0,
        "left_out": 2,
        "not_built": 1,
        "findings": 1,
    }
    build_claim(visit=steps["mai"].visit, actor=world.hospital.actor("claims"), at=at(18))
    client.post(reverse("claims-export"), {"month": "2026-10"})
    assert queries.funnel(facility, MONTH)["exported"] == 2
    reopen_visit(visit=steps["lan"].visit, reason="Sai", actor=world.hospital.actor("manager"), at=at(19))
    after = queries.funnel(facility, MONTH)
    assert (after["closed"], after["built"], after["findings"]) == (4, 1, 0)


def test_the_left_out_list_says_why(world: World) -> None:
    month(world)
    shown = screen(signed_in(world.hospital, "claims"), month="10/2026", view="left_out")
    assert "Người bệnh tự chi trả" in shown
    assert "Không có chi phí trong phạm vi BHYT" in shown


def test_building_goes_on_chunk_by_chunk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    spoiled(world)
    monkeypatch.setattr("insurance.views.claims.CHUNK", 2)
    client, url = signed_in(world.hospital, "claims"), reverse("claims-build-month")
    form, rounds = {"month": "2026-10"}, 0
    while True:
        shown = client.post(url, form, headers={"HX-Request": "true"}).content.decode()
        rounds += 1
        if 'name="after"' not in shown:
            break
        for name in ("after", "built", "findings", "errors"):
            form[name] = shown.split(f'name="{name}" value="')[1].split('"')[0]
    assert rounds == 3
    assert "Đã lập <b>2</b> hồ sơ, <b>1</b> có lỗi, <b>1</b> không lập được" in shown
    assert "Lượt khám không có chẩn đoán đã ký" in shown
    assert Claim.objects.count() == 2
    plain = client.post(url, {"month": "2026-10"}).content.decode()  # without script: a page with a button
    assert "Lập tiếp" in plain
    assert client.post(url, {"month": "abc"}).status_code == 422


def test_one_claim_shows_its_tables_with_the_fault_marked(world: World) -> None:
    step = spoiled(world)["lan"]
    client = signed_in(world.hospital, "claims")
    url = reverse("claims-build", args=[step.visit.pk])
    answer = client.post(url, {"month": "2026-10", "view": "findings"}, follow=True)
    shown = answer.content.decode()
    assert "còn 1 lỗi" in shown
    assert "DUONG_DUNG" in shown
    row = shown.split('<tr class="found">')[1].split("</tr>")[0]
    assert "DUONG_DUNG" in row
    assert "99.99" in row
    assert shown.count('<tr class="found">') == 1
    assert "Lỗi gom theo nguyên nhân" in shown
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


def test_the_zip_holds_the_files_of_the_export_and_is_the_same_twice(world: World, tmp_path: Path) -> None:
    month(world)
    client = signed_in(world.hospital, "claims")
    answers = [
        b"".join(client.post(reverse("claims-export"), {"month": "2026-10"}).streaming_content) for _ in range(2)
    ]
    assert answers[0] == answers[1]
    export_month(month=MONTH, out_dir=tmp_path, actor=world.hospital.actor("claims"), at=at(19))
    with zipfile.ZipFile(io.BytesIO(answers[0])) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    assert packed == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


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
    assert counts[0] <= 10
