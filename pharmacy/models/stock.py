"""Stores, lots, balances, documents and the append-only ledger of stock movements."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel


class Store(FacilityModel):
    """A place that holds stock (kho, tủ trực)."""

    class Kind(models.TextChoices):
        MAIN = "main", "Kho chính"
        DISPENSARY = "dispensary", "Kho cấp phát ngoại trú"
        CABINET = "cabinet", "Tủ trực"

    code = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "code"], name="store_code")]

    def __str__(self) -> str:
        return self.name


class Lot(FacilityModel):
    """A lot of a drug with its expiry and purchase price (lô). `unit_cost` is đồng a unit."""

    drug = models.ForeignKey("his.Drug", on_delete=models.PROTECT, related_name="lots")
    number = models.CharField("số lô", max_length=100)
    expires_on = models.DateField("hạn dùng")
    unit_cost = models.DecimalField(max_digits=15, decimal_places=3)
    supplier = models.CharField(max_length=255, blank=True)
    is_blocked = models.BooleanField("tạm khóa", default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "drug", "number", "expires_on"], name="lot_once"),
            models.CheckConstraint(condition=Q(unit_cost__gte=0), name="lot_cost_positive"),
        ]
        indexes = [models.Index(fields=["facility", "expires_on"], name="lot_expiry")]

    def __str__(self) -> str:
        return self.number


class LotBalance(FacilityModel):
    """What one store holds of one lot. Only `pharmacy.services.ledger` writes it."""

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="balances")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="balances")
    on_hand = models.DecimalField(max_digits=14, decimal_places=3, default=0)
    reserved = models.DecimalField(max_digits=14, decimal_places=3, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "lot"], name="balance_once"),
            models.CheckConstraint(
                condition=Q(on_hand__gte=0) & Q(reserved__gte=0) & Q(reserved__lte=F("on_hand")),
                name="balance_not_negative",
            ),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]


class MovementKind(models.TextChoices):
    """What moves stock. The sign belongs to the kind: see `SIGNS`."""

    RECEIPT = "receipt", "Nhập kho"
    DISPENSE = "dispense", "Cấp phát"
    TRANSFER_OUT = "transfer_out", "Chuyển kho đi"
    TRANSFER_IN = "transfer_in", "Chuyển kho đến"
    LOSS = "loss", "Hao hụt, hủy"
    COUNT_UP = "count_up", "Kiểm kê thừa"
    COUNT_DOWN = "count_down", "Kiểm kê thiếu"


SIGNS = {
    MovementKind.RECEIPT: 1,
    MovementKind.DISPENSE: -1,
    MovementKind.TRANSFER_OUT: -1,
    MovementKind.TRANSFER_IN: 1,
    MovementKind.LOSS: -1,
    MovementKind.COUNT_UP: 1,
    MovementKind.COUNT_DOWN: -1,
}


class StockDocument(FacilityModel):
    """A posted stock document (phiếu nhập, phiếu xuất). It is reversed by another document, never deleted."""

    class Kind(models.TextChoices):
        RECEIPT = "receipt", "Phiếu nhập kho"
        DISPENSE = "dispense", "Phiếu cấp phát"
        TRANSFER = "transfer", "Phiếu chuyển kho"
        LOSS = "loss", "Phiếu hao hụt, hủy"
        REVERSAL = "reversal", "Phiếu hủy chứng từ"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    number = models.CharField(max_length=30)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="documents")
    target_store = models.ForeignKey(Store, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
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


class StockMovement(FacilityModel):
    """One entry of the ledger: `quantity` is signed, plus into the store."""

    line = models.ForeignKey(StockDocumentLine, on_delete=models.PROTECT, related_name="movements")
    kind = models.CharField(max_length=20, choices=MovementKind.choices)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="movements")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="movements")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "store", "kind"], name="movement_once"),
            models.CheckConstraint(condition=~Q(quantity=0), name="movement_not_zero"),
        ]
        indexes = [models.Index(fields=["store", "lot", "at"], name="movement_card")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class Dispense(FacilityModel):
    """A prescription handed out from one store (cấp phát). At most one that is not reversed."""

    prescription = models.ForeignKey("patients.Prescription", on_delete=models.PROTECT, related_name="dispenses")
    document = models.OneToOneField(StockDocument, on_delete=models.PROTECT, related_name="dispense")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    dispensed_at = models.DateTimeField()
    dispensed_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    is_reversed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prescription"], condition=Q(is_reversed=False), name="dispense_once")
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]


class DispenseLine(FacilityModel):
    """How much of which lot covers a line of the prescription."""

    dispense = models.ForeignKey(Dispense, on_delete=models.PROTECT, related_name="lines")
    prescription_line = models.ForeignKey(
        "patients.PrescriptionLine", on_delete=models.PROTECT, related_name="dispensed"
    )
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="dispense_quantity_positive")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
