"""Letting a finding pass with a reason, for one claim or for all claims of a month with the same cause."""

from dataclasses import dataclass
from datetime import date, datetime

from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.service import audit_facts, service
from insurance.claims.causes import Cause, open_findings
from insurance.claims.findings import settle
from insurance.locks import lock_claims
from insurance.models import Claim, Finding, FindingWaiver

REASON_MIN = 5
"""Characters of a reason that another person can follow."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why a finding is let pass: a code of `FindingWaiver.Reason` and words."""

    code: str
    text: str


@service(action="claims.waive_finding", permission="claims.waive")
def waive_finding(*, finding: Finding, grounds: Grounds, actor: Actor, at: datetime) -> FindingWaiver:
    """Let one finding of a current claim pass (bỏ qua lỗi): it no longer blocks, and stays waived while its key is
    the same.

    Refuses `no_reason`, `not_current` for a version that was replaced, and `already_waived`.
    """
    lock_claims(actor.facility)
    reason = _checked(grounds)
    finding = Finding.objects.select_related("claim").get(pk=finding.pk)
    if not finding.claim.is_current:
        raise Refusal("not_current", "Hồ sơ đã được lập lại, hãy xem bản mới")
    if finding.waiver_id is not None:
        raise Refusal("already_waived", "Lỗi này đã được bỏ qua")
    (waiver,) = _waive([finding], grounds.code, reason, actor, at)
    audit_facts(claim_code=waiver.claim_code, rule=waiver.rule, reason_code=waiver.reason_code)
    return waiver


@service(action="claims.waive_cause", permission="claims.waive")
def waive_cause(*, month: date, cause: Cause, grounds: Grounds, expected: int, actor: Actor, at: datetime) -> int:
    """Let all open findings of one cause in the claims of a month pass, with one reason; how many they were.

    `expected` is the number that the person saw. Refuses `no_reason`, and `changed` when there are now more or fewer.
    """
    lock_claims(actor.facility)
    reason = _checked(grounds)
    rows = list(open_findings(actor.facility, month, cause).select_related("claim").order_by("pk"))
    if len(rows) != expected or not rows:
        raise Refusal(
            "changed", f"Nay có {len(rows)} lỗi, không phải {expected} như đã xem; hãy xem lại", now=len(rows)
        )
    _waive(rows, grounds.code, reason, actor, at)
    audit_facts(month=month.strftime("%Y-%m"), rule=cause.rule, reason_code=grounds.code, findings=len(rows))
    return len(rows)


@service(action="claims.revoke_waiver", permission="claims.waive")
def revoke_waiver(*, waiver: FindingWaiver, actor: Actor, at: datetime) -> FindingWaiver:
    """Take a waiver back (thôi bỏ qua): the finding counts again. The waiver stays on record. Refuses a second time."""
    lock_claims(actor.facility)
    waiver = FindingWaiver.objects.get(pk=waiver.pk)
    if waiver.revoked_at is not None:
        raise Refusal("already_revoked", "Đã thôi bỏ qua lỗi này rồi")
    waiver.revoked_at, waiver.revoked_by = at, actor.user
    waiver.save(update_fields=["revoked_at", "revoked_by"])
    claims = list(Claim.objects.filter(findings__waiver=waiver, is_current=True).only("facility", "state"))
    Finding.objects.filter(waiver=waiver, claim__is_current=True).update(waiver=None)
    settle(claims)
    audit_facts(claim_code=waiver.claim_code, rule=waiver.rule)
    return waiver


def _checked(grounds: Grounds) -> str:
    if grounds.code not in FindingWaiver.Reason.values:
        raise Refusal("no_reason", "Hãy chọn lý do", field="code")
    text = " ".join(grounds.text.split())
    if len(text) < REASON_MIN:
        raise Refusal("no_reason", "Hãy ghi rõ lý do để người sau hiểu được", field="text")
    return text[:500]


def _waive(findings: list[Finding], code: str, reason: str, actor: Actor, at: datetime) -> list[FindingWaiver]:
    waivers = [
        FindingWaiver(
            facility_id=finding.facility_id,
            visit_id=finding.claim.visit_id,
            claim_code=finding.claim.claim_code,
            key=finding.key,
            rule=finding.rule,
            table=finding.table,
            field=finding.field,
            reason_code=code,
            reason=reason,
            at=at,
            by=actor.user,
        )
        for finding in findings
    ]
    FindingWaiver.objects.bulk_create(waivers, batch_size=2000)
    for finding, waiver in zip(findings, waivers, strict=True):
        finding.waiver = waiver
    Finding.objects.bulk_update(findings, ["waiver"], batch_size=2000)
    settle(list({finding.claim_id: finding.claim for finding in findings}.values()))
    return waivers
