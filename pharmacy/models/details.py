"""What a stock document says beside its lots and quantities: invoice, inspection, board, request."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel


class Funding(models.TextChoices):
    """Who paid for the goods (nguồn kinh phí); stock reports are split by it."""

    PURCHASE = "purchase", "Mua sắm thường xuyên"
    INSURANCE = "insurance", "Quỹ BHYT"
    PROGRAMME = "programme", "Chương trình mục tiêu"
    AID = "aid", "Viện trợ, tài trợ"
    OTHER = "other", "Nguồn khác"


class DetailFields(models.Model):
    """The columns that a draft and a posted document share. `board` is a list of {"name", "title"} in the order of
    signing; invoices are those of the supplier; the three remarks are those of the inspection (kiểm nhập)."""

    invoice_number = models.CharField("số hóa đơn", max_length=30, blank=True)
    invoice_symbol = models.CharField("ký hiệu hóa đơn", max_length=20, blank=True)
    invoice_on = models.DateField("ngày hóa đơn", null=True, blank=True)
    funding = models.CharField("nguồn kinh phí", max_length=20, blank=True, choices=Funding.choices)
    delivered_by = models.CharField("người giao, người nhận", max_length=255, blank=True)
    appearance = models.CharField("cảm quan", max_length=500, blank=True)
    packaging = models.CharField("bao bì", max_length=500, blank=True)
    temperature = models.CharField("nhiệt độ khi nhận", max_length=100, blank=True)
    method = models.CharField("cách hủy", max_length=500, blank=True)
    board = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True


class DocumentDetail(FacilityModel, DetailFields):
    """What a posted document says beside its lines; `request` is the request that a shipment answers."""

    document = models.OneToOneField("pharmacy.StockDocument", on_delete=models.PROTECT, related_name="detail")
    request = models.ForeignKey(
        "pharmacy.StockRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="shipments"
    )

    class Meta:
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.document.number


class LotChoice(FacilityModel):
    """Why a line took its lot although another one goes first (lý do chọn lô)."""

    line = models.OneToOneField("pharmacy.StockDocumentLine", on_delete=models.PROTECT, related_name="lot_choice")
    reason = models.CharField("lý do chọn lô", max_length=255)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="lot_choice_has_reason")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class LineDetail(FacilityModel):
    """What the invoice says of a received line: its quantity in units of the drug, and the VAT rate in percent that
    the price of the lot includes."""

    line = models.OneToOneField("pharmacy.StockDocumentLine", on_delete=models.PROTECT, related_name="detail")
    invoice_quantity = models.DecimalField(max_digits=14, decimal_places=3)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(invoice_quantity__gte=0), name="invoice_quantity_positive"),
            models.CheckConstraint(condition=Q(vat_rate__gte=0) & Q(vat_rate__lte=100), name="vat_rate_percent"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
