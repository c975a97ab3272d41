"""A report on its way: checked, signed, sent, withdrawn; what is signed is frozen, what fails bars the signature."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from his.audit.models import AuditEntry
from his.core.errors import PermissionRefused, Refusal
from his.demo.places import Place
from insurance.billing.closing import reopen_visit
from patients.models import Visit
from reports.checks import blocking
from reports.duties.states import tasks_between
from reports.engine import run
from reports.filing.services import check_report, send_report, sign_report, withdraw_report
from reports.models import Filing, FilingStep, ReportBasis, ReportRun
from reports.period import Period
from tests.cast import World, at
from tests.insurance import walk
from tests.reports.month import made

State = Filing.State
SENT = {"channel": "bhxh_portal", "receipt": "TN-0001", "sent_at": at(17, 30)}


@pytest.fixture
def draft(claimed_month: ReportRun) -> ReportRun:
    """The October report of the hospital with all claims built: nothing bars its signature."""
    return claimed_month


def checked(place: Place, run: ReportRun) -> Filing:
    return check_report(run=run, actor=place.actor("claims"), at=at(17, 5))


def signed(place: Place, run: ReportRun) -> Filing:
    return sign_report(filing=checked(place, run), actor=place.actor("manager"), at=at(17, 10))


def sent(place: Place, run: ReportRun, **how: Any) -> Filing:
    filing = signed(place, run)
    return send_report(filing=filing, actor=place.actor("claims"), at=at(17, 40), **{**SENT, **how})


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as found:
        call()
    return found.value


def test_a_report_goes_from_draft_to_sent_with_names_times_and_receipt(world: World, draft: ReportRun) -> None:
    place = world.hospital
    filing = sent(place, draft)
    assert not blocking(filing.checks)
    steps = [(step.state, step.by.username, step.at) for step in FilingStep.objects.order_by("pk")]
    claims, manager = (place.users[who].username for who in ("claims", "manager"))
    assert steps == [
        ("checked", claims, at(17, 5)),
        ("signed", manager, at(17, 10)),
        ("sent", claims, at(17, 40)),
    ]
    last = FilingStep.objects.get(state="sent")
    assert (last.channel, last.receipt, last.sent_at) == ("bhxh_portal", "TN-0001", at(17, 30))
    assert set(filing.refs) == set(draft.values["refs"])
    facts = AuditEntry.objects.filter(action="reports.sign").get().facts
    assert facts["sha256"] == draft.sha256


def test_permissions_are_those_of_who_answers_for_it(world: World, draft: ReportRun) -> None:
    place = world.hospital
    filing = checked(place, draft)
    with pytest.raises(PermissionRefused):
        sign_report(filing=filing, actor=place.actor("claims"), at=at(17, 10))
    with pytest.raises(PermissionRefused):
        check_report(run=draft, actor=place.actor("cashier"), at=at(17, 10))
    with pytest.raises(PermissionRefused):
        withdraw_report(filing=filing, reason="x", actor=place.actor("claims"), at=at(17, 10))


def test_what_is_signed_is_frozen_in_the_database(world: World, draft: ReportRun) -> None:
    sent(world.hospital, draft)
    filing = Filing.objects.get()
    changes = [
        "UPDATE reports_reportrun SET checks = '[]'",
        "UPDATE reports_reportrun SET values = '{}'",
        "UPDATE reports_reportrun SET sha256 = ''",
        "DELETE FROM reports_reportrun",
        "UPDATE reports_filing SET refs = '{}'",
        "UPDATE reports_filing SET state = 'checked', signed_at = NULL",
        "UPDATE reports_filing SET state = 'signed'",
        "DELETE FROM reports_filing",
        "UPDATE reports_filingstep SET receipt = 'other'",
        "DELETE FROM reports_filingstep",
    ]
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
    filing.refresh_from_db()
    assert filing.state == State.SENT


def test_values_of_a_draft_never_change_either(draft: ReportRun) -> None:
    ReportRun.objects.update(checks=[])
    with pytest.raises(DatabaseError), transaction.atomic():
        ReportRun.objects.update(values={})
    assert not ReportBasis.objects.exists()


def test_a_blocking_check_bars_the_signature_and_is_named(world: World) -> None:
    place = world.hospital
    walk.lan_full(world, place).settled()  # its claim was not built
    run = made(place)
    filing = checked(place, run)
    said = refused(lambda: sign_report(filing=filing, actor=place.actor("manager"), at=at(17, 10)))
    assert said.code == "blocked"
    titles = [row["title"] for row in blocking([*run.checks, *filing.checks])]
    assert titles
    assert all(title in said.message_vi for title in titles)
    assert Filing.objects.get().state == State.CHECKED


def test_a_visit_reopened_since_the_report_was_made_bars_it_and_is_found(world: World, draft: ReportRun) -> None:
    place = world.hospital
    visit = Visit.objects.get(claim_code=draft.values["refs"][0])
    reopen_visit(visit=visit, reason="Sai", actor=place.actor("manager"), at=at(18))
    filing = check_report(run=draft, actor=place.actor("claims"), at=at(18, 5))
    found = {row["title"]: row for row in filing.checks if not row["passed"]}
    assert found["Số liệu vẫn như lúc lập"]["refs"] == [visit.claim_code]
    assert found["Số liệu vẫn như lúc lập"]["severity"] == "blocking"
    assert found["Mọi lượt khám của kỳ đã chốt chi phí"]["refs"] == [visit.claim_code]
    client = walk.signed_in(place, "claims")
    for number, row in enumerate(filing.checks):
        page = client.get(reverse("report-filing-check", args=[draft.pk, number]))
        assert page.status_code == 200
        assert all(ref in page.content.decode() for ref in row["refs"])
    assert client.get(reverse("report-filing-check", args=[draft.pk, 99])).status_code == 404


def test_what_changes_between_checking_and_signing_bars_the_signature(world: World, draft: ReportRun) -> None:
    place = world.hospital
    filing = checked(place, draft)
    assert not blocking(filing.checks)
    visit = Visit.objects.get(claim_code=draft.values["refs"][0])
    reopen_visit(visit=visit, reason="Sai", actor=place.actor("manager"), at=at(18))
    said = refused(lambda: sign_report(filing=filing, actor=place.actor("manager"), at=at(18, 10)))
    assert "Số liệu vẫn như lúc lập" in said.message_vi


def test_unknown_codes_and_absurd_amounts_are_found(world: World, draft: ReportRun) -> None:
    from his.catalogs.models import Diagnosis

    Diagnosis.objects.filter(code="I10").update(valid_to=at(8).date() - timedelta(days=30))
    filing = checked(world.hospital, draft)
    found = {row["title"]: row for row in filing.checks}
    rows = dict(zip(draft.values["refs"], draft.values["rows"], strict=True))
    at_disease = draft.values["columns"].index("MA_BENH_CHINH")
    wanted = sorted(ref for ref, row in rows.items() if row[at_disease] == "I10")
    assert found["Bệnh chính của mọi lượt khám có trong danh mục ICD-10"]["refs"] == wanted != []
    assert found["Không số nào âm"]["passed"]
    assert next(row for title, row in found.items() if "không quá 500.000.000" in title)["passed"]


def test_a_later_run_never_touches_what_was_filed_and_becomes_a_supplement(world: World, draft: ReportRun) -> None:
    place = world.hospital
    first = sent(place, draft)
    visit = Visit.objects.get(claim_code=draft.values["refs"][0])
    reopen_visit(visit=visit, reason="Sai", actor=place.actor("manager"), at=at(18))
    new = made(place)
    assert (new.version, ReportRun.objects.get(pk=draft.pk).sha256) == (2, draft.sha256)
    page = walk.signed_in(place, "claims").get(reverse("report-run", args=[new.pk])).content.decode()
    assert "Bản 1 đã gửi" in page
    assert reverse("report-compare", args=[new.pk]) + f"?with={draft.pk}" in page
    assert refused(lambda: checked(place, new)).code == "already_filed"

    manager = place.actor("manager")
    empty = refused(lambda: withdraw_report(filing=first, reason=" ", actor=manager, at=at(18, 10)))
    assert empty.field == "reason"
    withdraw_report(filing=first, reason="Lượt khám mở lại", actor=manager, at=at(18, 10))
    assert refused(lambda: checked(place, draft)).code == "not_newest"
    second = checked(place, new)
    assert (second.supplement, second.state) == (1, State.CHECKED)
    assert [row.state for row in Filing.objects.order_by("pk")] == [State.WITHDRAWN, State.CHECKED]
    with pytest.raises(DatabaseError), transaction.atomic():
        ReportRun.objects.filter(pk=draft.pk).update(checks=[])


def test_a_newer_draft_takes_the_place_of_one_that_was_only_checked(world: World, draft: ReportRun) -> None:
    place = world.hospital
    first = checked(place, draft)
    assert checked(place, draft).pk == first.pk, "checked again, not filed twice"
    visit = Visit.objects.get(claim_code=draft.values["refs"][0])
    reopen_visit(visit=visit, reason="Sai", actor=place.actor("manager"), at=at(18))
    second = checked(place, made(place))
    first.refresh_from_db()
    assert (first.state, second.supplement) == (State.WITHDRAWN, 0)
    assert refused(lambda: sign_report(filing=first, actor=place.actor("manager"), at=at(18))).code == "not_checked"


def test_sending_asks_for_channel_receipt_and_a_time_after_the_signature(world: World, draft: ReportRun) -> None:
    place = world.hospital
    filing = checked(place, draft)
    actor = place.actor("claims")

    def attempt(**how: Any) -> Refusal:
        return refused(lambda: send_report(filing=filing, actor=actor, at=at(17, 40), **{**SENT, **how}))

    assert attempt().code == "not_signed"
    sign_report(filing=filing, actor=place.actor("manager"), at=at(17, 10))
    cases = ({"channel": "pigeon"}, {"receipt": " "}, {"sent_at": at(17, 9)}, {"sent_at": at(19)})
    assert [attempt(**case).field for case in cases] == ["channel", "receipt", "sent_at", "sent_at"]
    send_report(filing=filing, actor=actor, at=at(17, 40), **SENT)
    assert attempt().code == "not_signed"


def test_the_desk_signs_with_the_password_and_keeps_what_was_typed(world: World, draft: ReportRun) -> None:
    place = world.hospital
    claims, manager = (walk.signed_in(place, who) for who in ("claims", "manager"))
    place.users["manager"].set_password("Mật khẩu 99!")
    place.users["manager"].save()
    manager.force_login(place.users["manager"])
    other = walk.signed_in(world.station, "manager")
    with time_machine.travel(at(17, 5), tick=True):
        assert claims.post(reverse("report-check", args=[draft.pk])).status_code == 302
        filing = Filing.objects.get()
        sign = reverse("filing-sign", args=[filing.pk])
        assert claims.post(sign, {"password": "x"}).status_code == 403
        assert other.post(sign, {"password": "x"}).status_code == 404
        wrong = manager.post(sign, {"password": "sai"})
        assert (wrong.status_code, 'id="id_password_error"' in wrong.content.decode()) == (422, True)
        assert manager.post(sign, {"password": "Mật khẩu 99!"}).status_code == 302
        send = reverse("filing-send", args=[filing.pk])
        typed = {"channel": "paper", "receipt": "Số 12 & <b>", "sent_at": "sai"}
        wrong = claims.post(send, typed)
        assert wrong.status_code == 422
        assert "Số 12 &amp; &lt;b&gt;" in wrong.content.decode()
        assert claims.post(send, {**typed, "sent_at": f"{at(17, 6):%d%m%Y} 1706"}).status_code == 302
        withdraw = reverse("filing-withdraw", args=[filing.pk])
        assert claims.post(withdraw, {"reason": "x"}).status_code == 403
        assert manager.post(withdraw, {"reason": ""}).status_code == 422
    filing.refresh_from_db()
    assert filing.state == State.SENT


def test_the_calendar_reads_the_state_of_the_filing(world: World, draft: ReportRun) -> None:
    place = world.hospital
    actor = place.actor("manager")
    day = at(17).date().replace(month=11, day=12)

    def words() -> tuple[str, str]:
        rows = tasks_between(place.facility, day.replace(day=1), day.replace(day=30), day, actor)
        task = next(row for row in rows if row.duty.code == "01BH")
        return task.progress.words, task.standing

    assert words() == ("Nháp", "soon")
    filing = checked(place, draft)
    assert words() == ("Đã kiểm tra", "soon")
    sign_report(filing=filing, actor=actor, at=at(17, 10))
    assert words() == ("Đã ký", "soon")
    send_report(filing=filing, actor=actor, at=at(17, 40), **SENT)
    assert words() == ("Đã gửi", "done")
    withdraw_report(filing=filing, reason="Sai", actor=actor, at=at(18))
    assert words() == ("Nháp", "soon")


def test_a_quarter_and_its_first_month_are_filed_apart(world: World, hospital_month: list[walk.Walk]) -> None:
    place = world.hospital
    claims, made_at = place.actor("claims"), at(17)
    months = (Period.parse_month("2026-10"), Period.parse_quarter("2026-Q4"))
    runs = [run(form="20BHYT", facility=place.facility, period=p, actor=claims, at=made_at) for p in months]
    assert [one.version for one in runs] == [1, 1]
    filings = [check_report(run=one, actor=claims, at=at(18)) for one in runs]
    assert [filing.state for filing in filings] == ["checked", "checked"]
    assert [filing.run_id for filing in filings] == [one.pk for one in runs]
