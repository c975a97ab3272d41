"""Requests between stores of a facility (phiếu lĩnh, dự trù nội bộ): what is asked, what is approved."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel
from pharmacy.models.stores import Store


class StockRequest(FacilityModel):
    """A cabinet, dispensary or commune store asks another store for drugs (phiếu lĩnh, 01D of TT 23/2011/TT-BYT).

    What was shipped and received is read from the documents that answer it (`pharmacy.queries_documents`).
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Nháp"
        SENT = "sent", "Chờ duyệt"
        APPROVED = "approved", "Đã duyệt"
        REFUSED = "refused", "Từ chối"
        WITHDRAWN = "withdrawn", "Đã rút"
        CLOSED = "closed", "Đã kết thúc"

    number = models.CharField(max_length=30)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="requests")
    source_store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decision_note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "number"], name="stock_request_number"),
            models.CheckConstraint(condition=~Q(store=F("source_store")), name="request_other_store"),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "refused", "closed"]) | Q(decided_by__isnull=False),
                name="request_decided_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["facility", "state"], name="stock_request_state")]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.number


class OwnApprovalRule(FacilityModel):
    """What the head of the facility decided about approving one's own request (tự duyệt phiếu lĩnh); the latest holds.

    Without any, nobody does. A station where one person keeps all stores cannot do otherwise.
    """

    is_allowed = models.BooleanField("được tự duyệt")
    reason = models.CharField("lý do", max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="own_approval_has_reason")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class StockRequestLine(FacilityModel):
    """One drug of a request, in its units. `approved_qty` is empty until somebody decided."""

    request = models.ForeignKey(StockRequest, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    drug = models.ForeignKey("his.Drug", on_delete=models.PROTECT, related_name="+")
    asked_qty = models.DecimalField(max_digits=14, decimal_places=3)
    approved_qty = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    note = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["request", "drug"], name="request_drug_once"),
            models.CheckConstraint(condition=Q(asked_qty__gt=0), name="request_quantity_positive"),
            models.CheckConstraint(
                condition=Q(approved_qty__isnull=True) | Q(approved_qty__gte=0, approved_qty__lte=F("asked_qty")),
                name="approved_within_asked",
            ),
        ]
