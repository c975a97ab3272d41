"""`load_month` leaves what the services leave: row by row the same, and a month that exports without a finding."""

import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from his.accounts.actor import system_actor
from his.accounts.models import Facility
from his.audit.models import AuditEntry
from his.audit.record import broken_positions
from his.catalogs.services import import_catalog
from his.core.dates import VIETNAM, BirthDate, vn_datetime
from his.core.errors import Refusal
from his.demo.places import HOSPITAL, STATION, build_places
from his.demo.volume import account
from his.demo.volume import load as volume
from his.demo.volume.measure import Timings, free_month
from his.demo.volume.plan import Draft, Planner
from his.demo.volume.setting import Setting, read_setting
from his.demo.volume.splitting import bench_split
from his.demo.volume.supply import deliver
from insurance.benefits.engine import split
from insurance.billing.charges import not_yet_charged, sync_charges
from insurance.billing.closing import close_visit, rows_of
from insurance.billing.facts import facts_of
from insurance.billing.ledger import amount_due, expected_cash
from insurance.claims.export import export_month
from insurance.models import BenefitResult, CashEntry, CashSession
from insurance.rules.catalogs import rule_books
from insurance.rules.files import FileCheck
from insurance.rules.sources import find_sources
from insurance.standards import load as load_standard
from insurance.standards import parse_envelope
from patients.models import ClinicalNote, Exam, Patient, Prescription, PrescriptionLine, QueueTicket, Visit
from patients.queries_clinical import orders_of
from patients.services.people import register_patient
from patients.services.signing import record_of
from patients.services.visits import open_visit
from patients.snapshot import fingerprint, snapshot_of
from pharmacy.models import Dispense, StockMovement
from pharmacy.queries import balance_differences
from reports.engine import run as run_report
from reports.period import Period
from tests.his.desks import TABLES, contents, go_through_the_services
from tests.scenes import scene

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
LATER = vn_datetime(NOVEMBER, time(8))


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    """Chunks small enough that a month takes several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume, "CHUNK", 70)
        yield


@scene
def facilities() -> dict[str, Facility]:
    """The invented facilities with the starter catalogue."""
    places = build_places()
    for place in places.values():
        import_catalog(kind="starter", path=None, actor_name="test", facility=place.facility)
    return {code: place.facility for code, place in places.items()}


def load(facility: Facility, month: date = OCTOBER, visits: int = 200, seed: int = 1) -> volume.Loaded:
    return volume.load_month(facility=facility, month=month, visits=visits, seed=seed)


@scene
def loaded(facilities: dict[str, Facility]) -> Facility:
    """The hospital with 200 visits in October."""
    load(facilities[HOSPITAL])
    return facilities[HOSPITAL]


# The same rows as the services


@pytest.mark.parametrize("code", [STATION, HOSPITAL])
def test_every_row_is_what_the_services_would_have_stored(facilities, code):
    setting = read_setting(facilities[code], OCTOBER)
    drafts = one_visit_a_day(setting)
    assert len(drafts) > 20
    assert any(draft.exam.transfer for draft in drafts)
    deliver(setting, drafts)

    point = transaction.savepoint()
    go_through_the_services(setting, drafts)
    by_services = contents(setting.facility)
    transaction.savepoint_rollback(point)

    for draft in drafts:
        draft.visitor.patient_id = 0
    writer = volume._Writer(setting)
    writer.write(drafts, volume.Loaded())
    writer.finish()
    in_bulk = contents(setting.facility)

    for table in TABLES:
        assert in_bulk[table] == by_services[table], table.__name__
        # Only courses of care have notes, and the station has none.
        assert in_bulk[table] or (table is ClinicalNote and code == STATION)


def one_visit_a_day(setting: Setting) -> list[Draft]:
    """One visit of each day by somebody new, so that the order of all desks is that of the visits: the first of the
    day, or one that ends with a transfer."""
    found: dict[date, Draft] = {}
    seen = set()
    for draft in Planner(setting, 600, 4).drafts():
        if draft.visitor not in seen:
            found[draft.day] = draft if draft.exam.transfer else found.get(draft.day, draft)
        seen.add(draft.visitor)
    return list(found.values())


# What the loaded month must satisfy


def test_the_month_exports_without_findings_and_its_amounts_agree(loaded, tmp_path):
    result = export_month(month=OCTOBER, out_dir=tmp_path, actor=system_actor(loaded), at=LATER)
    assert not result.errors
    assert not any(row.findings for row in result.files)
    assert 150 < len(result.files) == 200 - len(result.left_out)
    assert {row.reason for row in result.left_out} <= {"Người bệnh tự chi trả"}

    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in result.files:
        (claim,) = parse_envelope(load_standard(row.standard), tmp_path / row.file)
        tables = claim.tables
        summary = tables["XML1"][0]
        lines = tables.get("XML2", []) + tables.get("XML3", [])
        check_money(summary, lines)
        stored = BenefitResult.objects.get(visit__claim_code=row.claim_code, is_current=True)
        assert Decimal(summary["T_BHTT"]) == stored.fund_amount
        for tag in ("T_BHTT", "T_BNCCT", "T_BNTT"):
            totals[tag] += Decimal(summary[tag])
    report = run_report(
        form="01BH", facility=loaded, period=Period.month(OCTOBER), actor=system_actor(loaded), at=LATER
    )
    assert all(check["passed"] for check in report.checks)
    for tag, amount in totals.items():
        column = report.values["columns"].index(tag)
        assert sum(Decimal(row[column]) for row in report.values["rows"]) == amount
    exported = {row.claim_code for row in result.files}
    paid = sum(e.amount for e in CashEntry.objects.filter(visit__claim_code__in=exported))
    assert abs(paid - totals["T_BNCCT"] - totals["T_BNTT"]) < len(exported)
    assert totals["T_BHTT"] == result.totals["T_BHTT"] > 0


@pytest.mark.parametrize("code", [STATION, HOSPITAL])
def test_no_rule_finds_anything_in_the_files_of_the_month(facilities, tmp_path, code):
    facility = facilities[code]
    load(facility, visits=120)
    export_month(month=OCTOBER, out_dir=tmp_path, actor=system_actor(facility), at=LATER)
    check = FileCheck(rule_books(facility))
    assert [
        (one.place.claim_code, one.finding.rule, one.finding.message) for one in check.run(find_sources([tmp_path]))
    ] == []
    assert check.summary.claims > 80


def check_money(summary: dict[str, str], lines: list[dict[str, str]]) -> None:
    """Each line and the visit by own arithmetic: the parts make the whole, the lines make the visit."""
    for line in lines:
        parts = sum(Decimal(line[tag]) for tag in ("T_BHTT", "T_BNCCT", "T_BNTT"))
        assert parts + Decimal(line["T_NGUONKHAC"]) == Decimal(line["THANH_TIEN_BV"])
    for tag, of_line in (("T_TONGCHI_BV", "THANH_TIEN_BV"), ("T_TONGCHI_BH", "THANH_TIEN_BH")):
        assert Decimal(summary[tag]) == sum(Decimal(line[of_line]) for line in lines)
    for tag in ("T_BHTT", "T_BNCCT", "T_BNTT"):
        assert Decimal(summary[tag]) == sum(Decimal(line[tag]) for line in lines)


def test_the_split_of_a_returning_patient_knows_the_copayments_of_earlier_visits(facilities, monkeypatch):
    seen = []
    monkeypatch.setattr(
        account, "split", lambda facts, items, params: seen.append(facts) or split(facts, items, params)
    )
    load(facilities[HOSPITAL], visits=500, seed=4)
    stored = Visit.objects.select_related("patient", "card", "facility").order_by("pk")
    assert seen == [facts_of(visit, on=visit.ended_at.astimezone(VIETNAM).date()) for visit in stored]
    assert any(facts.copay_paid_this_year for facts in seen)


def test_the_services_find_nothing_to_add_to_a_loaded_visit(loaded):
    again = [v for v in Visit.objects.select_related("patient", "card", "facility") if v.patient.visits.count() > 1]
    assert len(again) > 20
    for visit in again:
        exam = visit.exams.select_related("visit__patient", "doctor", "room", "department", "facility").get()
        prescription = Prescription.objects.filter(exam=exam).first()
        snapshot = snapshot_of(record_of(exam, exam.doctor, orders_of(visit), prescription))
        assert snapshot == exam.snapshot
        assert fingerprint(snapshot) == exam.snapshot_sha256
        result = visit.benefit_results.get()
        charges = [line.charge for line in result.lines.select_related("charge")]
        assert not_yet_charged(visit) == []
        assert sync_charges(visit=visit, at=visit.closed_at) == charges
        answer, lines = rows_of(visit, charges)
        assert (answer.fund_amount, answer.copay_amount) == (result.fund_amount, result.copay_amount)
        assert [one.fund_amount for one in lines] == [line.fund_amount for line in result.lines.order_by("charge")]
        assert amount_due(visit) == 0
        with pytest.raises(Refusal) as refused:
            close_visit(visit=visit, actor=system_actor(loaded), at=visit.closed_at)
        assert refused.value.code == "already_closed"


def test_stock_drawers_and_constraints_hold_after_a_load(loaded):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # links are checked at the end of a transaction
    assert balance_differences(loaded) == []
    out = io.StringIO()
    call_command("stock_check", facility=HOSPITAL, stdout=out)
    assert "khớp" in out.getvalue()
    for line in PrescriptionLine.objects.prefetch_related("dispensed"):
        assert sum(one.quantity for one in line.dispensed.all()) == line.quantity
    for session in CashSession.objects.all():
        assert session.closed_at is not None
        assert session.expected_amount == expected_cash(session)
        assert session.counted_amount == sum(int(face) * count for face, count in session.denominations.items())
    for change in (
        lambda: Exam.objects.update(findings="khác"),
        lambda: Visit.objects.update(claim_code="khác"),
        lambda: CashEntry.objects.all().delete(),
        lambda: StockMovement.objects.update(quantity=1),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_numbers_follow_one_another_through_loads_and_services(facilities):
    station = facilities[STATION]
    load(station, OCTOBER, visits=120)
    first = Patient.objects.for_facility(station).count()
    load(station, NOVEMBER, visits=80)
    patients = Patient.objects.for_facility(station)
    for model, field, prefix in (
        (Patient, "code", f"{STATION}."),
        (CashEntry, "number", "PT26."),
        (Prescription, "number", f"{STATION}.DT26."),
        (Dispense, "document__number", "PC26-"),
    ):
        numbers = sorted(model.objects.for_facility(station).values_list(field, flat=True))
        assert numbers == [f"{prefix}{n:06d}" for n in range(1, len(numbers) + 1)]
    october, november = Visit.objects.filter(claim_month=OCTOBER), Visit.objects.filter(claim_month=NOVEMBER)
    assert {row.claim_code for row in october} == {f"{STATION}.2610.{n:06d}" for n in range(1, 121)}
    assert {row.claim_code for row in november} == {f"{STATION}.2611.{n:06d}" for n in range(1, 81)}
    assert first < patients.count()
    assert balance_differences(station) == []

    visit = Visit.objects.for_facility(station).latest("arrived_at")
    actor = system_actor(station)
    patient = register_patient(
        full_name="Nguyễn Thị Mới", birth=BirthDate(date(1990, 1, 1), "year"), sex="2", actor=actor, at=visit.closed_at
    )
    opened = open_visit(patient=patient, room=visit.room, actor=actor, at=visit.closed_at)
    assert patient.code == f"{STATION}.{patients.count():06d}"
    assert opened.claim_code == f"{STATION}.2611.000081"
    of_day = QueueTicket.objects.filter(room=visit.room, day=opened.tickets.get().day, is_priority=False)
    assert sorted(t.number for t in of_day) == list(range(1, of_day.count() + 1))
    assert opened.tickets.get().number == of_day.count()


def test_the_same_seed_gives_the_same_files_and_another_seed_others(facilities, tmp_path):
    station = facilities[STATION]
    manifests = []
    for number, seed in enumerate((5, 5, 6)):
        point = transaction.savepoint()
        load(station, visits=60, seed=seed)
        out = tmp_path / str(number)
        export_month(month=OCTOBER, out_dir=out, actor=system_actor(station), at=LATER)
        manifests.append(json.loads((out / "manifest.json").read_text()))
        transaction.savepoint_rollback(point)
    assert manifests[0] == manifests[1]
    assert manifests[0]["files"] != manifests[2]["files"]


def test_one_audit_entry_tells_of_the_load_without_names(facilities):
    station = facilities[STATION]
    load(station, visits=30, seed=9)
    (entry,) = AuditEntry.objects.filter(action=volume.ACTION)
    assert (entry.facts["asked"], entry.facts["visits"], entry.facts["seed"]) == (30, 30, 9)
    names = Patient.objects.values_list("full_name", flat=True)
    assert not any(name in json.dumps(entry.facts, ensure_ascii=False) for name in names)
    assert broken_positions(station, entry.month) == []


def test_a_load_that_breaks_off_keeps_whole_chunks_and_closed_drawers(facilities):
    station = facilities[STATION]

    def stop(loaded: volume.Loaded) -> None:
        if loaded.visits == 140:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        volume.load_month(facility=station, month=OCTOBER, visits=200, seed=1, progress=stop)
    assert Visit.objects.count() == BenefitResult.objects.count() == 140
    assert AuditEntry.objects.get(action=volume.ACTION).facts["visits"] == 140
    assert balance_differences(station) == []
    assert not CashSession.objects.filter(closed_at__isnull=True).exists()
    assert all(session.expected_amount == expected_cash(session) for session in CashSession.objects.all())
    load(station, visits=10)
    assert Visit.objects.count() == 150


# Refusals


def run(*, facility: str = STATION, month: str = "2026-10", visits: int = 5) -> str:
    out = io.StringIO()
    call_command("load_month", "--facility", facility, "--month", month, "--visits", str(visits), stdout=out)
    return out.getvalue()


def test_the_command_tells_what_it_did(facilities):
    assert "5 lượt khám" in run().splitlines()[-1]
    assert Visit.objects.for_facility(facilities[STATION]).count() == 5


def test_unknown_facilities_and_real_provinces_are_refused(facilities):
    Facility.objects.create(code="01001", name="Cơ sở khác", kind="polyclinic", province_code="01")
    for code, words in (("99009", "Không có cơ sở 99009"), ("01001", "cơ sở giả định")):
        with pytest.raises(CommandError, match=words):
            run(facility=code)
    facilities[STATION].province_code = "01"
    facilities[STATION].save()
    with pytest.raises(CommandError, match="cơ sở giả định"):
        run()
    with pytest.raises(CommandError, match="từ 1"):
        run(facility=HOSPITAL, visits=0)
    assert not Visit.objects.exists()
    assert not Patient.objects.exists()


def test_a_facility_without_a_price_list_is_refused(db):
    build_places()
    with pytest.raises(CommandError, match="chưa có bảng giá"):
        run()


def test_a_month_before_the_price_list_is_refused(facilities):
    with pytest.raises(CommandError, match="chưa có bảng giá"):
        run(month="2025-05")


def bench(what: str, *more: str) -> dict:
    out = io.StringIO()
    call_command("bench", what, "--visits", "40", "--facility", STATION, *more, stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def test_the_benchmark_of_searches_ends_with_figures_as_json(db):
    figures = bench("search")
    assert (figures["visits"], figures["month"]) == (40, "2026-01")
    assert figures["find_patients_p95_ms"] >= figures["find_patients_p50_ms"] > 0
    assert figures["check_line_p95_ms"] >= figures["check_line_p50_ms"] > 0
    assert Timings((1.0, 2.0, 3.0, 4.0)).percentile(0.5) == 2.0
    assert Timings((1.0, 2.0, 3.0, 4.0)).percentile(0.95) == 4.0
    assert free_month(Facility.objects.get(code=STATION)) == date(2026, 2, 1)


def test_the_benchmark_of_the_split_needs_no_data():
    figures = bench_split()
    assert (figures["visit_lines"], figures["stay_lines"]) == (10, 600)
    assert figures["visit_p50_ms"] <= figures["visit_p95_ms"]
    assert figures["stay_cpu_ms"] > figures["visit_cpu_ms"] > 0


@pytest.mark.django_db(transaction=True)
def test_the_benchmark_of_claims_ends_with_figures_as_json():
    """The steps run in other processes, so what is loaded must be stored; copies of claims are as true as these."""
    figures = bench("claims", "--times", "3")
    assert (figures["visits"], figures["export_errors"], figures["claims_with_findings"]) == (120, 0, 0)
    assert 0 < figures["slow_measured_on"] == figures["claims"] // 3 == figures["claims_copied"] // 2 <= 40
    assert figures["same_bytes_as_reference"] is True
    wanted = ("floor_s", "export_s", "reference_s", "prefetch_s", "export_over_floor", "export_over_prefetch")
    assert all(figures[name] > 0 for name in (*wanted, "export_rss_mb", "build_s", "fresh_s"))
