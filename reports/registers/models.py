"""Registers: the lines that are written, what stood in them before, and what was printed of any register."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel

_NEXT_VERSION_KEEPS_THE_LAST = """
    IF OLD.cancelled_at IS NOT NULL THEN
        RAISE EXCEPTION 'a cancelled line of a register is frozen';
    END IF;
    IF to_jsonb(NEW) - ARRAY['definition', 'entered_on', 'patient_id', 'visit_id', 'values', 'search_text', 'version',
            'written_at', 'written_by_id', 'cancelled_at', 'cancelled_by_id', 'cancel_reason']
        <> to_jsonb(OLD) - ARRAY['definition', 'entered_on', 'patient_id', 'visit_id', 'values', 'search_text',
            'version', 'written_at', 'written_by_id', 'cancelled_at', 'cancelled_by_id', 'cancel_reason'] THEN
        RAISE EXCEPTION 'number and register of a line never change';
    END IF;
    IF (NEW.values, NEW.entered_on, NEW.patient_id, NEW.visit_id, NEW.version)
        IS DISTINCT FROM (OLD.values, OLD.entered_on, OLD.patient_id, OLD.visit_id, OLD.version) AND (
        NEW.version <> OLD.version + 1 OR NOT EXISTS (
            SELECT 1 FROM reports_registerearlier e WHERE e.entry_id = OLD.id AND e.version = OLD.version
            AND (e.values, e.entered_on) = (OLD.values, OLD.entered_on)
            AND (e.patient_id, e.visit_id) IS NOT DISTINCT FROM (OLD.patient_id, OLD.visit_id))) THEN
        RAISE EXCEPTION 'a line of a register is corrected by a next version, and the last one is kept';
    END IF;
    RETURN NEW;
"""


class RegisterEntry(FacilityModel):
    """One line of a register that is written at the desk, as it stands now (dòng sổ).

    `number` counts from 1 in the year of its day, without gaps; a cancelled line keeps it. `values` holds the cells by
    column (`reports.registers.values`), `definition` the version of the register by which they are read.
    """

    register = models.CharField(max_length=20)
    definition = models.CharField(max_length=10)
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    entered_on = models.DateField("ngày ghi sổ")
    patient = models.ForeignKey("patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    visit = models.ForeignKey("patients.Visit", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    values = models.JSONField()
    search_text = models.CharField(max_length=2000, blank=True)
    version = models.PositiveIntegerField(default=1)
    written_at = models.DateTimeField()
    written_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField("hủy lúc", null=True, blank=True)
    cancelled_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    cancel_reason = models.CharField("lý do hủy", max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "register", "year", "number"], name="register_number"),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | (Q(cancelled_by__isnull=False) & ~Q(cancel_reason="")),
                name="register_cancelled_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "register", "entered_on", "number"], name="register_day"),
            models.Index(fields=["facility", "visit"], name="register_visit"),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="next_version_keeps_the_last",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=_NEXT_VERSION_KEEPS_THE_LAST,
            ),
        ]

    @property
    def title(self) -> str:
        """What a list shows of the line: its person, or the first cell."""
        values: dict[str, str] = self.values
        return values.get("full_name") or next((text for text in values.values() if text), "")


class RegisterEarlier(FacilityModel):
    """What stood in a line before it was corrected, who wrote it, and why it was corrected (bản trước của dòng sổ)."""

    entry = models.ForeignKey(RegisterEntry, on_delete=models.PROTECT, related_name="earlier")
    version = models.PositiveIntegerField()
    definition = models.CharField(max_length=10)
    entered_on = models.DateField()
    patient = models.ForeignKey("patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    visit = models.ForeignKey("patients.Visit", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    values = models.JSONField()
    written_at = models.DateTimeField()
    written_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField("lý do sửa", max_length=500)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["entry", "version"], name="register_earlier_version")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class RegisterPrint(FacilityModel):
    """One print of the days of a register (lần in sổ)."""

    register = models.CharField(max_length=20)
    start = models.DateField()
    end = models.DateField()
    paper = models.CharField(max_length=2)
    line_count = models.PositiveIntegerField()
    printed_at = models.DateTimeField()
    printed_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["facility", "register", "-printed_at"], name="register_print_latest")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class PrintedLine(FacilityModel):
    """A line as it was printed for the first time: a line that says something else today has the mark of a change."""

    first_print = models.ForeignKey(RegisterPrint, on_delete=models.PROTECT, related_name="lines")
    register = models.CharField(max_length=20)
    ref = models.CharField(max_length=40)
    digest = models.CharField(max_length=16)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "register", "ref"], name="register_printed_line")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class RegisterSetting(FacilityModel):
    """From when the lines of a register are numbered anew at a facility: each year or each month."""

    register = models.CharField(max_length=20)
    numbering = models.CharField(max_length=5, choices=[("year", "Theo năm"), ("month", "Theo tháng")])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "register"], name="register_setting")]
