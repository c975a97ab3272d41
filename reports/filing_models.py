"""What became of a report: checked, signed, sent, withdrawn; and duties that are ticked off or given to somebody."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel

_RUN_NEVER_CHANGES = """
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'checks' <> to_jsonb(OLD) - 'checks' THEN
        RAISE EXCEPTION 'a report never changes';
    END IF;
    IF EXISTS (SELECT 1 FROM reports_filing f WHERE f.run_id = OLD.id AND f.signed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a signed report is frozen';
    END IF;
    RETURN COALESCE(NEW, OLD);
"""

RUN_TRIGGER = pgtrigger.Trigger(
    name="signed_is_frozen",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=_RUN_NEVER_CHANGES,
)
"""Of a report nothing but its checks can change, and nothing at all once it was signed."""

_MOVES_ON = """
    IF TG_OP = 'DELETE' OR (OLD.state, NEW.state) NOT IN (
        ('checked', 'checked'), ('checked', 'signed'), ('checked', 'withdrawn'),
        ('signed', 'sent'), ('signed', 'withdrawn'), ('sent', 'withdrawn')
    ) OR (OLD.state <> 'checked' AND to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state') THEN
        RAISE EXCEPTION 'a filing only moves on';
    END IF;
    RETURN NEW;
"""


class Filing(FacilityModel):
    """One version of a report on its way to the authority (nộp báo cáo).

    Without one a version is a draft. One filing of a report is in force at a time; a withdrawn one stays, and the next
    is a supplement (báo cáo bổ sung) when the former had been sent. `refs` are the claim codes behind its figures.
    """

    class State(models.TextChoices):
        CHECKED = "checked", "Đã kiểm tra"
        SIGNED = "signed", "Đã ký"
        SENT = "sent", "Đã gửi"
        WITHDRAWN = "withdrawn", "Đã rút"

    run = models.ForeignKey("reports.ReportRun", on_delete=models.PROTECT, related_name="filings")
    form = models.CharField(max_length=30)
    store = models.CharField(max_length=20, blank=True)
    period_start = models.DateField()
    period_end = models.DateField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKED)
    supplement = models.PositiveIntegerField(default=0)
    checks = models.JSONField(default=list)
    refs = ArrayField(models.CharField(max_length=100), default=list)
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [GinIndex(fields=["refs"], name="filing_refs")]
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "form", "store", "period_start", "period_end"],
                condition=~Q(state="withdrawn"),
                name="filing_one_in_force",
            ),
            models.CheckConstraint(
                condition=Q(state="withdrawn")
                | Q(state="checked", signed_at__isnull=True)
                | Q(state__in=["signed", "sent"], signed_at__isnull=False),
                name="filing_signed_at",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="moves_on",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=_MOVES_ON,
            )
        ]

    @property
    def is_filed(self) -> bool:
        """Whether somebody answers for it: signed or sent, and not withdrawn."""
        return self.state in {self.State.SIGNED, self.State.SENT}


class FilingStep(FacilityModel):
    """One step of a filing: who and when; of sending channel, receipt and instant, of withdrawing the reason."""

    class Channel(models.TextChoices):
        BHXH_PORTAL = "bhxh_portal", "Cổng giám định BHXH"
        MOH_SYSTEM = "moh_system", "Hệ thống báo cáo của Bộ Y tế, Sở Y tế"
        CDC_SYSTEM = "cdc_system", "Hệ thống giám sát bệnh của CDC"
        AXIS = "axis", "Trục văn bản, thư điện tử công vụ"
        PAPER = "paper", "Bản giấy"

    filing = models.ForeignKey(Filing, on_delete=models.PROTECT, related_name="steps")
    state = models.CharField(max_length=10, choices=Filing.State.choices)
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    channel = models.CharField(max_length=20, choices=Channel.choices, blank=True)
    receipt = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sent", channel__gt="", receipt__gt="", sent_at__isnull=False)
                | (~Q(state="sent") & Q(channel="", receipt="", sent_at__isnull=True)),
                name="filing_step_sent",
            ),
            models.CheckConstraint(
                condition=Q(state="withdrawn", reason__gt="") | (~Q(state="withdrawn") & Q(reason="")),
                name="filing_step_reason",
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class DutyTick(FacilityModel):
    """A duty without a report in the product that somebody says was done, on a day, with a note; never changed but to
    be taken back."""

    duty = models.CharField(max_length=30)
    period_start = models.DateField()
    done_on = models.DateField()
    note = models.CharField(max_length=500)
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    taken_back_at = models.DateTimeField(null=True, blank=True)
    taken_back_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "duty", "period_start"],
                condition=Q(taken_back_at__isnull=True),
                name="duty_tick_once",
            ),
            models.CheckConstraint(
                condition=Q(taken_back_at__isnull=True, taken_back_by__isnull=True)
                | Q(taken_back_at__isnull=False, taken_back_by__isnull=False),
                name="duty_tick_taken_back",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="only_taken_back",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' OR OLD.taken_back_at IS NOT NULL
                        OR to_jsonb(NEW) - ARRAY['taken_back_at', 'taken_back_by_id']
                        <> to_jsonb(OLD) - ARRAY['taken_back_at', 'taken_back_by_id'] THEN
                        RAISE EXCEPTION 'a tick is only taken back';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]


class DutyOwner(FacilityModel):
    """Who answers for a duty at a facility: a role, or one person; without a row the role that the data name."""

    duty = models.CharField(max_length=30)
    role = models.CharField(max_length=30, blank=True)
    user = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "duty"], name="duty_owner_once"),
            models.CheckConstraint(
                condition=Q(role="", user__isnull=False) | (Q(role__gt="") & Q(user__isnull=True)),
                name="duty_owner_one",
            ),
        ]
