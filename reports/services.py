"""What is done with stored reports: their files are handed out, and the audit says to whom."""

from datetime import datetime

from his.accounts.actor import Actor
from his.core.errors import NotFound, Refusal
from his.service import audit_facts, service
from reports.checks import blocking
from reports.export import EXPORTERS, export
from reports.models import ReportRun


@service(action="reports.export", permission="reports.view")
def export_report(*, run: ReportRun, kind: str, actor: Actor, at: datetime) -> bytes:
    """The file of a stored report (xuất báo cáo): xlsx, pdf or xml; the same report gives the same bytes.

    Afterwards the audit names who took which version. Failed checks do not stop it, but the audit counts them. The XML
    is refused while a blocking check fails: it is what the insurer would be sent.
    """
    if kind not in EXPORTERS:
        raise NotFound("Không có định dạng này")
    blocked = len(blocking(run.checks))
    if kind == "xml" and blocked:
        raise Refusal("blocked", f"Biểu còn {blocked} lỗi chặn, chưa xuất được XML để gửi", blocked=blocked)
    audit_facts(form=run.form, version=run.version, kind=kind, sha256=run.sha256, blocked=blocked)
    return export(run, kind)
