"""What was found in claims: findings, waivers of them, checks of a whole month, records that could not be built."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from insurance.models.claims import Claim
from patients.notices import Severity as DeskSeverity


class FindingWaiver(FacilityModel):
    """A finding that was looked at and let pass, by whom and why (bỏ qua lỗi có lý do).

    It belongs to the claim code and the key of the finding, so it holds for every later version in which the same
    value stands at the same thing. Only the revocation is ever written into it afterwards.
    """

    class Reason(models.TextChoices):
        CORRECT = "correct", "Đã đối chiếu bệnh án: số liệu đúng thực tế"
        AGREED = "agreed", "Đã thống nhất với cơ quan BHXH"
        CLINICAL = "clinical", "Chỉ định chuyên môn có cơ sở, đã ghi trong bệnh án"
        CATALOG = "catalog", "Danh mục tại cơ sở chưa cập nhật"
        OTHER = "other", "Lý do khác"

    visit = models.ForeignKey("patients.Visit", on_delete=models.PROTECT, related_name="finding_waivers")
    claim_code = models.CharField(max_length=30)
    key = models.CharField(max_length=64)
    rule = models.CharField(max_length=60)
    table = models.CharField(max_length=12)
    field = models.CharField(max_length=40, blank=True)
    reason_code = models.CharField(max_length=10, choices=Reason.choices)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey("his.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "claim_code", "key"], condition=Q(revoked_at__isnull=True), name="waiver_once"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="waiver_revoked_by_someone",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="only_revoked", exclude=["revoked_at", "revoked_by"]),
            pgtrigger.Protect(
                name="revoked_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__revoked_at__isnull=False)
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]


class Finding(FacilityModel):
    """One thing found in a claim version; `key` stays the same as long as the same value stands at the same thing.

    `is_shared` findings come from the check over all claims of the month. A finding with a waiver blocks nothing.
    """

    class Severity(models.TextChoices):
        BLOCKING = "blocking", DeskSeverity.BLOCKING.word
        WARNING = "warning", DeskSeverity.WARNING.word
        INFO = "info", DeskSeverity.INFO.word

    claim = models.ForeignKey(Claim, on_delete=models.CASCADE, related_name="findings")
    key = models.CharField(max_length=64)
    rule = models.CharField(max_length=60)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    table = models.CharField(max_length=12)
    row = models.PositiveIntegerField(null=True, blank=True)
    field = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=500)
    value = models.CharField(max_length=255, blank=True)
    fix = models.CharField(max_length=500, blank=True)
    law = models.CharField(max_length=255, blank=True)
    is_shared = models.BooleanField(default=False)
    waiver = models.ForeignKey(FindingWaiver, on_delete=models.PROTECT, null=True, blank=True, related_name="findings")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["claim", "key"], name="finding_once")]
        indexes = [
            models.Index(fields=["claim"], name="finding_claim"),
            models.Index(fields=["facility", "rule", "table", "field"], name="finding_cause"),
        ]


class BuildFailure(FacilityModel):
    """A closed visit whose claim could not be built when it was last tried, and why."""

    visit = models.OneToOneField("patients.Visit", on_delete=models.PROTECT, related_name="build_failure")
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()


class MonthCheck(FacilityModel):
    """How far the claims of a month are checked: `cannot_run` lists rules that could not be asked when they were last
    built (rule, title, need); `shared_at` is when they were last compared with each other, None when never."""

    month = models.DateField()
    cannot_run = models.JSONField(default=list)
    checked_at = models.DateTimeField()
    shared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "month"], name="month_check_once")]


class ClaimJob(FacilityModel):
    """Work on a whole month that outlasts a request: building all claims, or exporting them.

    `done` of `total` visits are through; `seen_at` says that the work is alive; `result` is what it came to.
    """

    class Kind(models.TextChoices):
        BUILD = "build", "Lập hồ sơ"
        EXPORT = "export", "Xuất hồ sơ"

    class State(models.TextChoices):
        RUNNING = "running", "Đang chạy"
        DONE = "done", "Xong"
        FAILED = "failed", "Không xong"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    month = models.DateField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)
    result = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "month"], condition=Q(state="running"), name="claim_job_one_at_a_time"
            )
        ]
