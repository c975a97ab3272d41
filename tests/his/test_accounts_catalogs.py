"""The facility's own lists from the screen: look first, then import; nothing is half loaded."""

import csv
import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from his.audit.models import AuditEntry
from his.catalogs.models import PricedService
from tests.cast import World
from tests.his.catalog_files import price_list, price_row

CODE = "18.0119.0028"


@pytest.fixture
def var(settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    return settings.VAR_DIR


@pytest.fixture
def desk(client, world: World, var: Path):
    client.force_login(world.hospital.users["admin"])
    return client


def hand_in(client, tmp_path: Path, *rows, name: str = "gia 'mới' <1>.xlsx", **more):
    content = price_list(tmp_path / "tep.xlsx", *rows).read_bytes()
    data = {"kind": "price_list", "path": SimpleUploadedFile(name, content), "effective_on": "", **more}
    return client.post(reverse("admin-catalogs"), data)


def prices(world: World):
    return PricedService.objects.for_facility(world.hospital.facility).filter(code=CODE)


def test_nothing_changes_before_the_second_step(desk, world, tmp_path, var):
    entries = AuditEntry.objects.count()
    shown = hand_in(desk, tmp_path, price_row(CODE, "Chụp X-quang ngực", 73300, end=""))
    assert shown.status_code == 302
    page = desk.get(shown["Location"])
    assert page.context["seen"]["added"] == 1
    assert "Sẵn sàng nhập" in page.content.decode()
    assert not prices(world).exists()
    assert AuditEntry.objects.count() == entries
    done = desk.post(reverse("admin-catalog-import", args=[page.context["upload"].token]), follow=True)
    assert "thêm 1, đổi 0" in done.content.decode()
    assert prices(world).get().price == 73300
    entry = AuditEntry.objects.get(action="catalogs.import")
    assert (entry.facts["added"], entry.facts["source"]) == (1, page.context["upload"].file.name)
    assert not any(path.is_file() for path in var.rglob("*"))
    assert desk.get(shown["Location"]).status_code == 404


def test_rows_with_errors_are_shown_and_handed_back_as_a_file(desk, world, tmp_path):
    bad = price_row(CODE, "Chụp X-quang ngực", "bảy mươi", end="")
    other = price_row("18.0120.0028", "Chụp X-quang bụng", 73300, end="", owner="99001")
    shown = hand_in(desk, tmp_path, bad, other, price_row(end=""))
    page = desk.get(shown["Location"])
    token = page.context["upload"].token
    text = page.content.decode()
    assert page.context["seen"]["errors"] == 3
    assert "không nhập dòng nào" in text
    assert reverse("admin-catalog-import", args=[token]) in text
    assert 'data-action="save"' not in text
    answer = desk.get(reverse("admin-catalog-findings", args=[token]))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert {(row["row"], row["column"]) for row in rows} >= {("2", "DON_GIA"), ("3", "MA_CSKCB")}
    refused = desk.post(reverse("admin-catalog-import", args=[token]))
    assert (refused.status_code, "Tệp có 3 lỗi" in refused.content.decode()) == (422, True)
    assert not prices(world).exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"path": SimpleUploadedFile("gia.xlsx", b"rac")}, "Không đọc được bảng tính"),
        ({"path": SimpleUploadedFile("gia.exe", b"rac")}, "Chỉ nhận tệp"),
        ({"path": SimpleUploadedFile("gia.csv", b"a,b\n1,2")}, "Không tìm thấy bảng có các cột"),
        ({"path": SimpleUploadedFile("gia.xlsx", b"")}, "Tệp này trống"),
        ({"path": ""}, "Hãy chọn tệp"),
        ({"path": SimpleUploadedFile("gia.xlsx", b"x"), "kind": "icd10"}, "icd10"),
        ({"path": SimpleUploadedFile("gia.xlsx", b"x"), "effective_on": "31022026"}, "Ngày không có thật"),
    ],
)
def test_a_file_that_is_not_understood_is_refused_beside_the_box(desk, var, data, message):
    answer = desk.post(reverse("admin-catalogs"), {"kind": "price_list", "effective_on": "", **data})
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not any(path.is_file() for path in var.rglob("*"))


def test_too_large_a_file_is_refused(desk, monkeypatch):
    monkeypatch.setattr("his.accounts.forms.MOST_BYTES", 3)
    data = {"kind": "price_list", "path": SimpleUploadedFile("gia.xlsx", b"1234")}
    assert "lớn hơn 10 MB" in desk.post(reverse("admin-catalogs"), data).content.decode()


def test_the_own_name_of_a_file_leads_nowhere_else(desk, tmp_path, var):
    shown = hand_in(desk, tmp_path, price_row(end=""), name="../../ask.json.xlsx")
    upload = desk.get(shown["Location"]).context["upload"]
    assert upload.file.parent == upload.folder
    assert upload.folder.parent == var / "uploads" / "99002"


def test_a_handed_in_file_is_unknown_at_another_facility(client, desk, world, tmp_path):
    shown = hand_in(desk, tmp_path, price_row(end=""))
    token = desk.get(shown["Location"]).context["upload"].token
    client.force_login(world.station.users["admin"])
    assert client.get(reverse("admin-catalog-check", args=[token])).status_code == 404
    assert client.get(reverse("admin-catalog-findings", args=[token])).status_code == 404
    assert client.post(reverse("admin-catalog-import", args=[token])).status_code == 404
    assert not PricedService.objects.for_facility(world.station.facility).filter(source="Mẫu 05/DM").exists()
