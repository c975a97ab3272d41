"""What is done with reports: files are handed out, numbers are held against each other; the audit says by whom."""

from datetime import date, datetime

from his.accounts.actor import Actor
from his.core.errors import NotFound, Refusal
from his.service import audit_facts, service
from reports.checks import blocking
from reports.definition import load_version
from reports.export import export, kinds_of
from reports.models import Reconciliation, ReportRun
from reports.reconcile import reconcile


@service(action="reports.export", permission="reports.view")
def export_report(*, run: ReportRun, kind: str, actor: Actor, at: datetime) -> bytes:
    """The file of a stored report (xuất báo cáo): xlsx, pdf or xml; the same report gives the same bytes.

    Afterwards the audit names who took which version. Failed checks do not stop it, but the audit counts them. The XML
    is refused while a blocking check fails: it is what the insurer would be sent.
    """
    if kind not in kinds_of(load_version(run.form, run.values["definition"])):
        raise NotFound("Không có định dạng này")
    blocked = len(blocking(run.checks))
    if kind == "xml" and blocked:
        raise Refusal("blocked", f"Biểu còn {blocked} lỗi chặn, chưa xuất được XML để gửi", blocked=blocked)
    audit_facts(form=run.form, version=run.version, kind=kind, sha256=run.sha256, blocked=blocked)
    return export(run, kind)


KEPT = 200
"""Differences that are kept of one check; the count tells how many there were."""


@service(action="reports.reconcile", permission="reports.run")
def run_reconciliation(*, month: date, actor: Actor, at: datetime) -> Reconciliation:
    """Hold all numbers of a claim month of the actor's facility against each other and keep the result (đối chiếu)."""
    checks = reconcile(actor.facility, month.replace(day=1))
    found = sum(len(check.differences) for check in checks)
    audit_facts(month=f"{month:%Y-%m}", differences=found)
    return Reconciliation.objects.create(
        facility=actor.facility,
        month=month.replace(day=1),
        checks=[
            {
                "name": check.name,
                "title": check.title,
                "compared": check.compared,
                "count": len(check.differences),
                "differences": [{"ref": row.ref, "what": row.what} for row in check.differences[:KEPT]],
            }
            for check in checks
        ],
        difference_count=found,
        run_at=at,
        run_by=actor.user,
    )
