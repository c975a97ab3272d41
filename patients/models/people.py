"""People and their insurance cards."""

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from his.catalogs.models import Sex
from his.core.dates import BirthDate
from his.core.models import FacilityModel


class Source(models.TextChoices):
    """How a fact about a person came in; a QR code is a typing aid, not a proof."""

    QR = "qr", "Quét mã QR"
    CHIP = "chip", "Đầu đọc chip"
    TYPED = "typed", "Nhập tay"
    PORTAL = "portal", "Cổng giám định"


class Patient(FacilityModel):
    """A person known at one facility (người bệnh). `code` is the patient number (MA_BN).

    `born_on` holds 1 for unknown parts; `birth_precision` says which parts are real.
    """

    class Precision(models.TextChoices):
        DAY = "day", "Đủ ngày"
        MONTH = "month", "Tháng, năm"
        YEAR = "year", "Chỉ năm"

    code = models.CharField(max_length=30)
    full_name = models.CharField("họ và tên", max_length=255)
    search_name = models.CharField(max_length=300)
    initials = models.CharField(max_length=20)
    sort_name = models.CharField(max_length=300)
    born_on = models.DateField("ngày sinh")
    birth_precision = models.CharField(max_length=5, choices=Precision.choices, default=Precision.DAY)
    sex = models.CharField("giới tính", max_length=1, choices=Sex.choices)
    citizen_id = models.CharField("số định danh", max_length=20, blank=True)
    old_id_number = models.CharField("số CMND cũ", max_length=12, blank=True)
    social_insurance_no = models.CharField("mã số BHXH", max_length=10, blank=True)
    nationality_code = models.CharField(max_length=3, default="000")
    ethnicity_code = models.CharField(max_length=2, default="01")
    occupation_code = models.CharField(max_length=5, default="00")
    address = models.CharField("địa chỉ", max_length=500, blank=True)
    province_code = models.CharField(max_length=3, blank=True)
    commune_code = models.CharField(max_length=5, blank=True)
    phone = models.CharField("điện thoại", max_length=15, blank=True)
    blood_group = models.CharField(max_length=5, blank=True)
    guardian_name = models.CharField("người giám hộ", max_length=255, blank=True)
    guardian_phone = models.CharField(max_length=15, blank=True)
    allergies = models.CharField("dị ứng", max_length=500, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.TYPED)
    registered_at = models.DateTimeField()
    registered_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "code"], name="patient_code"),
            models.UniqueConstraint(
                fields=["facility", "citizen_id"], condition=~Q(citizen_id=""), name="patient_citizen_id"
            ),
            models.CheckConstraint(condition=~Q(full_name=""), name="patient_has_name"),
        ]
        indexes = [
            GinIndex(fields=["search_name"], name="patient_search", opclasses=["gin_trgm_ops"]),
            models.Index(
                fields=["facility", "search_name"],
                name="patient_name_prefix",
                opclasses=["int8_ops", "varchar_pattern_ops"],
            ),
            models.Index(fields=["facility", "phone"], name="patient_phone"),
            models.Index(fields=["facility", "initials"], name="patient_initials"),
            models.Index(fields=["facility", "social_insurance_no"], name="patient_social_no"),
            models.Index(fields=["facility", "old_id_number"], name="patient_old_id"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.full_name}"

    @property
    def birth(self) -> BirthDate:
        return BirthDate(self.born_on, self.birth_precision)  # type: ignore[arg-type]


class InsuranceCard(FacilityModel):
    """One health-insurance card of a person with its validity (thẻ BHYT). Cards are a history, chosen by visit date."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="cards")
    number = models.CharField("mã thẻ", max_length=15)
    registered_facility_code = models.CharField("nơi ĐKKCB ban đầu", max_length=5)
    registered_facility_name = models.CharField(max_length=255, blank=True)
    valid_from = models.DateField("có giá trị từ")
    valid_to = models.DateField("đến", null=True, blank=True)
    area_code = models.CharField("mã khu vực", max_length=2, blank=True)
    five_years_from = models.DateField("đủ 5 năm từ", null=True, blank=True)
    copay_exempt_from = models.DateField("miễn cùng chi trả từ", null=True, blank=True)
    issued_on = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.TYPED)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "number", "valid_from"], name="card_once"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="card_period_order"
            ),
            models.CheckConstraint(condition=Q(number__regex=r"^[A-Z]{2}[1-5][0-9]{12}$"), name="card_number_shape"),
        ]
        indexes = [models.Index(fields=["facility", "number"], name="card_number")]

    def __str__(self) -> str:
        return self.number


class Counter(FacilityModel):
    """The last number given out of a series of a facility; the row is locked while a number is taken."""

    series = models.CharField(max_length=60)
    last = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "series"], name="counter_series")]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]
