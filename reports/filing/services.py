"""The steps of a report on its way: checked, signed, sent, withdrawn. Each is one service with its permission.

What is signed is frozen by the database. A later run never touches it: the differences are shown beside it, and only
withdrawing it with a reason makes room for the next version, which is a supplement (báo cáo bổ sung) when the former
had been sent.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.locks import lock_name
from his.service import audit_facts, service
from reports.checks import blocking
from reports.definition import load_version
from reports.filing.checks import checks_before_filing, is_as_now
from reports.filing.compare import refs_behind
from reports.filing_models import Filing, FilingStep
from reports.models import ReportRun

State = Filing.State
_CLOCKS = timedelta(minutes=5)
"""How far the clock of a portal may be ahead of ours."""


@service(action="reports.check", permission="reports.run")
def check_report(*, run: ReportRun, actor: Actor, at: datetime) -> Filing:
    """Check a version of a report before it is signed (kiểm tra trước khi nộp).

    Afterwards its filing holds the outcome of the checks that go beyond the table: whether it is still what the data
    say, open visits, unknown codes, absurd values, the reconciliation of the month when the form asks for it. Failed
    ones are stored, not refused: they bar the signature. Another version that was only checked gives way. Refuses
    `already_filed` while a version is signed or sent, and `not_newest` for a version that was made anew since.
    """
    found = [finding.stored() for finding in checks_before_filing(run, at)]
    _lock(run)
    in_force = _in_force(run)
    if in_force is not None and in_force.is_filed:
        raise Refusal("already_filed", f"{_version(in_force)}: muốn nộp bản khác thì rút bản đó trước, có lý do")
    _require_newest(run)
    if in_force is not None and in_force.run_id == run.pk:
        in_force.checks = found
        in_force.save(update_fields=["checks"])
        return _step(in_force, actor, at)
    if in_force is not None:
        _withdraw(in_force, actor, at, f"Đã lập bản {run.version}")
    sent = Filing.objects.for_facility(run.facility).filter(**run.report, steps__state=State.SENT)
    filing = Filing.objects.create(facility=run.facility, run=run, **run.report, supplement=sent.count(), checks=found)
    return _step(filing, actor, at)


@service(action="reports.sign", permission="reports.sign")
def sign_report(*, filing: Filing, actor: Actor, at: datetime) -> Filing:
    """Sign a checked report as the one who answers for the facility (ký báo cáo).

    Afterwards neither its figures nor its checks can change, and the visits behind them are kept by code, so that a
    later correction of one of them names this report. The caller has checked the password that signs. Refuses
    `not_checked` in another state, and `blocked` while a blocking check fails, by name; whether the data still say the
    same is asked again.
    """
    refs, fresh = refs_behind(filing.run), is_as_now(filing.run, at).stored()
    filing = _locked(filing)
    if filing.state != State.CHECKED:
        raise Refusal("not_checked", f"{_version(filing)}, không ký được nữa")
    _require_newest(filing.run)
    failed = dict.fromkeys(str(row["title"]) for row in blocking([*filing.run.checks, *filing.checks, fresh]))
    if failed:
        said = f"Chưa ký được, còn {len(failed)} lỗi chặn: {'; '.join(failed)}"
        raise Refusal("blocked", said, blocked=len(failed))
    filing.state, filing.refs, filing.signed_at = State.SIGNED, refs, at
    filing.save(update_fields=["state", "refs", "signed_at"])
    return _step(filing, actor, at)


@service(action="reports.send", permission="reports.send")
def send_report(*, filing: Filing, channel: str, receipt: str, sent_at: datetime, actor: Actor, at: datetime) -> Filing:
    """Record that a signed report was sent (đã gửi): by which channel, with which receipt number or text, and when.

    Refuses `not_signed`, a missing channel or receipt, and an instant before the signature or in the future.
    """
    filing = _locked(filing)
    if filing.state != State.SIGNED:
        raise Refusal("not_signed", f"{_version(filing)}: chỉ ghi nhận gửi cho bản đã ký, chưa gửi")
    if channel not in FilingStep.Channel.values:
        raise Refusal("no_channel", "Chọn nơi, cách đã gửi", field="channel")
    if not receipt.strip():
        raise Refusal("no_receipt", "Ghi số tiếp nhận, mã giao dịch hoặc người nhận", field="receipt")
    if filing.signed_at is not None and sent_at < filing.signed_at.replace(second=0, microsecond=0):
        raise Refusal(
            "before_signature", f"Ký lúc {local(filing.signed_at):%H:%M %d/%m/%Y}, gửi phải sau đó", field="sent_at"
        )
    if sent_at > at + _CLOCKS:
        raise Refusal("in_future", "Giờ gửi còn ở phía trước", field="sent_at")
    filing.state = State.SENT
    filing.save(update_fields=["state"])
    return _step(filing, actor, at, channel=channel, receipt=receipt.strip(), sent_at=sent_at)


@service(action="reports.withdraw", permission="reports.sign")
def withdraw_report(*, filing: Filing, reason: str, actor: Actor, at: datetime) -> Filing:
    """Withdraw a report (rút báo cáo), so that another version can be filed.

    Afterwards it is in force no more, but stays with its figures, signature and receipt. Refuses without a reason, and
    what is withdrawn already.
    """
    if not reason.strip():
        raise Refusal("reason_missing", "Ghi lý do rút báo cáo", field="reason")
    filing = _locked(filing)
    if filing.state == State.WITHDRAWN:
        raise Refusal("already_withdrawn", "Báo cáo đã rút")
    return _withdraw(filing, actor, at, reason.strip())


def _withdraw(filing: Filing, actor: Actor, at: datetime, reason: str) -> Filing:
    filing.state = State.WITHDRAWN
    filing.save(update_fields=["state"])
    return _step(filing, actor, at, reason=reason)


def _step(filing: Filing, actor: Actor, at: datetime, **more: Any) -> Filing:
    FilingStep.objects.create(facility=filing.facility, filing=filing, state=filing.state, by=actor.user, at=at, **more)
    audit_facts(**_facts(filing), **{name: value for name, value in more.items() if name != "reason"})
    return filing


def _facts(filing: Filing) -> Mapping[str, Any]:
    run = filing.run
    period = f"{run.period_start:%Y-%m}"
    return {"form": run.form, "store": run.store, "period": period, "version": run.version, "sha256": run.sha256}


def _lock(run: ReportRun) -> None:
    lock_name("report", run.facility.code, run.form, run.store, run.period_start)


def _locked(filing: Filing) -> Filing:
    """The filing as it is now; nobody else files this report until the end of the transaction."""
    _lock(filing.run)
    return Filing.objects.for_facility(filing.facility).select_related("run__facility", "facility").get(pk=filing.pk)


def _in_force(run: ReportRun) -> Filing | None:
    rows = Filing.objects.for_facility(run.facility).exclude(state=State.WITHDRAWN).select_related("run__facility")
    found: Filing | None = rows.filter(**run.report).first()
    return found


def _require_newest(run: ReportRun) -> None:
    rows = ReportRun.of(run.facility, run.form, run.period, run.store).filter(version__gt=run.version)
    if newer := rows.order_by("-version").values_list("version", flat=True).first():
        raise Refusal("not_newest", f"Đã có bản {newer} mới hơn bản {run.version}, hãy mở bản mới")


def _version(filing: Filing) -> str:
    number = load_version(filing.form, filing.run.values["definition"])["number"]
    return f"{number} bản {filing.run.version} {filing.get_state_display().lower()}"
