"""Posted stock documents and their lines: what the ledger's movements rest on."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from pharmacy.models.stock import Lot
from pharmacy.models.stores import Store


class StockDocument(FacilityModel):
    """A posted stock document (phiếu nhập, phiếu xuất). It is reversed by another document, never deleted.

    `origin` is the document that this one answers: the shipment that arrived, the dispense that a patient brings back,
    the receipt whose goods go back to the supplier.
    """

    class Kind(models.TextChoices):
        OPENING = "opening", "Phiếu tồn đầu kỳ"
        RECEIPT = "receipt", "Phiếu nhập kho"
        TRANSFER = "transfer", "Phiếu chuyển kho"
        SHIPMENT = "shipment", "Phiếu xuất chuyển kho"
        ARRIVAL = "arrival", "Phiếu nhận chuyển kho"
        DISPENSE = "dispense", "Phiếu cấp phát"
        PATIENT_RETURN = "patient_return", "Phiếu trả lại thuốc"
        SUPPLIER_RETURN = "supplier_return", "Phiếu xuất trả nhà cung cấp"
        LOSS = "loss", "Phiếu hao hụt"
        DESTRUCTION = "destruction", "Phiếu hủy thuốc"
        COUNT_UP = "count_up", "Phiếu nhập thừa kiểm kê"
        COUNT_DOWN = "count_down", "Phiếu xuất thiếu kiểm kê"
        REVERSAL = "reversal", "Phiếu hủy chứng từ"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    number = models.CharField(max_length=30)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="documents")
    target_store = models.ForeignKey(Store, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    origin = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="answers")
    reference = models.CharField("số hóa đơn, chứng từ", max_length=100, blank=True)
    supplier = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    posted_at = models.DateTimeField()
    posted_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "number"], name="stock_document_number"),
            models.CheckConstraint(
                condition=Q(kind="reversal", reverses__isnull=False) | (~Q(kind="reversal") & Q(reverses__isnull=True)),
                name="reversal_names_document",
            ),
        ]
        indexes = [models.Index(fields=["facility", "posted_at"], name="stock_document_time")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class StockDocumentLine(FacilityModel):
    """One lot and quantity of a document; the quantity is always positive."""

    document = models.ForeignKey(StockDocument, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["document", "position"], name="stock_line_position"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="stock_quantity_positive"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
