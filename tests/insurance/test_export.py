"""A month as files: named by claim code, counted and hashed, the same bytes twice, one bad visit apart."""

import hashlib
import json
import logging
from datetime import date
from decimal import Decimal
from pathlib import Path

import pgtrigger
import pytest
from django.core.management import CommandError, call_command

from his.catalogs.models import Drug
from his.core.errors import PermissionRefused
from insurance.billing.closing import reopen_visit
from insurance.claims import services
from insurance.claims.export import ExportResult, export_month
from insurance.claims.services import build_month
from insurance.models import BenefitResult, CashEntry, Claim
from insurance.standards import parse_file, select_standard
from patients.models import PrescriptionLine, Visit
from pharmacy.models import DispenseLine, Reservation
from tests.cast import World, at
from tests.insurance import money_audit, walk
from tests.insurance.walk import CBC, MONTH, PARACETAMOL
from tests.scenes import scene

pytestmark = pytest.mark.django_db
_SUMS = ("T_TONGCHI_BV", "T_TONGCHI_BH", "T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")


def month(world: World) -> dict[str, walk.Walk]:
    """Four closed visits of the hospital: two claims, one self-paying, one with nothing insured."""
    place = world.hospital
    lan, hung = walk.lan_full(world, place), walk.hung(world, place).examine("J06.9").sign()
    patient, card = walk.someone(place, "Vũ Thị Mai", card="DN4999900000002", registered="99001")
    mai = walk.visit_of(world, place, patient, card, route="referral", referral_facility_code="99001")
    mai.examine("Z34.9").order(CBC).prescribe((PARACETAMOL, 7)).sign().dispense()
    patient, card = walk.someone(place, "Lý Văn Chọn", card="DN4999900000004")
    chosen = walk.visit_of(world, place, patient, card, room="PK2")
    place.rooms["PK2"].exam_service_code = ""
    place.rooms["PK2"].save()
    chosen.examine().order(CBC, is_insured=False).sign()
    steps = {"lan": lan, "hung": hung, "mai": mai, "chosen": chosen}
    for step in steps.values():
        step.settled()
    return steps


@scene
def steps(world: World) -> dict[str, walk.Walk]:
    """The month that most of these tests export."""
    return month(world)


def export(world: World, folder: Path, hour: int = 18) -> ExportResult:
    return export_month(month=MONTH, out_dir=folder, actor=world.hospital.actor("claims"), at=at(hour))


def command(facility: str, month: str, out: Path) -> None:
    call_command("export_claims", "--facility", facility, "--month", month, "--out", str(out))


def test_one_file_for_each_claim_and_a_manifest_that_adds_up(
    world: World, tmp_path: Path, steps: dict[str, walk.Walk]
) -> None:
    export(world, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    claimed = [steps[key].visit.claim_code for key in ("lan", "mai")]
    assert names == sorted([*(f"{code}.xml" for code in claimed), "manifest.json"])
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["facility"], manifest["month"], manifest["standards"]) == ("99002", "2026-10", ["qd1931"])
    assert manifest["counts"] == {"claims": 2, "claims_with_findings": 0, "left_out": 2, "errors": 0}
    sums = dict.fromkeys(_SUMS, Decimal(0))
    for row in manifest["files"]:
        content = (tmp_path / row["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row["bytes"], row["sha256"])
        parsed = parse_file(select_standard(at().date()), content)
        assert (parsed.declared, parsed.problems, parsed.facility_code) == (1, (), "99002")
        assert money_audit.faults(content) == []
        (one,) = money_audit.tables_of(content)["XML1"]
        assert one["MA_LK"] == row["claim_code"] == Path(row["file"]).stem
        for tag in _SUMS:
            sums[tag] += Decimal(one[tag])
    assert manifest["totals"] == {tag: f"{amount:.2f}" for tag, amount in sums.items()}


def test_receipts_splits_and_claims_show_the_same_money(
    world: World, tmp_path: Path, steps: dict[str, walk.Walk]
) -> None:
    totals = export(world, tmp_path).totals
    claimed = BenefitResult.objects.filter(visit__in=[steps["lan"].visit, steps["mai"].visit])
    assert totals["T_BHTT"] == sum(result.fund_amount for result in claimed)
    received = sum(e.amount for e in CashEntry.objects.filter(visit__in=claimed.values("visit")))
    assert totals["T_BNCCT"] + totals["T_BNTT"] == received


def test_who_makes_no_claim_is_listed_with_the_reason(
    world: World, tmp_path: Path, steps: dict[str, walk.Walk]
) -> None:
    left_out = {row.claim_code: (row.kind, row.reason) for row in export(world, tmp_path).left_out}
    assert left_out == {
        steps["hung"].visit.claim_code: ("rule", "Người bệnh tự chi trả"),
        steps["chosen"].visit.claim_code: ("rule", "Không có chi phí trong phạm vi BHYT"),
    }


def test_the_same_data_gives_the_same_bytes(world: World, tmp_path: Path, steps: dict[str, walk.Walk]) -> None:
    for name, hour in (("a", 18), ("b", 20)):
        export(world, tmp_path / name, hour)
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert first == second
    assert Claim.objects.count() == 2
    assert set(Claim.objects.values_list("state", "version")) == {("exported", 1)}


def test_one_bad_visit_is_reported_and_stops_no_other(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    steps: dict[str, walk.Walk],
) -> None:
    code = steps["lan"].visit.claim_code
    walk.lose_diagnoses(steps["lan"].visit)
    (error,) = export(world, tmp_path).errors
    assert (error.claim_code, error.reason) == (code, "Lượt khám không có chẩn đoán đã ký")
    assert [p.stem for p in tmp_path.glob("*.xml")] == [steps["mai"].visit.claim_code]

    real = services.build_tables
    monkeypatch.setattr(services, "build_tables", lambda record: real(record) if record.diagnoses else {}["gone"])
    with caplog.at_level(logging.ERROR):
        (error,) = export(world, tmp_path).errors
    assert error.reason == "Không lập được hồ sơ, dữ liệu hỏng: KeyError 'gone'"
    assert code in caplog.text
    assert len(list(tmp_path.glob("*.xml"))) == 1


def test_a_drug_without_its_prescription_is_named(world: World, tmp_path: Path, steps: dict[str, walk.Walk]) -> None:
    with pgtrigger.ignore():
        DispenseLine.objects.all()._raw_delete(using="default")
        Reservation.objects.all()._raw_delete(using="default")
        PrescriptionLine.objects.filter(prescription__exam__visit=steps["mai"].visit)._raw_delete(using="default")
    (error,) = export(world, tmp_path).errors
    assert error.claim_code == steps["mai"].visit.claim_code
    assert error.reason == "Thuốc Paracetamol 500mg không còn dòng đơn thuốc"


def test_a_closed_visit_without_its_split_is_an_error(
    world: World, tmp_path: Path, steps: dict[str, walk.Walk]
) -> None:
    with pgtrigger.ignore():
        BenefitResult.objects.filter(visit=steps["lan"].visit).update(is_current=False)
    lacking = (steps["lan"].visit.claim_code, "Lượt khám đã chốt nhưng không có kết quả tách chi phí")
    result = export(world, tmp_path)
    assert [(row.claim_code, row.reason) for row in result.errors] == [lacking]
    assert [row.claim_code for row in result.files] == [steps["mai"].visit.claim_code]
    progress = build_month(month=MONTH, actor=world.hospital.actor("claims"), at=at(18))
    assert (progress.built, progress.errors) == (1, (lacking,))


def test_files_of_an_earlier_run_go_and_files_of_others_stay(
    world: World, tmp_path: Path, steps: dict[str, walk.Walk]
) -> None:
    stale, other = tmp_path / "99002.2610.999999.xml", tmp_path / "thong-bao.xml"
    stale.write_text("<x/>")
    other.write_text("<x/>")
    export(world, tmp_path)
    assert not stale.exists()
    assert other.exists()
    assert (tmp_path / f"{steps['lan'].visit.claim_code}.xml").exists()


def test_other_months_and_facilities_stay_out(world: World, tmp_path: Path, steps: dict[str, walk.Walk]) -> None:
    walk.lan_full(world, world.station).settled()
    november = export_month(
        month=date(2026, 11, 1), out_dir=tmp_path / "11", actor=world.hospital.actor("claims"), at=at(18)
    )
    assert (november.files, november.left_out) == ([], [])
    station = export_month(month=MONTH, out_dir=tmp_path / "s", actor=world.station.actor("claims"), at=at(18))
    assert [row.claim_code[:5] for row in station.files] == ["99001"]


def test_a_visit_that_is_open_again_is_not_exported(world: World, tmp_path: Path, steps: dict[str, walk.Walk]) -> None:
    reopen_visit(visit=steps["lan"].visit, reason="Sai", actor=world.hospital.actor("manager"), at=at(17))
    assert [row.claim_code for row in export(world, tmp_path).files] == [steps["mai"].visit.claim_code]


def test_a_claim_with_findings_is_written_and_counted(world: World, tmp_path: Path) -> None:
    Drug.objects.filter(code=PARACETAMOL).update(route_code="99.99")
    walk.lan_full(world, world.hospital).settled()
    result = export(world, tmp_path)
    claim = Claim.objects.get()
    assert {finding.field for finding in claim.findings.filter(severity="blocking")} == {"DUONG_DUNG"}
    assert (claim.state, claim.exported_at) == ("findings", at(18))
    assert result.manifest()["counts"]["claims_with_findings"] == 1  # type: ignore[index]


def test_a_debt_leaves_the_day_of_payment_empty(world: World, tmp_path: Path) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    (row,) = export(world, tmp_path).files
    (one,) = money_audit.tables_of((tmp_path / row.file).read_bytes())["XML1"]
    assert (row.findings, one["NGAY_TTOAN"]) == (0, "")
    step.now = at(18)
    step.pay()
    (paid,) = export(world, tmp_path, 20).files
    assert paid.sha256 != row.sha256
    assert list(Claim.objects.order_by("version").values_list("state", flat=True)) == ["superseded", "exported"]


def test_the_command_writes_the_same_files(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: dict[str, walk.Walk]
) -> None:
    export(world, tmp_path / "a")
    command("99002", "2026-10", tmp_path / "b")
    assert "99002 2026-10: 2 hồ sơ, 0 hồ sơ có lỗi, 2 lượt không lập hồ sơ" in capsys.readouterr().out
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_command_says_what_is_wrong(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: dict[str, walk.Walk]
) -> None:
    with pytest.raises(CommandError, match="Không có cơ sở 12345"):
        command("12345", "2026-10", tmp_path)
    with pytest.raises(CommandError, match="tháng viết dạng"):
        command("99002", "10/2026", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=r"Không ghi được vào .*file: đã có tệp cùng tên"):
        command("99002", "2026-10", tmp_path / "file")
    assert not Claim.objects.exists()
    walk.lose_diagnoses(steps["lan"].visit)
    with pytest.raises(CommandError, match="1 lượt khám không xuất được") as failed:
        command("99002", "2026-10", tmp_path)
    assert failed.value.returncode == 1
    assert steps["lan"].visit.claim_code in capsys.readouterr().err


def test_exporting_needs_the_permission(world: World, tmp_path: Path) -> None:
    with pytest.raises(PermissionRefused):
        export_month(month=MONTH, out_dir=tmp_path, actor=world.hospital.actor("cashier"), at=at(18))
    assert Visit.objects.count() == 0
