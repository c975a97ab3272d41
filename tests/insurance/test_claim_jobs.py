"""Building and exporting a month in the background: started once, watched, the file kept for its owner for a day."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from django.urls import reverse

from his.core.errors import Refusal
from insurance.claims import jobs
from insurance.claims.export import export_month
from insurance.models import BuildFailure, Claim, ClaimJob, MonthCheck
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.test_claims_screen import spoiled
from tests.insurance.test_export import month
from tests.insurance.walk import MONTH, signed_in
from tests.scenes import scene

pytestmark = pytest.mark.django_db


@scene
def closed(world: World) -> dict[str, walk.Walk]:
    """A month ready to be built and exported."""
    return month(world)


@pytest.fixture(autouse=True)
def clock(time_machine, settings, tmp_path: Path) -> None:
    time_machine.move_to(at(18), tick=False)
    settings.VAR_DIR = tmp_path / "var"


def test_building_a_month_says_what_came_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = spoiled(world)
    monkeypatch.setattr(jobs, "CHUNK", 2)
    job = jobs.start_build(month=MONTH, actor=world.hospital.actor("claims"), at=at(18))
    with pytest.raises(Refusal, match="đang được lập"):
        jobs.start_export(month=MONTH, actor=world.hospital.actor("claims"), at=at(18))
    client, url = signed_in(world.hospital, "claims"), reverse("claims-job", args=[job.pk])
    assert "Đang lập 0/5 lượt" in client.get(url).content.decode()
    assert "Đang lập 0/5 lượt" in client.get(reverse("claims"), {"month": "2026-10"}).content.decode()
    jobs.run(job)
    assert (job.state, job.done, job.result["built"], job.result["findings"]) == ("done", 5, 2, 1)
    reason = "Lượt khám không có chẩn đoán đã ký"
    assert job.result["failed"] == [(steps["broken"].visit.claim_code, reason)]
    assert BuildFailure.objects.get().visit == steps["broken"].visit
    assert MonthCheck.objects.get().shared_at == at(18)
    shown = client.get(url).content.decode()
    assert "Đã lập <b>2</b> hồ sơ, <b>1</b> có lỗi" in shown
    assert reason in shown
    bar = client.get(url, headers={"HX-Request": "true", "HX-Target": "job"}).content.decode()
    assert "<b>1</b> không lập được" in bar
    assert Claim.objects.count() == 2


def test_the_zip_holds_the_files_of_the_export_and_is_the_same_twice(
    world: World, tmp_path: Path, closed: dict[str, walk.Walk]
) -> None:
    client, packed = signed_in(world.hospital, "claims"), []
    for _ in range(2):
        answer = client.post(reverse("claims-export"), {"month": "2026-10"})
        job = ClaimJob.objects.latest("pk")
        assert answer.headers["Location"] == reverse("claims-job", args=[job.pk])
        jobs.run(job)
        page = client.get(answer.headers["Location"]).content.decode()
        assert "Đã xuất <b>2</b> hồ sơ" in page
        assert "Người bệnh tự chi trả" in page
        packed.append(b"".join(client.get(reverse("claims-zip", args=[job.pk])).streaming_content))
    assert packed[0] == packed[1]
    export_month(month=MONTH, out_dir=tmp_path / "out", actor=world.hospital.actor("claims"), at=at(19))
    with zipfile.ZipFile(io.BytesIO(packed[0])) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert held == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert {path.name for path in jobs.folder().iterdir()} == {f"{one.pk}.zip" for one in ClaimJob.objects.all()}


def test_the_file_is_its_owners_for_a_day(world: World, time_machine, closed: dict[str, walk.Walk]) -> None:
    job = jobs.start_export(month=MONTH, actor=world.hospital.actor("claims"), at=at(18))
    jobs.run(job)
    url = reverse("claims-zip", args=[job.pk])
    owner = signed_in(world.hospital, "claims")
    assert owner.get(url).status_code == 200
    assert signed_in(world.hospital, "cashier").get(url).status_code == 403
    other = signed_in(world.station, "claims")
    assert other.get(url).status_code == 404
    assert other.get(reverse("claims-job", args=[job.pk])).status_code == 404
    manager = signed_in(world.hospital, "manager").get(reverse("claims-job", args=[job.pk])).content.decode()
    assert "Tệp chỉ dành cho người đã xuất" in manager
    assert url not in manager
    time_machine.move_to(at(19, day=at().date().replace(day=7)), tick=False)
    (path,) = jobs.folder().iterdir()
    os.utime(path, (at(18).timestamp(),) * 2)
    assert signed_in(world.hospital, "claims").get(url).status_code == 404
    assert not path.exists()


def test_a_job_whose_server_stopped_can_be_started_again(world: World, closed: dict[str, walk.Walk]) -> None:
    actor = world.hospital.actor("claims")
    first = jobs.start_export(month=MONTH, actor=actor, at=at(17))
    second = jobs.start_export(month=MONTH, actor=actor, at=at(18))
    first.refresh_from_db()
    assert (first.state, first.message) == ("failed", "Máy chủ đã dừng giữa chừng, hãy làm lại")
    assert second.state == "running"


def test_a_failure_is_kept_in_words(
    world: World, monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path, closed: dict[str, walk.Walk]
) -> None:
    actor = world.hospital.actor("claims")
    (tmp_path / "file").touch()
    settings.VAR_DIR = tmp_path / "file"
    job = jobs.start_export(month=MONTH, actor=actor, at=at(18))
    jobs.run(job)
    assert (job.state, job.message[:19]) == ("failed", "Không ghi được vào ")
    monkeypatch.setattr(jobs, "build_month", lambda **_: {}["gone"])
    job = jobs.start_build(month=MONTH, actor=actor, at=at(18))
    jobs.run(job)
    assert (job.state, job.message) == ("failed", "Lỗi của phần mềm: KeyError")
    page = signed_in(world.hospital, "claims").get(reverse("claims-job", args=[job.pk])).content.decode()
    assert "Lỗi của phần mềm" in page


def test_a_month_must_be_named(world: World) -> None:
    client = signed_in(world.hospital, "claims")
    for name in ("claims-build-month", "claims-export"):
        assert client.post(reverse(name), {"month": "abc"}).status_code == 422
