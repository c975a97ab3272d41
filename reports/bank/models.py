"""Statements of the bank, their lines of money that came in, and which paper each line is."""

import pgtrigger
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Upper

from his.core.models import FacilityModel
from insurance.models.billing import MONEY

APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class BankStatement(FacilityModel):
    """A file of the bank (sao kê) that was taken in, each once. `skipped` lines had no money that came in, `known` ones
    were there already."""

    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    skipped = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "sha256"], name="bank_statement_once")]
        triggers = [APPEND_ONLY]


class BankLine(FacilityModel):
    """Money that came in: what the bank says, never changed. A reference is there once with its day and amount, however
    it was spaced; banks use one again on another day."""

    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    day = models.DateField()
    reference = models.CharField("mã giao dịch", max_length=50)
    key = models.GeneratedField(
        expression=Upper(Func(F("reference"), Value("[^A-Za-z0-9]"), Value(""), Value("g"), function="REGEXP_REPLACE")),
        output_field=models.CharField(max_length=50),
        db_persist=True,
    )
    """The reference as `reports.bank.matching.letters` makes it plain."""
    content = models.CharField("nội dung", max_length=500, blank=True)
    amount = models.DecimalField(**MONEY)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "key", "day", "amount"], name="bank_line_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="bank_line_positive"),
            models.CheckConstraint(condition=~Q(reference=""), name="bank_line_reference"),
        ]
        indexes = [models.Index(fields=["facility", "day"], name="bank_line_day")]
        triggers = [APPEND_ONLY]


class BankMatch(FacilityModel):
    """A line of the bank and the paper that it stands for. Taken back, never removed. `reason` says why the amounts
    may differ; only a match by hand has one."""

    line = models.ForeignKey(BankLine, on_delete=models.PROTECT, related_name="matches")
    entry = models.ForeignKey("insurance.CashEntry", on_delete=models.PROTECT, related_name="bank_matches")
    is_automatic = models.BooleanField()
    reason = models.CharField("lý do lệch", max_length=500, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(undone_at__isnull=True), name="bank_match_line"),
            models.UniqueConstraint(fields=["entry"], condition=Q(undone_at__isnull=True), name="bank_match_entry"),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True, undone_by__isnull=True)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
                name="bank_match_undone",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="reason_of_difference",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NEW.reason = '' AND (SELECT amount FROM reports_bankline WHERE id = NEW.line_id)
                        <> (SELECT amount FROM insurance_cashentry WHERE id = NEW.entry_id) THEN
                        RAISE EXCEPTION 'a match of two amounts has no reason';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="only_undone",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' OR OLD.undone_at IS NOT NULL
                        OR to_jsonb(NEW) - ARRAY['undone_at', 'undone_by_id']
                        <> to_jsonb(OLD) - ARRAY['undone_at', 'undone_by_id'] THEN
                        RAISE EXCEPTION 'a match is only taken back';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
