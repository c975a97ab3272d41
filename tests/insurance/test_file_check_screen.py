"""The screen for claim files of any system: hand in, wait, causes, a line in its table, the lists; nobody else's."""

import json
import os
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.conf import settings as project
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from his.accounts.actor import Actor
from his.core.errors import NotFound
from insurance.checking import store, work
from insurance.checking.results import Results
from insurance.checking.store import DONE, FAILED, FileCheckJob
from insurance.rules.engine import NoCatalogs
from insurance.rules.listing import COLUMNS
from tests.cast import World
from tests.insurance.claim_files import OTHER, file_xml, table_xml, visit_xml
from tests.insurance.rule_claims import claim
from tests.insurance.walk import signed_in

pytestmark = pytest.mark.django_db

BROKEN = "XML1.GIOI_TINH=22; XML2[2].SO_LUONG=sáu; -XML1.HO_TEN"


@pytest.fixture(autouse=True)
def own_store(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of the test's own, and the work at once instead of in a process."""
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(work, "start", lambda job: work.carry_out(job.folder))


def upload(*contents: bytes, name: str = "hồ sơ {}.xml") -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name.format(number), content) for number, content in enumerate(contents, 1)]


def hand_in(client: Client, *contents: bytes, **data: Any) -> str:
    answer = client.post(reverse("claims-check"), {"files": upload(*contents), "standard": "auto", **data})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def job_of(actor: Actor) -> FileCheckJob:
    job = store.latest(actor)
    assert job is not None
    return job


def test_from_the_files_to_the_line_and_the_lists(world: World) -> None:
    client = signed_in(world.station, "claims")
    address = hand_in(client, file_xml(visit_xml(BROKEN)), b"not xml")
    job = job_of(world.station.actor("claims"))
    causes = Results(job.results).causes()

    text = page(client, address)
    assert "hồ_sơ_1.xml" in text
    assert "Không đọc được 1 chỗ" in text
    assert text.index("Từ chối") < text.index("Giá trị dài quá độ rộng của trường")
    cause = next(one for one in causes if one.rule == "structure.too_long")
    assert (cause.name, cause.field, cause.count, cause.claims) == ("XML1", "GIOI_TINH", 1, 1)

    places = page(client, f"{address}?cause={cause.number}")
    assert cause.fix in places
    assert "99001.2608.000017" in places
    (place,) = Results(job.results).places(cause.number, 0, 10)
    line = page(client, f"{address}?cause={cause.number}&place={place.id}")
    assert f'class="found {place.severity} asked" id="asked"' in line
    assert 'Giới tính <span class="code">GIOI_TINH</span>' in line
    assert "NGAY_SINH</span></th><td>195403150000</td>" in line

    answer = client.get(reverse("claims-check-list", args=[job.token, "json"]))
    records = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert len(records) == sum(one.count for one in causes)
    assert tuple(records[0]) == COLUMNS
    assert {record["file"] for record in records} == {"hồ_sơ_1.xml", "hồ_sơ_2.xml"}
    answer = client.get(reverse("claims-check-list", args=[job.token, "xlsx"]))
    book = openpyxl.load_workbook(BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    assert book["Danh sách"].max_row == len(records) + 1


def test_a_field_that_is_missing_is_shown_where_it_belongs(world: World) -> None:
    client = signed_in(world.station, "claims")
    address = hand_in(client, file_xml(visit_xml(BROKEN)))
    results = Results(job_of(world.station.actor("claims")).results)
    cause = next(one for one in results.causes() if one.rule == "structure.missing_field_required")
    (place,) = results.places(cause.number, 0, 10)

    line = page(client, f"{address}?cause={cause.number}&place={place.id}").partition('class="claim-table"')[2]
    assert line.index("MA_BN</span>") < line.index("HO_TEN</span>") < line.index("NGAY_SINH</span>")


def test_tables_that_came_one_to_a_file_open_at_their_line(world: World) -> None:
    client = signed_in(world.station, "claims")
    facts = claim("XML2[2].SO_LUONG=sáu")
    tables = [name for name in facts.standard.tables if name in facts.tables]
    address = hand_in(client, *(table_xml(facts.standard, name, facts) for name in tables))
    results = Results(job_of(world.station.actor("claims")).results)
    cause = next(one for one in results.causes() if one.rule == "structure.bad_number")
    (place,) = results.places(cause.number, 0, 10)
    assert (place.file, place.claim_code) == (f"hồ_sơ_{tables.index('XML2') + 1}.xml", "99001.2608.000017")
    line = page(client, f"{address}?cause={cause.number}&place={place.id}")
    assert f'class="found {place.severity} asked" id="asked"' in line
    assert {one.claims for one in results.causes() if one.rule == "structure.bad_number"} == {1}


def test_two_files_of_one_name_are_both_checked(world: World) -> None:
    client = signed_in(world.station, "claims")
    files = upload(file_xml(visit_xml(BROKEN)), file_xml(visit_xml(f"{OTHER}; XML1.GIOI_TINH=22")), name="thang.xml")
    client.post(reverse("claims-check"), {"files": files, "standard": "auto"})
    job = job_of(world.station.actor("claims"))
    assert (job.progress().state, job.progress().claims) == (store.DONE, 2)
    cause = next(one for one in Results(job.results).causes() if one.rule == "structure.too_long")
    assert [Results(job.results).claim(one) is not None for one in Results(job.results).places(cause.number, 0, 9)] == [
        True,
        True,
    ]


def test_other_files_in_an_archive_are_named(world: World) -> None:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.xml", file_xml(visit_xml()))
        archive.writestr("tờ trình.pdf", b"%PDF-1.7")
    client = signed_in(world.station, "claims")
    answer = client.post(
        reverse("claims-check"), {"files": [SimpleUploadedFile("t.zip", target.getvalue())], "standard": "auto"}
    )
    assert "Bỏ qua 1 tệp loại khác: t.zip/tờ trình.pdf" in page(client, str(answer["Location"]))


def test_a_sound_file_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_catalogs", lambda job: NoCatalogs())  # the cast knows six diseases only
    client = signed_in(world.station, "claims")

    assert "Không tìm thấy lỗi nào" in page(client, hand_in(client, file_xml(visit_xml())))


def test_places_come_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(world.station, "claims")
    visits = [visit_xml("XML1.GIOI_TINH=22", code=f"99001.2608.{number:06}") for number in range(60)]
    address = hand_in(client, file_xml(*visits))
    cause = next(
        one
        for one in Results(job_of(world.station.actor("claims")).results).causes()
        if one.rule == "structure.too_long"
    )

    second = page(client, f"{address}?cause={cause.number}&page=2")
    assert (cause.count, cause.claims) == (60, 60)
    assert "Trang 2/2 · 60 dòng" in second
    assert "99001.2608.000055" in second
    assert "99001.2608.000045" not in second


@pytest.mark.parametrize("who", ["same role elsewhere", "manager of the facility"])
def test_nobody_else_sees_it(world: World, who: str) -> None:
    address = hand_in(signed_in(world.station, "claims"), file_xml(visit_xml(BROKEN)))
    other = signed_in(world.hospital, "claims") if "elsewhere" in who else signed_in(world.station, "manager")
    job = job_of(world.station.actor("claims"))

    for path in (address, reverse("claims-check-list", args=[job.token, "json"]), f"{address}progress/"):
        assert other.get(path).status_code == 404
    assert other.post(reverse("claims-check-discard", args=[job.token])).status_code == 404
    assert job.results.exists()


def test_a_check_at_another_facility_of_the_same_user_is_not_found(world: World) -> None:
    hand_in(signed_in(world.station, "claims"), file_xml(visit_xml()))
    here = world.station.actor("claims")
    there = Actor(here.user, world.hospital.facility, here.permissions, here.roles)

    with pytest.raises(NotFound):
        store.find(there, job_of(here).token)


def test_who_may_not_see_claims_may_not_check(world: World) -> None:
    assert signed_in(world.station, "doctor").get(reverse("claims-check")).status_code == 403


@pytest.mark.parametrize(
    ("files", "message"), [([], "Hãy chọn ít nhất một tệp"), ([b"x" * (1 << 20), b"y"], "mỗi lần tối đa 1 MB")]
)
def test_too_much_and_nothing_are_refused_with_a_word(
    world: World, settings: Settings, files: list[bytes], message: str
) -> None:
    settings.CHECK_UPLOAD_MB = 1
    files = [content * 2 for content in files]
    answer = signed_in(world.station, "claims").post(reverse("claims-check"), {"files": upload(*files)})

    assert answer.status_code == 422
    assert message in answer.content.decode()


def test_files_go_after_the_check_and_everything_after_a_day(world: World) -> None:
    client, actor = signed_in(world.station, "claims"), world.station.actor("claims")
    address = hand_in(client, file_xml(visit_xml()))
    job = job_of(actor)
    assert job.files == []

    ask = json.loads((job.folder / "ask.json").read_text("utf-8"))
    (job.folder / "ask.json").write_text(json.dumps(ask | {"made_at": ask["made_at"] - 25 * 3600}), "utf-8")
    assert store.latest(actor) is None
    assert not job.folder.exists()
    assert client.get(address).status_code == 404


def test_a_new_check_takes_the_place_of_the_last_and_discarding_leaves_nothing(world: World) -> None:
    client, actor = signed_in(world.station, "claims"), world.station.actor("claims")
    hand_in(client, file_xml(visit_xml()))
    first = job_of(actor)
    hand_in(client, file_xml(visit_xml()))
    second = job_of(actor)
    assert not first.folder.exists()

    client.post(reverse("claims-check-discard", args=[second.token]))
    assert [path for path in Path(project.VAR_DIR).rglob("*") if path.is_file()] == []


def test_the_page_waits_while_the_check_runs_and_tells_when_it_died(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "start", lambda job: None)
    client = signed_in(world.station, "claims")
    address = hand_in(client, file_xml(visit_xml()))
    job = job_of(world.station.actor("claims"))

    assert "Đang kiểm tra 0%" in page(client, address)
    assert 'hx-trigger="load delay:1s"' in page(client, f"{address}progress/")
    old = time.time() - store.STALE_SECONDS - 1
    os.utime(job.folder / "progress.json", (old, old))
    assert client.get(f"{address}progress/")["HX-Redirect"] == address
    assert "dừng giữa chừng" in page(client, address)


def test_a_check_that_breaks_is_told_and_leaves_no_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "start", lambda job: None)
    hand_in(signed_in(world.station, "claims"), file_xml(visit_xml()))
    job = job_of(world.station.actor("claims"))
    monkeypatch.setattr(work, "RuleBooks", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        work.carry_out(job.folder)
    assert job.progress().state == FAILED
    assert job.files == []


def test_the_process_works_without_a_database_and_in_the_name_of_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "start", lambda job: None)
    hand_in(signed_in(world.station, "claims"), file_xml(visit_xml(BROKEN)))
    job = job_of(world.station.actor("claims"))
    nowhere = os.environ | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}

    done = subprocess.run(
        [sys.executable, "-m", "insurance.checking", str(job.folder)],
        cwd=project.BASE_DIR, env=nowhere, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert job.progress().state == DONE
    assert "structure.too_long" in {one.rule for one in Results(job.results).causes()}


def test_the_own_lists_are_asked_when_the_user_says_so(world: World) -> None:
    client = signed_in(world.station, "claims")
    hand_in(client, file_xml(visit_xml()), own="on")
    own = job_of(world.station.actor("claims")).progress()
    hand_in(client, file_xml(visit_xml()))
    foreign = job_of(world.station.actor("claims")).progress()

    facility_lists = {"services", "drugs", "staff", "departments"}
    assert facility_lists & {need for _, _, need in own.cannot_run} == set()
    assert {need for _, _, need in foreign.cannot_run} >= {need for _, _, need in own.cannot_run}
