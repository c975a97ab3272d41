"""The reports desk, its interface and its command: who may, what is shown, what is written."""

import io
import json
from pathlib import Path

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from lxml import etree

from his.audit.models import AuditEntry
from his.ui.text import minute_text
from reports.models import ReportRun
from reports.period import Period
from tests.cast import World
from tests.insurance import walk
from tests.reports.month import HOSTILE_NAME, MONEY, made


@pytest.fixture
def report(claimed_month: ReportRun) -> ReportRun:
    """The October report of the hospital, claims built."""
    return claimed_month


def addresses(report: ReportRun) -> dict[str, str]:
    files = {kind: reverse("report-file", args=[report.pk, kind]) for kind in ("xlsx", "pdf", "xml")}
    return {
        "desk": reverse("reports"),
        "run": reverse("report-run", args=[report.pk]),
        "row": reverse("report-row", args=[report.pk, 1]),
        **files,
        "api run": f"/api/reports/runs/{report.pk}",
        "api rows": f"/api/reports/runs/{report.pk}/rows",
        "api file": f"/api/reports/runs/{report.pk}/files/xlsx",
    }


def test_reports_stay_in_their_facility_and_need_their_permission(world: World, report: ReportRun) -> None:
    own, other = walk.signed_in(world.hospital, "claims"), walk.signed_in(world.station, "claims")
    cashier = walk.signed_in(world.hospital, "cashier")
    for name, address in addresses(report).items():
        assert own.get(address).status_code == 200, name
        assert cashier.get(address).status_code == 403, name
        assert Client().get(address).status_code in {302, 401}, name
        if name != "desk":
            assert other.get(address).status_code == 404, name
    assert other.get(reverse("reports")).context["listed"] == []
    assert other.get("/api/reports/runs").json() == []


def test_a_report_is_made_from_the_desk(world: World, hospital_month: list[walk.Walk]) -> None:
    client = walk.signed_in(world.hospital, "manager")
    answer = client.post(reverse("reports"), {"form": "01BH", "month": "10/2026"}, follow=True)
    made_run = ReportRun.objects.get()
    assert answer.redirect_chain == [(reverse("report-run", args=[made_run.pk]), 302)]
    page = answer.content.decode()
    assert "Đã lập Mẫu số 01/BH, tháng 10/2026: 4 dòng, bản 1" in page
    assert "Lê &lt;Thị&gt; &amp; &#x27;Nở&#x27; &quot;Út&quot;" in page
    again = client.post(reverse("reports"), {"form": "01BH", "month": "2026-10"}, follow=True).content.decode()
    assert ReportRun.objects.count() == 1, "nothing changed, so nothing new"
    assert "Đã lập Mẫu số" not in again, "no success without a stored result"
    for form, typed in (("09BH", "10/2026"), ("02BH", "Q4/2026"), ("C79HD", "10/2026")):
        shown = client.post(reverse("reports"), {"form": form, "month": typed}, follow=True)
        kept = shown.context["run_form"]
        assert (kept["form"].value(), kept["month"].value()) == (form, typed), "F9 makes the report that is shown again"
    when = minute_text(made_run.run_at)
    assert f"Mẫu số 01/BH, tháng 10/2026: số liệu không đổi, vẫn là bản 1 lập {when}" in again


@pytest.mark.parametrize("month", ["13/2026", "", "<b>", "03/2026", "10/2026'"])
def test_a_month_that_cannot_be_is_said_beside_its_field(world: World, month: str) -> None:
    client = walk.signed_in(world.hospital, "claims")
    answer = client.post(reverse("reports"), {"form": "01BH", "month": month})
    assert answer.status_code == 422
    assert 'id="id_month_error"' in answer.content.decode()
    assert ReportRun.objects.count() == 0


def test_every_figure_opens_its_visits(world: World, report: ReportRun) -> None:
    client, address = walk.signed_in(world.hospital, "claims"), reverse("report-run", args=[report.pk])

    def codes(query: str) -> list[str]:
        return [line["ref"] for line in client.get(address + query).context["lines"]]

    refs = report.values["refs"]
    assert codes("") == refs
    assert codes("?section=II") == refs[3:]
    assert codes("?section=I&column=T_BNTT") == [refs[0], refs[2]], "half of a drug is paid by the patient"
    unpaid = next(i for i, check in enumerate(report.checks) if not check["passed"])
    assert codes(f"?check={unpaid}") == report.checks[unpaid]["refs"] == [refs[2]]
    for odd in ("?check=99", "?check=x", "?section=%3Cb%3E", "?column=HO_TEN", "?page=zz"):
        assert client.get(address + odd).status_code == 200, odd
    row = client.get(reverse("report-row", args=[report.pk, 1]), headers={"HX-Request": "true"}).content.decode()
    assert "750.800" in row
    assert "Siêu âm ổ bụng" in row
    for number in (0, 5, 99):
        assert client.get(reverse("report-row", args=[report.pk, number])).status_code == 404


def test_files_are_handed_out_and_the_audit_knows(world: World, report: ReportRun) -> None:
    client = walk.signed_in(world.hospital, "claims")
    answer = client.get(reverse("report-file", args=[report.pk, "xlsx"]))
    assert answer["Content-Disposition"] == 'attachment; filename="01BH_99002_2026-10.xlsx"'
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content))["MAU_01_BH"]
    assert {sheet.cell(row, 2).value for row in range(2, 6)} >= {HOSTILE_NAME, "Nguyễn Thị Lan"}
    xml = etree.fromstring(client.get(reverse("report-file", args=[report.pk, "xml"])).content)
    assert len(xml[0]) == 4
    assert client.get(reverse("report-file", args=[report.pk, "pdf"])).content.startswith(b"%PDF")
    assert client.get(reverse("report-file", args=[report.pk, "exe"])).status_code == 404
    facts = list(AuditEntry.objects.filter(action="reports.export").order_by("pk").values_list("facts", flat=True))
    assert [fact["kind"] for fact in facts] == ["xlsx", "xml", "pdf"]


def test_a_blocked_report_has_no_xml(world: World) -> None:
    walk.lan_full(world, world.hospital).settled()
    blocked = made(world.hospital)  # its claim was not built
    client = walk.signed_in(world.hospital, "claims")
    page = client.get(reverse("report-run", args=[blocked.pk])).content.decode()
    assert reverse("report-file", args=[blocked.pk, "xml"]) not in page
    assert reverse("report-file", args=[blocked.pk, "xlsx"]) in page
    answer = client.get(reverse("report-file", args=[blocked.pk, "xml"]))
    assert answer.status_code == 422
    assert "lỗi chặn" in answer.content.decode()


def test_the_interface_makes_and_reads_reports(world: World, report: ReportRun) -> None:
    client = walk.signed_in(world.hospital, "claims")
    body = json.dumps({"form": "01BH", "month": "2026-10"})
    made_again = client.post("/api/reports/runs", body, content_type="application/json").json()
    assert (made_again["id"], made_again["version"]) == (report.pk, 1)
    assert [row["id"] for row in client.get("/api/reports/runs").json()] == [report.pk]
    page = client.get(f"/api/reports/runs/{report.pk}/rows?offset=1&limit=2").json()
    assert (page["total"], page["refs"]) == (4, report.values["refs"][1:3])
    assert page["columns"][-1] == "THANG_QT"
    wrong = client.post(
        "/api/reports/runs", json.dumps({"form": "01BH", "month": "xx"}), content_type="application/json"
    )
    assert (wrong.status_code, wrong.json()["field"]) == (422, "month")
    forbidden = walk.signed_in(world.hospital, "cashier").post(
        "/api/reports/runs", body, content_type="application/json"
    )
    assert forbidden.status_code == 403


def test_lists_ask_the_same_number_of_queries_whatever_their_length(world: World, report: ReportRun) -> None:
    client = walk.signed_in(world.hospital, "claims")
    counts = []
    for months in ((), ("2026-05", "2026-06", "2026-07", "2026-08")):
        for month in months:
            made(world.hospital, Period.parse_month(month))
        for address in (reverse("reports"), reverse("report-run", args=[report.pk])):
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                client.get(address)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]


def test_the_command_writes_the_files(
    world: World, report: ReportRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    call_command("run_report", "01BH", "--facility", "99002", "--month", "2026-10", "--out", str(out))
    names = ["01BH_99002_2026-10.pdf", "01BH_99002_2026-10.xlsx", "01BH_99002_2026-10.xml"]
    assert sorted(path.name for path in out.iterdir()) == names
    before = {name: (out / name).read_bytes() for name in names}
    call_command("run_report", "01BH", "--facility", "99002", "--month", "2026-10", "--out", str(out))
    assert before == {name: (out / name).read_bytes() for name in names}
    root = etree.fromstring(before[names[2]])
    totals = {tag: sum(float(row.findtext(tag)) for row in root[0]) for tag in MONEY}
    assert totals["T_TONGCHI_BV"] == pytest.approx(totals["T_TONGCHI_BH"] + totals["T_BNTT"])
    assert "4 dòng" in capsys.readouterr().out


def test_the_command_fails_loudly(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk.lan_full(world, world.hospital).settled()
    call = ("run_report", "01BH", "--month", "2026-10", "--out", str(tmp_path), "--format", "xlsx", "--facility")
    with pytest.raises(CommandError, match="2 lỗi chặn") as failed:
        call_command(*call, "99002")
    assert failed.value.returncode == 1
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()].count("Lỗi chặn") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["01BH_99002_2026-10.xlsx"]
    with pytest.raises(CommandError, match="Không có cơ sở 12345"):
        call_command(*call, "12345")
    with pytest.raises(CommandError, match="Không có mẫu báo cáo 99X"):
        call_command("run_report", "99X", "--month", "2026-10", "--out", str(tmp_path), "--facility", "99002")
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=r"Không ghi được vào .*file"):
        call_command("run_report", "01BH", "--month", "2026-10", "--out", str(tmp_path / "file"), "--facility", "99002")
    with pytest.raises(CommandError, match="Tháng viết dạng"):
        call_command("run_report", "01BH", "--month", "x", "--out", str(tmp_path), "--facility", "99002")
