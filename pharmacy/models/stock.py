"""Lots, balances and the append-only ledger of stock movements."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel
from pharmacy.models.stores import Store


class Lot(FacilityModel):
    """A lot of a drug with its expiry and purchase price (lô). `unit_cost` is đồng a unit, VAT included.

    Registration number and bid package are those that the lot was bought under: claims and reports name the lot's own.
    A lot is blocked while anything holds it: a person (`is_blocked_by_hand`) or a quarantine (`QuarantinedLot`).
    """

    drug = models.ForeignKey("his.Drug", on_delete=models.PROTECT, related_name="lots")
    number = models.CharField("số lô", max_length=100)
    expires_on = models.DateField("hạn dùng")
    unit_cost = models.DecimalField(max_digits=15, decimal_places=3)
    supplier = models.CharField(max_length=255, blank=True)
    registration_no = models.CharField("số đăng ký", max_length=255, blank=True)
    bid_info = models.CharField("gói thầu", max_length=255, blank=True)
    is_blocked = models.BooleanField("tạm khóa", default=False)
    is_blocked_by_hand = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "drug", "number", "expires_on"], name="lot_once"),
            models.CheckConstraint(condition=Q(unit_cost__gte=0), name="lot_cost_positive"),
            models.CheckConstraint(condition=Q(is_blocked=True) | Q(is_blocked_by_hand=False), name="lot_hand_blocks"),
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

    OPENING = "opening", "Tồn đầu kỳ"
    RECEIPT = "receipt", "Nhập kho"
    PATIENT_RETURN = "patient_return", "Người bệnh trả lại"
    TRANSFER_IN = "transfer_in", "Chuyển kho đến"
    COUNT_UP = "count_up", "Kiểm kê thừa"
    DISPENSE = "dispense", "Cấp phát"
    TRANSFER_OUT = "transfer_out", "Chuyển kho đi"
    SUPPLIER_RETURN = "supplier_return", "Trả nhà cung cấp"
    LOSS = "loss", "Hao hụt"
    DESTRUCTION = "destruction", "Hủy thuốc"
    COUNT_DOWN = "count_down", "Kiểm kê thiếu"


SIGNS = {
    MovementKind.OPENING: 1,
    MovementKind.RECEIPT: 1,
    MovementKind.PATIENT_RETURN: 1,
    MovementKind.TRANSFER_IN: 1,
    MovementKind.COUNT_UP: 1,
    MovementKind.DISPENSE: -1,
    MovementKind.TRANSFER_OUT: -1,
    MovementKind.SUPPLIER_RETURN: -1,
    MovementKind.LOSS: -1,
    MovementKind.DESTRUCTION: -1,
    MovementKind.COUNT_DOWN: -1,
}


class StockMovement(FacilityModel):
    """One entry of the ledger: `quantity` is signed, plus into the store."""

    line = models.ForeignKey("pharmacy.StockDocumentLine", on_delete=models.PROTECT, related_name="movements")
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
        indexes = [
            models.Index(fields=["store", "lot", "at"], name="movement_card"),
            # What sums a time of one facility or of many, or looks for goods on their way, reads the index alone.
            models.Index(fields=["facility", "at"], include=["kind", "lot", "quantity"], name="movement_time"),
            models.Index(
                fields=["facility", "lot"],
                include=["quantity"],
                condition=Q(kind__in=[MovementKind.TRANSFER_IN, MovementKind.TRANSFER_OUT]),
                name="movement_transfer",
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
