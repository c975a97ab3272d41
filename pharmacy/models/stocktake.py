"""Stock-takes (kiểm kê): the book frozen for each lot, the board, who counted what and when, and how it ended.

TT 22/2011/TT-BYT: the pharmacy each month, ward cabinets each quarter, everything once a year.
"""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel
from pharmacy.models.documents import StockDocument
from pharmacy.models.stock import Lot
from pharmacy.models.stores import Store

_NO_DELETE = pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)
_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_RELEASE_LOTS = """
    IF NEW.state IN ('posted', 'abandoned') AND OLD.state IS DISTINCT FROM NEW.state THEN
        UPDATE pharmacy_stockcountline SET is_open = false WHERE count_id = NEW.id;
    END IF;
    RETURN NEW;
"""


class StockCount(FacilityModel):
    """One stock-take of one store (đợt kiểm kê). `snapshot_at` is the instant at which the book was frozen.

    `scope_codes` are the kind, class or group for those scopes, and the drug codes of a chosen list. Never deleted.
    """

    class Occasion(models.TextChoices):
        MONTHLY = "monthly", "Hằng tháng"
        QUARTERLY = "quarterly", "Hằng quý (tủ trực)"
        YEARLY = "yearly", "Cuối năm"
        SPOT = "spot", "Đột xuất"

    class Scope(models.TextChoices):
        STORE = "store", "Cả kho"
        KIND = "kind", "Theo loại"
        CONTROL = "control", "Theo nhóm kiểm soát đặc biệt"
        GROUP = "group", "Theo nhóm chi phí"
        LIST = "list", "Danh sách chọn"

    class State(models.TextChoices):
        COUNTING = "counting", "Đang kiểm"
        APPROVED = "approved", "Đã duyệt, chưa ghi sổ"
        POSTED = "posted", "Đã ghi sổ"
        ABANDONED = "abandoned", "Đã hủy"

    number = models.CharField(max_length=30)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="counts")
    occasion = models.CharField(max_length=10, choices=Occasion.choices)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    scope_codes = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    is_blind = models.BooleanField("đếm mù", default=True)
    snapshot_at = models.DateTimeField()
    opened_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.COUNTING)
    proposal = models.CharField("ý kiến đề xuất", max_length=1000, blank=True)
    approved_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    return_reason = models.CharField("lý do trả lại", max_length=500, blank=True)
    posted_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    posted_at = models.DateTimeField(null=True, blank=True)
    up_document = models.OneToOneField(
        StockDocument, null=True, blank=True, on_delete=models.PROTECT, related_name="count_of_surplus"
    )
    down_document = models.OneToOneField(
        StockDocument, null=True, blank=True, on_delete=models.PROTECT, related_name="count_of_shortage"
    )
    loss_document = models.OneToOneField(
        StockDocument, null=True, blank=True, on_delete=models.PROTECT, related_name="count_of_damage"
    )
    abandoned_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    abandoned_at = models.DateTimeField(null=True, blank=True)
    abandon_reason = models.CharField("lý do hủy", max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "number"], name="stock_count_number"),
            models.CheckConstraint(
                condition=Q(state__in=["approved", "posted"], approved_by__isnull=False, approved_at__isnull=False)
                | Q(state="counting", approved_by__isnull=True, approved_at__isnull=True)
                | Q(state="abandoned"),
                name="stock_count_approved",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("opened_by")),
                name="stock_count_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(state="posted", posted_by__isnull=False, posted_at__isnull=False)
                | ~Q(state="posted")
                & Q(
                    posted_by__isnull=True,
                    posted_at__isnull=True,
                    up_document__isnull=True,
                    down_document__isnull=True,
                    loss_document__isnull=True,
                ),
                name="stock_count_posted",
            ),
            models.CheckConstraint(
                condition=Q(state="abandoned", abandoned_by__isnull=False, abandoned_at__isnull=False)
                & ~Q(abandon_reason="")
                | ~Q(state="abandoned") & Q(abandoned_by__isnull=True, abandoned_at__isnull=True, abandon_reason=""),
                name="stock_count_abandoned",
            ),
        ]
        indexes = [models.Index(fields=["facility", "snapshot_at"], name="stock_count_time")]
        triggers = [
            _NO_DELETE,
            pgtrigger.Protect(
                name="ended_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="posted") | pgtrigger.Q(old__state="abandoned"),
            ),
            pgtrigger.Protect(
                name="snapshot_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__snapshot_at__df=pgtrigger.F("new__snapshot_at"))
                | pgtrigger.Q(old__store__df=pgtrigger.F("new__store")),
            ),
            pgtrigger.Trigger(
                name="release_lots", when=pgtrigger.After, operation=pgtrigger.Update, func=_RELEASE_LOTS
            ),
        ]

    def __str__(self) -> str:
        return self.number


class StockCountMember(FacilityModel):
    """One of the board (tổ kiểm kê), by name and title; `is_counter` says who counts and gets a sheet."""

    class Role(models.TextChoices):
        CHAIRMAN = "chairman", "Chủ tịch"
        SECRETARY = "secretary", "Thư ký"
        MEMBER = "member", "Thành viên"

    count = models.ForeignKey(StockCount, on_delete=models.PROTECT, related_name="members")
    position = models.PositiveIntegerField()
    name = models.CharField("họ tên", max_length=100)
    title = models.CharField("chức danh", max_length=100, blank=True)
    role = models.CharField(max_length=10, choices=Role.choices)
    is_counter = models.BooleanField("đếm", default=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["count", "position"], name="count_member_position"),
            models.UniqueConstraint(fields=["count"], condition=Q(role="chairman"), name="count_one_chairman"),
            models.UniqueConstraint(fields=["count"], condition=Q(role="secretary"), name="count_one_secretary"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.name


class StockCountLine(FacilityModel):
    """One lot of a stock-take with the book quantity at the snapshot; a lot found outside the book starts from what
    the book says of it.

    While a count is open no other one may hold the lot of that store. Approval writes the result: `counted` (good),
    `damaged`, the instant of that count and the book at that instant.
    """

    count = models.ForeignKey(StockCount, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="+")
    snapshot_quantity = models.DecimalField(max_digits=14, decimal_places=3)
    is_found = models.BooleanField("tìm thấy ngoài sổ", default=False)
    is_open = models.BooleanField(default=True)
    reason = models.CharField("lý do chênh lệch", max_length=500, blank=True)
    counted = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    damaged = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    book_quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["count", "position"], name="count_line_position"),
            models.UniqueConstraint(fields=["count", "lot"], name="count_line_lot"),
            models.UniqueConstraint(fields=["store", "lot"], condition=Q(is_open=True), name="lot_in_one_open_count"),
            models.CheckConstraint(condition=Q(snapshot_quantity__gte=0), name="count_snapshot_not_negative"),
            models.CheckConstraint(
                condition=Q(
                    counted__isnull=True, damaged__isnull=True, counted_at__isnull=True, book_quantity__isnull=True
                )
                | Q(counted__gte=0, damaged__gte=0, counted_at__isnull=False, book_quantity__isnull=False),
                name="count_result_whole",
            ),
        ]
        triggers = [
            _NO_DELETE,
            pgtrigger.Protect(
                name="ended_is_frozen", operation=pgtrigger.Update, condition=pgtrigger.Q(old__is_open=False)
            ),
            pgtrigger.Protect(
                name="snapshot_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__snapshot_quantity__df=pgtrigger.F("new__snapshot_quantity"))
                | pgtrigger.Q(old__lot__df=pgtrigger.F("new__lot"))
                | pgtrigger.Q(old__store__df=pgtrigger.F("new__store"))
                | pgtrigger.Q(old__count__df=pgtrigger.F("new__count")),
            ),
        ]


class StockCountUpload(FacilityModel):
    """A filled count sheet that was taken in; the same file twice changes nothing."""

    count = models.ForeignKey(StockCount, on_delete=models.PROTECT, related_name="uploads")
    sha256 = models.CharField(max_length=64)
    file_name = models.CharField(max_length=255)
    recorded = models.PositiveIntegerField()
    unchanged = models.PositiveIntegerField()
    uploaded_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()

    class Meta:
        ordering = ["-uploaded_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["count", "sha256"], name="count_upload_once")]
        triggers = [_APPEND_ONLY]


class StockCountEntry(FacilityModel):
    """What one counter saw of one lot: good units, broken or spoiled ones apart, and when.

    Never changed: a later entry of the same counter and round takes the place of the earlier one.
    """

    line = models.ForeignKey(StockCountLine, on_delete=models.PROTECT, related_name="entries")
    counter = models.ForeignKey(StockCountMember, on_delete=models.PROTECT, related_name="entries")
    round = models.PositiveSmallIntegerField()
    counted = models.DecimalField(max_digits=14, decimal_places=3)
    damaged = models.DecimalField(max_digits=14, decimal_places=3, default=0)
    counted_at = models.DateTimeField()
    note = models.CharField(max_length=255, blank=True)
    upload = models.ForeignKey(
        StockCountUpload, null=True, blank=True, on_delete=models.PROTECT, related_name="entries"
    )
    recorded_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(counted__gte=0, damaged__gte=0), name="count_entry_not_negative"),
            models.CheckConstraint(condition=Q(round__gte=1), name="count_entry_round"),
        ]
        indexes = [models.Index(fields=["line", "counter", "round"], name="count_entry_line")]
        triggers = [_APPEND_ONLY]
