"""Findings of stored claims: what blocks, what was waived and why, and that neither is lost when a claim is rebuilt."""

from pathlib import Path

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from his.catalogs.models import Drug
from his.core.errors import NotFound, PermissionRefused, Refusal
from insurance.claims import causes, queries
from insurance.claims.findings import keep
from insurance.claims.month_check import check_month
from insurance.claims.services import build_claim, build_month
from insurance.claims.waivers import Grounds, revoke_waiver, waive_cause, waive_finding
from insurance.models import Claim, Finding, FindingWaiver, MonthCheck
from insurance.rules.books import RuleBooks
from insurance.rules.engine import Finding as Found
from insurance.rules.engine import NoCatalogs, Severity, VisitFacts
from insurance.rules.engine.base import BATCH_KINDS, Env, Hit
from insurance.rules.engine.load import COLUMNS
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.test_export import month
from tests.insurance.walk import HALF_PAID, MONTH, PARACETAMOL, signed_in

pytestmark = pytest.mark.django_db
GROUNDS = Grounds("correct", "Đã xem bệnh án giấy")


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(18), tick=False)


def faulty(world: World, route: str = "99.99") -> walk.Walk:
    """Bà Lan's claim with one drug whose route is in no list."""
    Drug.objects.filter(code=HALF_PAID).update(route_code=route)
    step = walk.lan_full(world, world.hospital)
    step.settled()
    build(step)
    return step


def build(step: walk.Walk) -> Claim:
    return build_claim(visit=step.visit, actor=step.place.actor("claims"), at=at(18))


def only(claim: Claim) -> Finding:
    """The one finding for which the claim is faulty."""
    return claim.findings.get(severity="blocking")


def waive(step: walk.Walk, finding: Finding) -> FindingWaiver:
    return waive_finding(finding=finding, grounds=GROUNDS, actor=step.place.actor("claims"), at=at(18))


def test_a_finding_says_all_that_the_rule_says(world: World) -> None:
    finding = only(build(faulty(world)))
    assert (finding.rule, finding.severity) == ("structure.too_long", "blocking")
    assert (finding.table, finding.row, finding.field, finding.value) == ("XML2", 2, "DUONG_DUNG", "99.99")
    assert finding.fix.startswith("Rút ngắn nội dung")
    assert finding.law


def test_a_waived_finding_does_not_block_and_does_not_come_back(world: World) -> None:
    step = faulty(world)
    first = build(step)
    waiver = waive(step, only(first))
    first.refresh_from_db()
    assert first.state == "clean"
    assert (build(step).pk, build(step).state) == (first.pk, "clean")
    step.visit.patient.full_name = "Nguyễn Thị Lan Anh"
    step.visit.patient.save()
    second = build(step)
    assert (second.version, second.state, only(second).waiver) == (2, "clean", waiver)


def test_another_value_is_another_finding(world: World) -> None:
    step = faulty(world)
    waive(step, only(build(step)))
    Drug.objects.filter(code=HALF_PAID).update(route_code="88.88")
    changed = build(step)
    assert (changed.state, only(changed).waiver) == ("findings", None)
    Drug.objects.filter(code=HALF_PAID).update(route_code="99.99")
    assert build(step).state == "clean"  # the old value has its old waiver


def test_a_revoked_waiver_counts_no_more_and_stays_on_record(world: World) -> None:
    step = faulty(world)
    waiver = waive(step, only(build(step)))
    revoke_waiver(waiver=waiver, actor=step.place.actor("manager"), at=at(19))
    claim = Claim.objects.get(is_current=True)
    assert (claim.state, only(claim).waiver) == ("findings", None)
    assert build(step).state == "findings"
    with pytest.raises(Refusal, match="Đã thôi bỏ qua"):
        revoke_waiver(waiver=waiver, actor=step.place.actor("manager"), at=at(19))
    waive(step, only(claim))
    assert FindingWaiver.objects.count() == 2
    with pytest.raises(DatabaseError), transaction.atomic():
        FindingWaiver.objects.filter(pk=waiver.pk).update(revoked_at=at(20))
    with pytest.raises(DatabaseError), transaction.atomic():
        FindingWaiver.objects.update(reason="khác")
    with pytest.raises(DatabaseError), transaction.atomic():
        FindingWaiver.objects.all().delete()


@pytest.mark.parametrize("grounds", [Grounds("", "Đã xem bệnh án"), Grounds("correct", " ok "), Grounds("x", "abcdef")])
def test_a_waiver_needs_a_reason(world: World, grounds: Grounds) -> None:
    step = faulty(world)
    with pytest.raises(Refusal) as refused:
        waive_finding(finding=only(build(step)), grounds=grounds, actor=step.place.actor("claims"), at=at(18))
    assert (refused.value.code, refused.value.field) == ("no_reason", "text" if grounds.code == "correct" else "code")


def test_who_may_waive_what(world: World) -> None:
    step = faulty(world)
    finding = only(build(step))
    for key in ("cashier", "doctor", "admin"):
        with pytest.raises(PermissionRefused):
            waive_finding(finding=finding, grounds=GROUNDS, actor=step.place.actor(key), at=at(18))
    with pytest.raises(NotFound):
        waive_finding(finding=finding, grounds=GROUNDS, actor=world.station.actor("claims"), at=at(18))
    waiver = waive(step, finding)
    with pytest.raises(Refusal, match="đã được bỏ qua"):
        waive(step, finding)
    with pytest.raises(NotFound):
        revoke_waiver(waiver=waiver, actor=world.station.actor("manager"), at=at(18))
    step.visit.patient.full_name = "Nguyễn Thị Lan Anh"
    step.visit.patient.save()
    build(step)
    with pytest.raises(Refusal, match="bản mới"):
        waive(step, finding)


def test_a_cause_is_waived_as_a_whole_when_it_is_what_was_seen(world: World) -> None:
    Drug.objects.filter(code__in=[HALF_PAID, PARACETAMOL]).update(route_code="99.99")
    month(world)
    place = world.hospital
    build_month(month=MONTH, actor=place.actor("claims"), at=at(17))
    rows = causes.causes(place.facility, MONTH, queries.view_of("findings"))
    row = next(one for one in rows if one.cause.rule == "structure.too_long")
    facts = {"month": MONTH, "cause": row.cause, "grounds": GROUNDS, "actor": place.actor("manager"), "at": at(18)}
    with pytest.raises(Refusal, match="Nay có 3 lỗi"):
        waive_cause(expected=2, **facts)
    assert waive_cause(expected=3, **facts) == 3
    counts = queries.funnel(place.facility, MONTH)
    assert (counts["clean"], counts["findings"], counts["waived"]) == (2, 0, 2)
    with pytest.raises(Refusal, match="Nay có 0 lỗi"):
        waive_cause(expected=0, **facts)
    build_month(month=MONTH, actor=place.actor("claims"), at=at(19))
    assert queries.funnel(place.facility, MONTH) == counts


def test_only_what_blocks_makes_a_claim_faulty(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    claim = build(step)
    made = [Found("made.up", s, "XML1", 1, "HO_TEN", "Câu", "v", "Sửa", "Luật", s * 8) for s in Severity]
    facility = step.place.facility
    keep(facility, {claim.pk: made[1:]}, [claim], shared=False)
    assert claim.state == "clean"
    counts = queries.funnel(facility, MONTH)
    assert (counts["clean"], counts["findings"], counts["warnings"], counts["notes"]) == (1, 0, 1, 1)
    keep(facility, {claim.pk: made}, [claim], shared=False)
    assert claim.state == "findings"
    ids = set(claim.findings.values_list("pk", flat=True))
    keep(facility, {claim.pk: made}, [claim], shared=False)
    assert set(claim.findings.values_list("pk", flat=True)) == ids  # what is the same keeps its row
    keep(facility, {}, [claim], shared=False)
    assert (claim.state, claim.findings.count()) == ("clean", 0)


class SameName:
    """For these tests: the patients of two claims have the same name."""

    def __init__(self, rule: Rule, scope: Scope, env: Env) -> None:
        self.seen: dict[str, list[object]] = {}

    def feed(self, place: object, facts: VisitFacts) -> None:
        self.seen.setdefault(facts.text("XML1", "HO_TEN"), []).append(place)

    def finish(self) -> list[tuple[object, Hit]]:
        return [(p, Hit(1, "HO_TEN", name)) for name, places in self.seen.items() if places[1:] for p in places]


@pytest.fixture
def twin_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RuleBooks:
    """The rules of the product and one more that compares claims, without any catalogue."""
    monkeypatch.setitem(BATCH_KINDS, "same_name", SameName)
    row = dict.fromkeys(COLUMNS, "") | {
        "id": "test.same_name", "title": "Trùng tên", "kind": "same_name", "table": "XML1", "field": "HO_TEN",
        "severity": "blocking", "stages": "batch", "message": "Trùng {value}", "fix": "Xem lại", "law": "Luật",
    }  # fmt: skip
    path = tmp_path / "twins.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(row[c] for c in COLUMNS) + "\n", "utf-8")
    return RuleBooks(NoCatalogs(), tmp_path)


def compared(world: World, books: RuleBooks, hour: int) -> set[int]:
    """The visits of which the comparison says that their patients have the same name."""
    check_month(month=MONTH, actor=world.hospital.actor("claims"), at=at(hour), books=books)
    rows = Finding.objects.filter(rule="test.same_name", claim__is_current=True, is_shared=True)
    return set(rows.values_list("claim__visit", flat=True))


def test_claims_of_a_month_are_compared_with_each_other(world: World, twin_rules: RuleBooks) -> None:
    place = world.hospital
    steps = month(world)
    twin, card = walk.someone(place, "Vũ Thị Mai", card="DN4999900000009")
    other = walk.visit_of(world, place, twin, card).examine().prescribe((PARACETAMOL, 14)).sign().dispense()
    other.settled()
    build_month(month=MONTH, actor=place.actor("claims"), at=at(17))
    assert MonthCheck.objects.get().shared_at is None
    pair = {steps["mai"].visit.pk, other.visit.pk}
    assert compared(world, twin_rules, 17) == pair
    assert set(Claim.objects.filter(state="findings").values_list("visit", flat=True)) == pair
    check = MonthCheck.objects.get()
    assert (check.shared_at, {one["rule"] for one in check.cannot_run}) == (
        at(17),
        {one.rule for one in twin_rules.cannot_run()},
    )

    keys = set(Finding.objects.values_list("pk", flat=True))
    assert compared(world, twin_rules, 18) == pair
    assert set(Finding.objects.values_list("pk", flat=True)) == keys
    twin.full_name = "Vũ Thị Mười"
    twin.save()
    rebuilt = build(other)
    assert (rebuilt.version, rebuilt.state) == (2, "findings")  # not compared again, so not said to be clean
    assert compared(world, twin_rules, 19) == set()
    assert set(Claim.objects.filter(is_current=True).values_list("state", flat=True)) == {"clean"}


def test_rules_that_cannot_run_are_told_on_the_screen(world: World) -> None:
    faulty(world)
    MonthCheck.objects.update(cannot_run=[{"rule": "a.b", "title": "Mã máy có thật", "need": "devices"}])
    shown = signed_in(world.hospital, "claims").get(reverse("claims"), {"month": "2026-10"}).content.decode()
    assert "Chưa kiểm tra được 1 quy tắc vì thiếu danh mục" in shown
    assert "danh mục thiết bị của cơ sở</b>: Mã máy có thật" in shown


def test_waiving_from_the_screen(world: World) -> None:
    step = faulty(world)
    claim = Claim.objects.get()
    finding = only(claim)
    client = signed_in(world.hospital, "claims")
    place = {"month": "2026-10", "view": "findings", "visit": str(step.visit.pk)}
    form = client.get(reverse("claims"), place | {"waive": str(finding.pk)}).content.decode()
    assert 'name="code"' in form
    url = reverse("claims-waive", args=[finding.pk])
    again = client.post(url, place | {"code": "correct", "text": ""})
    assert again.status_code == 422
    assert "Hãy ghi rõ lý do" in again.content.decode()
    shown = client.post(url, place | {"code": "agreed", "text": "Công văn 12/BHXH"}, follow=True).content.decode()
    assert "Đã thống nhất với cơ quan BHXH: Công văn 12/BHXH" in shown
    claim.refresh_from_db()
    assert claim.state == "clean"
    client.post(reverse("claims-revoke", args=[FindingWaiver.objects.get().pk]), place)
    claim.refresh_from_db()
    assert claim.state == "findings"
    cause = place | queries.Cause(finding.rule, finding.table, finding.field).parts()
    seen = client.get(reverse("claims"), cause | {"visit": ""}).content.decode()
    assert "Bỏ qua cả nhóm này" in seen.replace("<u>", "").replace("</u>", "")
    changed = client.post(reverse("claims-waive-all"), cause | {"code": "other", "text": "Thử", "expected": "7"})
    assert changed.status_code == 422
    client.post(reverse("claims-waive-all"), cause | {"code": "other", "text": "Mã mới của tỉnh", "expected": "1"})
    claim.refresh_from_db()
    assert claim.state == "clean"
    cashier = signed_in(world.hospital, "cashier")
    assert cashier.post(url, {"code": "correct", "text": "Đã xem"}).status_code == 403
    manager = signed_in(world.hospital, "manager")
    assert "Thôi bỏ qua" in manager.get(reverse("claims"), place).content.decode()
