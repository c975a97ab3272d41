"""The rules at the desks: in the row of an order or a drug, at signing, at closing; the same ids as in the claim."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from his.audit.models import AuditEntry
from his.catalogs.models import PricedService
from his.core.errors import Refusal
from insurance import law
from insurance.claims.export import export_month
from insurance.rules.desk import visit_notices
from insurance.rules.engine.load import COLUMNS
from patients.models import Exam, Prescription, Visit
from patients.notices import Line, LineKind, Notice, Severity, Stage, by_line, limited
from patients.services.signing import sign_exam
from tests.cast import World, at
from tests.insurance.walk import AMLODIPIN, CBC, GLUCOSE, MONTH, PARACETAMOL, Walk, hung, lan, signed_in
from tests.scenes import scene

HTMX = {"HX-Request": "true"}
ALL = "order|sign|close|claim"

Write = Callable[..., None]


@pytest.fixture
def rules(tmp_path: Path) -> Iterator[Write]:
    """Rules of an installation's own: a folder with one CSV, no line of Python. Each call adds a rule."""
    rows: list[dict[str, str]] = []
    folders = iter(tmp_path / str(number) for number in range(9))

    def write(rule: str, kind: str, table: str, field: str, params: str = "", **more: str) -> None:
        cells = {
            "id": rule, "title": "Thử", "kind": kind, "table": table, "field": field, "params": params,
            "severity": "blocking", "stages": ALL, "message": "Thử {value}", "fix": "Hãy sửa", "law": "QĐ thử",
        }  # fmt: skip
        rows.append(dict.fromkeys(COLUMNS, "") | cells | more)
        folder = next(folders) / "rules"
        folder.mkdir(parents=True)
        with (folder / "own.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        law.use(folder.parent)

    yield write
    law.use()


@scene
def visit(world: World) -> Walk:
    return lan(world, world.station).examine("I10")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("desk", "doctor", "orders", "prescription"):
        monkeypatch.setattr(f"patients.views.{module}.now", lambda: at(9))
        monkeypatch.setattr(f"patients.views.{module}.today", lambda: at(9).date(), raising=False)


@pytest.fixture
def doctor(world: World) -> Client:
    return signed_in(world.station, "doctor")


def url(name: str, visit: Visit) -> str:
    return reverse(name, args=[visit.pk])


def order(client: Client, visit: Visit, code: str) -> str:
    sent = {"service": code, "quantity": "1", "is_insured": "on"}
    return client.post(url("exam-orders", visit), sent, headers=HTMX).content.decode()


def row_of(page: str, words: str) -> str:
    """The table row that says the words."""
    return next(row for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if words in row)


def drugs(*codes: str, **changes: str) -> dict[str, str]:
    sent = {}
    for number, code in enumerate(codes):
        sent |= {f"lines-{number}-drug": code, f"lines-{number}-morning": "1", f"lines-{number}-days": "5"}
        sent |= {f"lines-{number}-is_insured": "on"}
    return sent | changes


def not_this_service(rules: Write, code: str = GLUCOSE, **more: str) -> None:
    rules("own.service", "not_one_of", "XML3", "MA_DICH_VU", f"values={code}", **more)


def test_an_order_shows_what_it_breaks_in_its_row_with_the_id_of_the_claim_check(rules, visit, doctor, tmp_path):
    not_this_service(rules, severity="warning")
    page = order(doctor, visit.visit, GLUCOSE)
    mine = row_of(page, "Glucose")
    assert re.search(r'class="badge warn">Cảnh báo</span> <b>Thử 23.0075.1494</b>', mine)
    assert "own.service" in mine
    assert "own.service" not in row_of(order(doctor, visit.visit, CBC), "tế bào máu")
    # The same visit, exported and checked as a file from anywhere, names the same rule.
    for one in visit.exam.orders.order_by("pk"):
        visit.now = at(9)
        visit.result(one)
    visit.now = at(10)
    visit.sign().settled()
    export_month(month=MONTH, out_dir=tmp_path / "out", actor=visit.place.actor("claims"), at=at(12))
    assert "own.service" in checked(tmp_path / "out")


def checked(folder: Path) -> set[str]:
    out = StringIO()
    with suppress(CommandError):  # how it says that there are findings
        call_command("check_claims", str(folder), format="json", stdout=out, stderr=StringIO())
    return {one["rule"] for one in json.loads(out.getvalue())}


def test_a_sound_order_is_left_alone(visit, doctor):
    assert "notices-of-line" not in order(doctor, visit.visit, GLUCOSE)


def test_a_typed_drug_shows_what_it_breaks_and_a_blocking_one_may_be_drafted(rules, visit, doctor):
    rules("own.drug", "not_one_of", "XML2", "MA_THUOC", f"values={ingredient(visit, AMLODIPIN)}")
    sent = drugs(PARACETAMOL, AMLODIPIN)
    other = doctor.post(url("prescription-line", visit.visit), {**sent, "row": "lines-0"}, headers=HTMX)
    mine = doctor.post(url("prescription-line", visit.visit), {**sent, "row": "lines-1"}, headers=HTMX)
    for answer in (other, mine):  # a change of one row may change what is said in another
        first, _, second = answer.content.decode().partition('<div id="lines-1-notices" hx-swap-oob="true">')
        assert "own.drug" not in first
        assert "own.drug" in second
    assert 'class="badge stop">Từ chối</span>' in mine.content.decode()
    assert doctor.post(url("exam-prescription", visit.visit), sent, headers=HTMX).status_code == 200
    grid = doctor.get(url("exam-prescription", visit.visit), headers=HTMX).content.decode()
    assert "own.drug" in row_of(grid, 'value="TH0002"')
    assert "own.drug" not in row_of(grid, 'value="TH0001"')


def ingredient(visit: Walk, code: str) -> str:
    return visit.world.drug(visit.place, code).ingredient_code


def test_a_drug_is_held_against_the_others_that_are_typed(rules, visit, doctor):
    rules("own.pair", "forbidden", "XML2", "", when=f"XML2 has MA_THUOC {ingredient(visit, PARACETAMOL)}")
    ask = url("prescription-line", visit.visit)
    both = doctor.post(ask, {**drugs(PARACETAMOL, AMLODIPIN), "row": "lines-1"}, headers=HTMX).content.decode()
    alone = doctor.post(ask, {**drugs(AMLODIPIN), "row": "lines-0"}, headers=HTMX).content.decode()
    assert ("own.pair" in both, "own.pair" in alone) == (True, False)
    unready = {**drugs(PARACETAMOL, AMLODIPIN), "lines-0-days": "", "row": "lines-1"}
    assert "own.pair" not in doctor.post(ask, unready, headers=HTMX).content.decode()


def test_a_blocking_rule_refuses_the_signature_beside_its_field(rules, visit, doctor):
    rules("own.treatment", "pattern", "XML1", "PP_DIEU_TRI", "regex=.*nội trú; whole=1", stages="sign|claim")
    visit.prescribe((PARACETAMOL, 10))
    with pytest.raises(Refusal) as refused:
        sign_exam(exam=visit.exam, actor=visit.place.actor("doctor"), at=at(9))
    assert (refused.value.code, refused.value.field) == ("rule_broken", "treatment")
    assert refused.value.facts["rule"] == "own.treatment"
    exam = Exam.objects.get()
    assert (exam.signed_at, exam.snapshot, Prescription.objects.get().signed_at) == (None, None, None)
    sent = {"reason": "Đau", "main": "I10", "treatment": "Ngoại trú", "outcome": "home", "treatment_result_code": "2"}
    page = doctor.post(url("exam-sign", visit.visit), sent)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["treatment"]
    assert "own.treatment" in page.content.decode()
    assert doctor.post(url("exam-sign", visit.visit), {**sent, "treatment": "nội trú"}).status_code == 302


def test_a_line_that_blocks_refuses_the_signature_and_names_each_rule(rules, visit, doctor):
    not_this_service(rules, stages="order|claim")  # said when ordering, so it counts when signing
    rules("own.main", "not_one_of", "XML1", "MA_BENH_CHINH", "values=I10", stages="sign")
    visit.order(GLUCOSE)
    sent = {"reason": "Đau", "main": "I10", "outcome": "home", "treatment_result_code": "2"}
    page = doctor.post(url("exam-sign", visit.visit), sent)
    assert "own.main" in page.context["diagnoses"].main.error
    assert "own.service" in str(page.context["form"].non_field_errors())
    assert not Exam.objects.filter(signed_at__isnull=False).exists()


def test_what_another_desk_must_mend_keeps_nobody_from_signing(rules, visit):
    rules("own.name", "not_one_of", "XML3", "TEN_DICH_VU", "values=Định lượng Glucose [Máu]")
    visit.order(GLUCOSE).sign()
    (notice,) = [n for n in visit_notices(visit.visit, Stage.SIGN, at(10)) if n.rule == "own.name"]
    assert (notice.severity, notice.mended_by, visit.visit.state) == ("blocking", "Quản trị", Visit.State.EXAMINED)


def test_a_warning_lets_sign_is_shown_and_is_in_the_audit_entry(rules, visit, doctor):
    rules("own.main", "not_one_of", "XML1", "MA_BENH_CHINH", "values=I10", stages="sign", severity="warning")
    sent = {"reason": "Đau", "main": "I10", "outcome": "home", "treatment_result_code": "2"}
    page = doctor.post(url("exam-sign", visit.visit), sent, follow=True).content.decode()
    assert "Cảnh báo: Thử I10. Hãy sửa [own.main]" in page
    assert Exam.objects.get().is_signed
    assert AuditEntry.objects.get(action="patients.sign_exam").facts["findings"] == "own.main"


def test_nothing_is_said_of_what_is_not_known_yet(rules, visit, doctor):
    for number, tag in enumerate(("NGAY_RA", "T_TONGCHI_BV", "NGAY_TTOAN", "KET_QUA_DTRI", "MA_DOITUONG_KCB")):
        rules(f"own.known_{number}", "forbidden", "XML3", "", when=f"XML1.{tag} filled", stages="order")
    assert "own.known" not in order(doctor, visit.visit, GLUCOSE)
    rules("own.waiting", "forbidden", "XML3", "NGUOI_THUC_HIEN,NGAY_TH_YL,T_BHTT", when="MA_NHOM = 1", stages="order")
    assert "own.waiting" not in order(doctor, visit.visit, CBC)


def test_closing_lists_who_mends_what_and_is_not_refused(rules, world, visit):
    not_this_service(rules, stages="close|claim")
    rules("own.person", "required", "XML1", "DIEN_THOAI", stages="close", severity="warning")
    rules("own.money", "not_one_of", "XML1", "T_TONGCHI_BV", "values=0.00", stages="close")
    visit.order(GLUCOSE).sign()
    cashier = signed_in(world.station)
    page = cashier.get(url("cashier-checks", visit.visit)).content.decode()
    assert re.search(r"Thử 23\.0075\.1494.*Bác sĩ Lê Minh Giả.*own\.service", page, re.DOTALL)
    assert re.search(r"Tiếp đón.*own\.person", page, re.DOTALL)
    assert "own.money" not in page  # the amounts of the split are there
    assert (
        f'hx-get="{url("cashier-checks", visit.visit)}"'
        in cashier.get(url("cashier-visit", visit.visit)).content.decode()
    )
    visit.close()
    said = AuditEntry.objects.get(action="billing.close_visit").facts["findings"].split(";")
    assert {"own.person", "own.service"} <= set(said)
    assert "own.service" in cashier.get(url("cashier-checks", visit.visit)).content.decode()


def test_the_findings_of_a_visit_are_for_its_cashiers(world, visit):
    stranger, doctor = signed_in(world.hospital), signed_in(world.station, "doctor")
    assert stranger.get(url("cashier-checks", visit.visit)).status_code == 404
    assert doctor.get(url("cashier-checks", visit.visit)).status_code == 403


def test_who_pays_alone_is_not_held_against_the_rules_of_claims(rules, world):
    not_this_service(rules)
    walk = hung(world, world.station).examine("I10").order(GLUCOSE)
    assert visit_notices(walk.visit, Stage.ORDER, at(9)) == []
    assert walk.sign().visit.state == Visit.State.EXAMINED


def test_a_mended_catalogue_counts_after_a_minute(rules, world, visit):
    params = "catalog=services; cell=unit; by=MA_DICH_VU"
    rules("own.unit", "catalog_cell", "XML3", "DON_VI_TINH", params, when=f"MA_DICH_VU = {GLUCOSE}", needs="services")
    visit.order(GLUCOSE)
    assert own(visit, at(9)) == []
    PricedService.objects.filter(code=GLUCOSE).update(unit="Ống")  # the line has it at once, the rules a minute later
    assert own(visit, at(9) + timedelta(seconds=59)) == ["own.unit"]
    assert own(visit, at(9) + timedelta(seconds=61)) == []


def own(visit: Walk, when: datetime) -> list[str]:
    return [n.rule for n in visit_notices(visit.visit, Stage.ORDER, when) if n.rule.startswith("own.")]


def test_faulty_rules_do_not_stop_a_doctor(rules, visit, doctor, caplog):
    rules("own.faulty", "pattern", "XML3", "MA_DICH_VU", "regex=(")
    assert "Chờ Xét nghiệm" in order(doctor, visit.visit, GLUCOSE)
    assert "own.faulty" in caplog.text
    visit.now = at(9)
    visit.result(visit.exam.orders.get()).sign()
    assert [n.rule for n in visit_notices(visit.visit, Stage.SIGN, at(10))] == ["rules.unreadable"]


def test_the_worst_three_are_shown_and_the_rest_counted():
    lines = [Line(LineKind.ORDER, number) for number in (1, 2)]
    found = [
        Notice(f"r{number}", severity, "m", "f", line=lines[number % 2])
        for number, severity in enumerate([Severity.INFO, Severity.WARNING, Severity.INFO, Severity.BLOCKING])
    ]
    shown = by_line([*found, Notice("of.visit", Severity.BLOCKING, "m", "f")])
    assert [n.rule for n in shown[lines[1]].shown] == ["r3", "r1"]
    assert ([n.rule for n in shown[lines[0]].shown], [n.rule for n in shown[lines[0]].hidden]) == (["r0"], ["r2"])


def test_what_keeps_from_signing_is_never_behind_a_count():
    """Three refusals in other rows must not hide the overdose that wants a reason."""
    lines = [Line(LineKind.DRUG, number) for number in range(1, 7)]
    found = [Notice(f"b{number}", Severity.BLOCKING, "m", "f", line=lines[number]) for number in range(3)]
    found += [Notice(f"r{number}", Severity.WARNING, "m", "f", line=lines[3], needs_reason=True) for number in range(2)]
    found += [
        Notice("other desk", Severity.BLOCKING, "m", "f", line=lines[4], is_ours=False),
        Notice("w", Severity.WARNING, "m", "f", line=lines[5]),
    ]
    shown = by_line(found)
    assert [notice.rule for notice in shown[lines[3]].shown] == ["r0", "r1"]
    assert [notice.rule for notice in shown[lines[5]].hidden] == ["w"]
    every = limited(found)
    assert {notice.rule for notice in every.shown} >= {"b0", "b1", "b2", "r0", "r1"}
    assert [notice.rule for notice in every.hidden][-1] == "w"


def test_an_order_asks_the_database_a_fixed_number_of_times(rules, visit, doctor, django_assert_max_num_queries):
    """The visit, its exams, diagnoses, orders, weight and drugs, the price of the exam; catalogues are remembered."""
    visit.order(GLUCOSE, CBC, results=False)
    visit_notices(visit.visit, Stage.ORDER, at(9))
    with django_assert_max_num_queries(7):
        visit_notices(visit.visit, Stage.ORDER, at(9))
