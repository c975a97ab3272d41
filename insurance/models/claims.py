"""Claims: one claim code, many versions, each with the documents that were built and what was found in them."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from insurance.models.billing import BenefitResult


class ClaimLayout(models.Model):
    """The tables and tags of the documents of claims (`insurance.standards.Layout`), each layout once."""

    digest = models.CharField(max_length=64, unique=True)
    standard = models.CharField(max_length=20)
    content = models.JSONField()

    class Meta:
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.standard} {self.digest[:8]}"


class Claim(FacilityModel):
    """One built version of the claim of a visit (hồ sơ đề nghị thanh toán).

    `body` holds the documents of all tables as `layout` joins them; with `made_on` (NGAYLAP) they give the file whose
    SHA-256 is `sha256`. The prints and `data_version` say what it was built from, and `SourceChange` what of it changed
    since (`insurance.claims.fresh`).
    """

    class State(models.TextChoices):
        CLEAN = "clean", "Sạch"
        FINDINGS = "findings", "Có lỗi"
        EXPORTED = "exported", "Đã xuất"
        SUPERSEDED = "superseded", "Đã thay thế"

    visit = models.ForeignKey("patients.Visit", on_delete=models.PROTECT, related_name="claims")
    result = models.ForeignKey(BenefitResult, on_delete=models.PROTECT, related_name="claims")
    claim_code = models.CharField(max_length=30)
    version = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    standard = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=State.choices)
    layout = models.ForeignKey(ClaimLayout, on_delete=models.PROTECT, related_name="+")
    made_on = models.DateField()
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    record_print = models.CharField(max_length=40, blank=True)
    named_print = models.CharField(max_length=40, blank=True)
    catalogs_print = models.CharField(max_length=40, blank=True)
    data_version = models.CharField(max_length=90, blank=True)
    row_counts = models.JSONField(default=dict)
    built_at = models.DateTimeField()
    built_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    exported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visit", "version"], name="claim_version"),
            models.UniqueConstraint(fields=["visit"], condition=Q(is_current=True), name="claim_current"),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]


class SourceChange(models.Model):
    """A transaction that wrote rows of a visit which its claim is built from, not yet read by a build.

    Triggers write it in that same transaction, and building takes it away. The key has the transaction, so that no two
    of them ever wait for each other here. No foreign key: it would lock the visit.
    """

    pk = models.CompositePrimaryKey("visit_id", "transaction_id")
    visit_id = models.BigIntegerField()
    transaction_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.visit_id} {self.transaction_id}"
