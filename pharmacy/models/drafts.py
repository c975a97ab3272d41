"""Drafts of stock documents: half-filled papers that move no stock, until somebody with the right posts them."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from pharmacy.models.details import DetailFields
from pharmacy.models.documents import StockDocument
from pharmacy.models.requests import StockRequest
from pharmacy.models.stock import Lot
from pharmacy.models.stores import Store

Kind = StockDocument.Kind

DRAFTED = (
    Kind.RECEIPT,
    Kind.TRANSFER,
    Kind.SHIPMENT,
    Kind.ARRIVAL,
    Kind.SUPPLIER_RETURN,
    Kind.LOSS,
    Kind.DESTRUCTION,
    Kind.OPENING,
)
"""Kinds that begin as drafts; the others are written by the dispensing desk, the stock-take and reversals."""


class StockDraft(FacilityModel, DetailFields):
    """A stock document being prepared (phiếu nháp). Posting makes the immutable document; a discarded draft stays."""

    class State(models.TextChoices):
        OPEN = "open", "Nháp"
        POSTED = "posted", "Đã ghi sổ"
        DISCARDED = "discarded", "Đã bỏ"

    kind = models.CharField(max_length=20, choices=[(kind.value, kind.label) for kind in DRAFTED])
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    store = models.ForeignKey(Store, null=True, blank=True, on_delete=models.PROTECT, related_name="drafts")
    target_store = models.ForeignKey(Store, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    origin = models.ForeignKey(StockDocument, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(StockRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="drafts")
    supplier = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField()
    updated_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    document = models.OneToOneField(
        StockDocument, null=True, blank=True, on_delete=models.PROTECT, related_name="draft"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="posted", document__isnull=False) | (~Q(state="posted") & Q(document__isnull=True)),
                name="posted_draft_has_document",
            )
        ]
        indexes = [models.Index(fields=["facility", "state", "updated_at"], name="stock_draft_state")]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    @property
    def origin_is_shipment(self) -> bool:
        """Whether the draft is about goods on their way: its store is that of the shipment."""
        return self.origin is not None and self.origin.kind == Kind.SHIPMENT


class StockDraftLine(FacilityModel):
    """One line of a draft, as far as it is known. Goods that come in name a drug, what goes out names a lot; `typed`
    is what stands in the search box while nothing is chosen."""

    draft = models.ForeignKey(StockDraft, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    drug = models.ForeignKey("his.Drug", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    typed = models.CharField(max_length=255, blank=True)
    lot_number = models.CharField(max_length=100, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    unit_cost = models.DecimalField(max_digits=15, decimal_places=3, null=True, blank=True)
    invoice_quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    registration_no = models.CharField(max_length=255, blank=True)
    bid_info = models.CharField(max_length=255, blank=True)
    lot_reason = models.CharField("lý do chọn lô", max_length=255, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["draft", "position"], name="draft_line_position")]
