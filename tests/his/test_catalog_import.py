"""Imports are all or nothing, the same file twice changes nothing, and a change keeps the past."""

import csv
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from his.accounts.actor import Actor
from his.accounts.models import Facility, User
from his.audit.models import AuditEntry
from his.audit.record import broken_positions
from his.catalogs.models import (
    AdministrativeUnit,
    CodeEntry,
    Diagnosis,
    DiagnosisPair,
    Drug,
    LongPrescriptionDisease,
    PricedService,
    ProcedureCode,
    TechnicalService,
)
from his.catalogs.report import ImportRefused, ImportReport
from his.catalogs.services import import_catalog, import_facility_catalog
from his.core.errors import NotFound, PermissionRefused, Refusal
from tests.his.catalog_files import (
    drug_list,
    drug_row,
    icd_row,
    icd_workbook,
    price_list,
    price_row,
    write_csv,
    write_xlsx,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def station() -> Facility:
    return Facility.objects.create(code="99001", name="Trạm y tế xã Thí Dụ", kind=Facility.Kind.COMMUNE_STATION)


@pytest.fixture
def hospital() -> Facility:
    return Facility.objects.create(code="99002", name="Bệnh viện Ví Dụ", kind=Facility.Kind.DISTRICT_HOSPITAL)


def load(kind: str, path: Path | None, **options: object) -> ImportReport:
    return import_catalog(kind=kind, path=path, actor_name="test", **options)  # type: ignore[arg-type]


def figures(report: ImportReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.closed


def test_the_starter_catalogue_serves_both_kinds_of_facility(station: Facility, hospital: Facility) -> None:
    load("starter", None, facility=station)
    second = load("starter", None, facility=hospital)
    assert second.errors == second.warnings == []
    assert Diagnosis.objects.count() >= 300
    assert AdministrativeUnit.objects.filter(level="province").count() == 35  # 34 and the invented one
    of_station = set(PricedService.objects.for_facility(station).values_list("code", flat=True))
    of_hospital = set(PricedService.objects.for_facility(hospital).values_list("code", flat=True))
    assert len(of_hospital) >= 150
    assert of_station - of_hospital == {"K01.1950"}  # the observation bed of a station
    assert Drug.objects.for_facility(hospital).count() >= 120 > Drug.objects.for_facility(station).count() >= 60
    blood = PricedService.objects.for_facility(hospital).get(code="22.0121.1369")
    assert blood.indicators[0] == {
        "code": "WBC",
        "name": "Số lượng bạch cầu",
        "unit": "G/L",
        "low": "4.0",
        "high": "10.0",
    }
    assert not PricedService.objects.filter(group_code="").exists()
    assert set(Drug.objects.exclude(payment_rate=100).values_list("group_code", flat=True)) == {"6"}

    again = load("starter", None, facility=hospital)
    assert (again.added, again.changed, again.closed) == (0, 0, 0)
    assert again.unchanged == again.read


def test_a_price_list_twice_changes_nothing(tmp_path: Path, hospital: Facility) -> None:
    file = price_list(tmp_path / "gia.xlsx", price_row(), price_row("18.0119.0028", "Chụp X-quang ngực", "73,300,000"))
    assert figures(load("price_list", file, facility=hospital)) == (2, 0, 0, 0)
    assert figures(load("price_list", file, facility=hospital)) == (0, 0, 2, 0)
    row = PricedService.objects.get(code="22.0121.1369")
    assert (row.price, row.group_code, row.valid_to) == (Decimal(49700), "1", date(2026, 6, 30))


def test_a_changed_price_closes_the_old_one(tmp_path: Path, hospital: Facility) -> None:
    load("price_list", price_list(tmp_path / "a.xlsx", price_row(end="")), facility=hospital)
    newer = price_list(tmp_path / "b.xlsx", price_row(price=52000, start="20260701", end=""))
    assert figures(load("price_list", newer, facility=hospital)) == (0, 1, 0, 1)
    versions = list(PricedService.objects.order_by("valid_from").values_list("price", "valid_from", "valid_to"))
    assert versions == [
        (Decimal(49700), date(2026, 1, 1), date(2026, 6, 30)),
        (Decimal(52000), date(2026, 7, 1), None),
    ]
    put_right = price_list(tmp_path / "c.xlsx", price_row(price=52100, start="20260701", end=""))
    assert figures(load("price_list", put_right, facility=hospital)) == (0, 1, 0, 0)
    assert PricedService.objects.on(date(2026, 7, 1)).get().price == Decimal(52100)
    assert PricedService.objects.count() == 2
    assert figures(load("price_list", price_list(tmp_path / "d.xlsx", price_row(end="")), facility=hospital)) == (
        0,
        0,
        1,
        0,
    )


def test_an_ended_list_can_be_kept_open(tmp_path: Path, hospital: Facility) -> None:
    file = price_list(tmp_path / "gia.xlsx", price_row())
    load("price_list", file, facility=hospital, open_ended=True)
    assert PricedService.objects.on(date(2026, 10, 15)).count() == 1


def test_a_file_with_a_bad_row_loads_nothing(tmp_path: Path, hospital: Facility) -> None:
    file = price_list(
        tmp_path / "gia.xlsx",
        price_row(),
        price_row("18.0119.0028", "", "39.800"),
        price_row("23.0075.1494", "Glucose", owner="99001"),
        price_row("23.0051.1494", "Creatinin", start="", end=""),
    )
    with pytest.raises(ImportRefused) as refused:
        load("price_list", file, facility=hospital)
    found = {(finding.row, finding.column, finding.code) for finding in refused.value.report.errors}
    assert found == {
        (3, "TEN_DICH_VU", "required"),
        (3, "DON_GIA", "ambiguous_number"),
        (3, "GIA_TT_BHYT", "ambiguous_number"),
        (4, "MA_CSKCB", "other_facility"),
        (5, "TU_NGAY", "no_start"),
    }
    assert not PricedService.objects.exists()
    assert not AuditEntry.objects.exists()

    report = load("price_list", file, facility=hospital, skip_bad_rows=True)
    assert report.added == PricedService.objects.count() == 1
    assert len(report.errors) == 5


def test_what_does_not_fit_its_column_is_a_bad_row(tmp_path: Path, hospital: Facility) -> None:
    rows = [price_row(), price_row("22.0001", "x" * 1025), price_row("2" * 51), price_row("22.0002", price=10**12)]
    path = price_list(tmp_path / "gia.xlsx", *rows)
    with pytest.raises(ImportRefused) as refused:
        load("price_list", path, facility=hospital)
    found = {(finding.row, finding.column, finding.code) for finding in refused.value.report.errors}
    assert found == {(3, "name", "too_long"), (4, "code", "too_long"), (5, "price", "too_large")}
    assert not PricedService.objects.exists()
    report = load("price_list", path, facility=hospital, skip_bad_rows=True)
    assert (report.added, PricedService.objects.get().code) == (1, "22.0121.1369")


def test_rows_that_contradict_each_other_are_refused(tmp_path: Path, hospital: Facility) -> None:
    file = price_list(tmp_path / "gia.xlsx", price_row(), price_row(), price_row(price=1))
    with pytest.raises(ImportRefused) as refused:
        load("price_list", file, facility=hospital)
    assert [finding.code for finding in refused.value.report.findings] == ["duplicate_row", "conflicting_row"]
    assert not PricedService.objects.exists()


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, hospital: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    file = icd_workbook(tmp_path / "icd.xlsx", icd_row("G01*", "Viêm màng não"), icd_row("A17.0†", "Lao màng não"))

    def broken(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(DiagnosisPair.objects, "bulk_create", broken)
    monkeypatch.setattr(DiagnosisPair._default_manager, "bulk_create", broken)
    with pytest.raises(OSError, match="disk full"):
        load("icd10", file)
    assert not Diagnosis.objects.exists()


def test_structure_that_is_not_understood_is_refused(tmp_path: Path, hospital: Facility) -> None:
    with pytest.raises(Refusal, match="Không tìm thấy bảng"):
        load(
            "price_list",
            write_xlsx(tmp_path / "x.xlsx", {"Sheet1": [["MA_DICH_VU", "GIA"], ["a", 1]]}),
            facility=hospital,
        )
    with pytest.raises(Refusal, match="chọn cơ sở"):
        load("price_list", price_list(tmp_path / "gia.xlsx", price_row()))
    with pytest.raises(Refusal, match="không có dòng"):
        load("price_list", price_list(tmp_path / "none.xlsx"), facility=hospital)
    with pytest.raises(Refusal, match="cần một tệp"):
        load("icd10", None)
    with pytest.raises(Refusal, match="Không có loại"):
        load("anything", None)


def test_icd10_takes_names_from_the_main_list_and_rules_from_the_annexes(tmp_path: Path) -> None:
    rows = [
        icd_row("J06.9", "Nhiễm trùng đường hô hấp trên cấp"),
        icd_row("A17.0†", "Viêm màng não do lao (G01*)"),
        icd_row("G01*", "Viêm màng não trong bệnh nhiễm khuẩn"),
        icd_row("Z34.0", "Giám sát thai nghén"),
        icd_row("P59.9", "Vàng da sơ sinh"),
        icd_row("N40", "Tăng sản tuyến tiền liệt"),
        icd_row("N40", "Tăng sản tuyến tiền liệt"),
    ]
    file = icd_workbook(tmp_path / "icd.xlsx", *rows)
    report = load("icd10", file)
    assert report.added == 7  # six diagnoses and one pair
    assert [(finding.code, finding.value) for finding in report.warnings] == [
        ("unknown_code", "Z00.3"),
        ("duplicate_row", "N40"),
    ]
    by_code = {row.code: row for row in Diagnosis.objects.all()}
    assert by_code["J06.9"].search_name.startswith("nhiem trung duong ho hap tren cap")
    assert by_code["G01"].not_as_main
    assert by_code["G01"].name == "Viêm màng não trong bệnh nhiễm khuẩn"
    assert (by_code["Z34.0"].only_sex, by_code["N40"].only_sex, by_code["J06.9"].only_sex) == ("2", "1", "")
    assert by_code["Z34.0"].age_min_days == int(15 * 365.25)  # the narrower of two annexes
    assert (by_code["P59.9"].age_min_days, by_code["P59.9"].age_max_days) == (0, 365)
    pair = DiagnosisPair.objects.get()
    assert (pair.dagger_code, pair.asterisk_code, pair.main_code) == ("A17.0", "G01", "G01")
    assert figures(load("icd10", file)) == (0, 0, 7, 0)

    flags = write_csv(
        tmp_path / "flags.csv",
        [
            [
                "code",
                "not_as_main",
                "discouraged_as_main",
                "has_more_specific_code",
                "mainly_female",
                "mainly_male",
                "cause_of_death_only",
            ],
            ["Z340", 0, 0, 0, 1, 0, 0],
            ["J069", 0, 0, 1, 0, 0, 0],
            ["M5456", 1, 0, 0, 0, 0, 0],
        ],
    )
    assert figures(load("icd10_flags", flags)) == (0, 3, 3, 3)
    assert not Diagnosis.objects.on(date(2026, 7, 1)).get(code="Z34.0").not_as_main
    assert not Diagnosis.objects.on(date(2026, 7, 1)).get(code="G01").not_as_main  # not listed: no flag any more
    assert Diagnosis.objects.on(date(2026, 6, 30)).get(code="G01").not_as_main
    assert figures(load("icd10_flags", flags)) == (0, 0, 6, 0)
    assert figures(load("icd10", file)) == (0, 0, 7, 0)  # an older list never undoes a newer law


def test_drugs_get_a_stable_code_and_a_way_to_be_counted(tmp_path: Path, hospital: Facility) -> None:
    file = drug_list(
        tmp_path / "thuoc.xlsx",
        drug_row(),
        drug_row("Thuốc Thử siro", "120mg/5ml", "Chai", QUY_CACH="Hộp 1 chai 60ml"),
        drug_row("Thuốc nửa giá", "1g", "Lọ", 2.1, TYLE_TT_BH=50, DUONG_DUNG="Tiêm"),
    )
    options = {"facility": hospital, "effective_on": date(2026, 1, 1)}
    assert figures(load("drug_list", file, **options)) == (3, 0, 0, 0)
    assert figures(load("drug_list", file, **options)) == (0, 0, 3, 0)
    tablet, syrup, half = (Drug.objects.get(name=name) for name in ("Thuốc Thử 500", "Thuốc Thử siro", "Thuốc nửa giá"))
    assert (tablet.unit, tablet.group_code, tablet.quantity_rule) == ("Viên", "4", "count")
    assert (syrup.quantity_rule, syrup.pack_size) == ("volume", Decimal(60))
    assert (half.route_code, half.payment_rate, half.group_code) == ("2.10", Decimal(50), "6")
    dearer = drug_list(tmp_path / "moi.xlsx", drug_row(DON_GIA=200, GIA_BH_TT=200, TU_NGAY="20260801"))
    assert figures(load("drug_list", dearer, facility=hospital)) == (0, 1, 0, 1)


def test_national_lists_of_every_kind(tmp_path: Path) -> None:
    services = [["code", "name_vi", "technical_line", "procedure_class", "price_name_tt39", "price_tt39", "chapter"]]
    services.append(["01.0009.0098", "Đặt catheter động mạch", "B", "T1", "Đặt catheter", "1363000", "I. HỒI SỨC"])
    load("services", write_csv(tmp_path / "dv.csv", services))
    assert TechnicalService.objects.get().reference_price == Decimal(1363000)

    load(
        "icd9cm",
        write_xlsx(
            tmp_path / "icd9.xlsx", {"a": [["matuongduong", "maicd9", "tenicd9"], ["01.0115.0297", 4.51, "Tên"]]}
        ),
    )
    assert ProcedureCode.objects.get().icd9_code == "04.51"

    units = [["id", "tentinh", "matinh", "tenhuyen", "mahuyen", "tenxa", "maxa"]]
    units += [["1", "Tỉnh Ví Dụ", "99", "Huyện Thử", "991", f"Xã {n}", f"9900{n}"] for n in (1, 2)]
    units += [["2", "Tỉnh Ví Dụ", "99", "Huyện Đảo", "992", "", ""]]
    load("admin_units_old", write_xlsx(tmp_path / "dvhc.xlsx", {"Sheet1": units}))
    assert sorted(AdministrativeUnit.objects.values_list("level", "code", "parent_code")) == [
        ("commune", "99001", "991"),
        ("commune", "99002", "991"),
        ("district", "991", "99"),
        ("district", "992", "99"),
        ("province", "99", ""),
    ]
    assert not AdministrativeUnit.objects.on(date(2025, 7, 1)).exists()
    assert load("admin_units_new", None).errors == []
    assert AdministrativeUnit.objects.on(date(2025, 7, 1)).filter(level="province").count() == 34

    diseases = [
        ["item", "disease_vi", "icd10_expression"],
        ["1.1", "Viêm gan B mạn", "B18.1"],
        ["1.2", "Chưa có mã", ""],
    ]
    assert [w.code for w in load("long_prescription", write_csv(tmp_path / "kd.csv", diseases)).warnings] == ["no_code"]
    assert LongPrescriptionDisease.objects.count() == 2

    entries = [["code", "name", "valid_from", "valid_to", "law", "route_rate_pct"]]
    entries += [
        ["1.1", "Cũ", "2023-02-15", "2025-12-31", "qd824", ""],
        ["1.1", "Mới", "2025-07-01", "", "qd3276", "100"],
    ]
    codes = write_csv(tmp_path / "entitlement.csv", entries)
    load("codelist", codes, list_name="entitlement_codes")
    assert load("codelist", codes, list_name="entitlement_codes").unchanged == 2
    assert list(CodeEntry.objects.order_by("valid_from").values_list("name", "valid_to", "extra")) == [
        ("Cũ", date(2025, 6, 30), {}),
        ("Mới", None, {"route_rate_pct": "100"}),
    ]


def test_every_import_is_in_the_audit_chain(tmp_path: Path, station: Facility, hospital: Facility) -> None:
    load("price_list", price_list(tmp_path / "gia.xlsx", price_row()), facility=hospital)
    load(
        "long_prescription",
        write_csv(tmp_path / "kd.csv", [["item", "disease_vi", "icd10_expression"], ["1", "Bệnh", "B18"]]),
    )
    assert list(AuditEntry.objects.filter(facility=station).values_list("facts__kind", flat=True)) == [
        "long_prescription"
    ]
    entries = AuditEntry.objects.filter(facility=hospital).order_by("position")
    assert [(entry.facts["kind"], entry.facts["added"]) for entry in entries] == [
        ("price_list", 1),
        ("long_prescription", 1),
    ]
    assert broken_positions(hospital, entries[0].month) == []


def test_an_administrator_imports_only_the_own_facility_lists(
    tmp_path: Path, station: Facility, hospital: Facility
) -> None:
    user = User.objects.create(username="quantri")
    admin = Actor(user, hospital, frozenset({"catalogs.import"}), frozenset({"administrator"}))
    file = price_list(tmp_path / "gia.xlsx", price_row())
    assert import_facility_catalog(actor=admin, kind="price_list", path=file).added == 1
    assert not PricedService.objects.for_facility(station).exists()
    with pytest.raises(Refusal, match="riêng của cơ sở"):
        import_facility_catalog(actor=admin, kind="icd10", path=file)
    with pytest.raises(PermissionRefused):
        import_facility_catalog(actor=Actor(user, hospital, frozenset(), frozenset()), kind="price_list", path=file)
    assert issubclass(PermissionRefused, Refusal)
    assert issubclass(NotFound, Refusal)


def test_the_command_prints_figures_and_writes_the_errors(tmp_path: Path, hospital: Facility) -> None:
    out, err = StringIO(), StringIO()
    good = price_list(tmp_path / "gia.xlsx", price_row(), price_row("13.9999.9999", "Dịch vụ chưa biết"))
    errors = tmp_path / "errors.csv"
    call_command(
        "import_catalog",
        "price_list",
        str(good),
        "--facility",
        "99002",
        "--valid-to",
        "open",
        "--errors",
        str(errors),
        stdout=out,
        stderr=err,
    )
    assert "đọc 2, thêm 2, đổi 0, giữ nguyên 0, kết thúc 0, lỗi 0, cảnh báo 1" in out.getvalue()
    assert [row["code"] for row in csv.DictReader(errors.open(encoding="utf-8-sig"))] == ["unknown_group"]
    bad = price_list(tmp_path / "xau.xlsx", price_row(price="x"))
    with pytest.raises(CommandError, match="không nhập dòng nào"):
        call_command(
            "import_catalog", "price_list", str(bad), "--facility", "99002", "--errors", str(errors), stderr=err
        )
    listed = list(csv.DictReader(errors.open(encoding="utf-8-sig")))
    assert [(row["row"], row["column"], row["severity"], row["value"]) for row in listed] == [
        ("2", "DON_GIA", "error", "x"),
        ("2", "GIA_TT_BHYT", "error", "x"),
    ]
    with pytest.raises(CommandError, match="Không có cơ sở"):
        call_command("import_catalog", "price_list", str(good), "--facility", "99009")
