"""Facilities, their places and people, and who may do what where."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from his.core.models import DatedModel, FacilityModel, no_overlap, period_order


class Facility(models.Model):
    """A facility that treats and claims (cơ sở khám chữa bệnh); `code` is the insurer's five characters."""

    class Kind(models.TextChoices):
        COMMUNE_STATION = "commune_station", "Trạm y tế xã"
        POLYCLINIC = "polyclinic", "Phòng khám đa khoa khu vực"
        DISTRICT_HOSPITAL = "district_hospital", "Bệnh viện tuyến huyện"
        AUTHORITY = "authority", "Cơ quan quản lý (không khám chữa bệnh)"

    code = models.CharField(max_length=5, unique=True)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=30, choices=Kind.choices)
    parent_name = models.CharField("cơ quan chủ quản", max_length=255, blank=True)
    address = models.CharField(max_length=255, blank=True)
    province_code = models.CharField(max_length=3, blank=True)
    commune_code = models.CharField(max_length=5, blank=True)
    phone = models.CharField(max_length=20, blank=True)
    bank_account = models.CharField(max_length=40, blank=True)
    bank_code = models.CharField(max_length=12, blank=True)
    prescribing_code = models.CharField("mã liên thông đơn thuốc", max_length=5, blank=True)
    """Five characters given by the national prescription system; empty until it gave them."""
    is_known_person_short = models.BooleanField("đơn thuốc của người có số định danh in gọn", default=False)
    """Whether prescriptions leave out sex, birth date and address of who has a citizen ID (TT 26/2025/TT-BYT)."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(prescribing_code="") | Q(prescribing_code__regex=r"^[0-9A-Za-z]{5}$"),
                name="facility_prescribing_code",
            ),
            models.UniqueConstraint(
                Upper("prescribing_code"), condition=~Q(prescribing_code=""), name="facility_prescribing_code_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} - {self.name}"


class FacilityGroup(FacilityModel):
    """Facilities whose figures `facility` may see added up (nhóm cơ sở): a health department those of its province.

    The operator at the server makes it. It gives sums and nothing else: no row, patient or screen of a member.
    """

    code = models.CharField(max_length=20)
    name = models.CharField(max_length=255)
    members = models.ManyToManyField(Facility, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "code"], name="facility_group_code")]

    def __str__(self) -> str:
        return self.name


class FacilityStatus(DatedModel, FacilityModel):
    """The professional tier of a facility for a period (xếp cấp, Luật BHYT as amended 2024, NĐ 188/2025 Đ19)."""

    class Tier(models.TextChoices):
        PRIMARY = "primary", "Cấp ban đầu"
        BASIC = "basic", "Cấp cơ bản"
        SPECIALISED = "specialised", "Cấp chuyên sâu"

    class FormerLine(models.TextChoices):
        COMMUNE = "commune", "Tuyến xã"
        DISTRICT = "district", "Tuyến huyện"
        PROVINCE = "province", "Tuyến tỉnh"
        CENTRAL = "central", "Tuyến trung ương"

    tier = models.CharField(max_length=20, choices=Tier.choices)
    points = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    is_provisional = models.BooleanField(default=False)
    former_line = models.CharField(max_length=20, choices=FormerLine.choices, blank=True)

    class Meta:
        constraints = [no_overlap("facility_status", "facility"), period_order("facility_status")]


class Department(FacilityModel):
    """A department with its national code (khoa, QĐ 1804/QĐ-BYT 2026)."""

    code = models.CharField(max_length=20)
    name = models.CharField(max_length=255)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "code"], name="department_code")]

    def __str__(self) -> str:
        return self.name


class Room(FacilityModel):
    """A room where patients wait or are served; an exam room carries the exam service that it charges."""

    class Kind(models.TextChoices):
        RECEPTION = "reception", "Tiếp đón"
        EXAM = "exam", "Phòng khám"
        LAB = "lab", "Xét nghiệm"
        IMAGING = "imaging", "Chẩn đoán hình ảnh"
        PROCEDURE = "procedure", "Thủ thuật"
        PHARMACY = "pharmacy", "Cấp phát thuốc"
        CASHIER = "cashier", "Thu viện phí"

    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="rooms")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    exam_service_code = models.CharField(max_length=50, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "code"], name="room_code")]

    def __str__(self) -> str:
        return self.name


class Staff(DatedModel, FacilityModel):
    """A person who works at the facility, with the practice licence that claims name (giấy phép hành nghề)."""

    code = models.CharField(max_length=20)
    full_name = models.CharField(max_length=255)
    title = models.CharField(max_length=100, blank=True)
    department = models.ForeignKey(Department, null=True, blank=True, on_delete=models.PROTECT, related_name="staff")
    licence_no = models.CharField(max_length=100, blank=True)
    licence_issued_on = models.DateField(null=True, blank=True)
    working_scope = models.CharField("phạm vi hành nghề", max_length=255, blank=True)
    is_head = models.BooleanField("người đứng đầu", default=False)
    prescribes_controlled = models.BooleanField("kê thuốc kiểm soát đặc biệt", default=False)
    """Authorised by the head to prescribe narcotic and psychotropic drugs and precursors (TT 20/2017/TT-BYT)."""

    class Meta:
        constraints = [no_overlap("staff", "facility", "code"), period_order("staff")]

    def __str__(self) -> str:
        return self.full_name


class User(AbstractUser):
    """A person who signs in. What they may do comes from memberships, never from `is_staff`."""

    keys_off = models.BooleanField("tắt phím chức năng", default=False)

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


class Membership(FacilityModel):
    """One role of a user at one facility, and the staff record they act as."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=30)
    staff = models.ForeignKey(Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "user", "role"], name="membership_role")]
