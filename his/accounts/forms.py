"""What is typed at the administrator's desk."""

from datetime import date
from pathlib import PurePath
from typing import Any

from allauth.account.forms import ChangePasswordForm
from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q

from his.accounts.models import Department, Facility, FacilityStatus, Room, Staff
from his.accounts.roles import ROLES
from his.ui.forms import DayField, NumberField

MOST_BYTES = 10 * 1024 * 1024
SUFFIXES = (".xlsx", ".xls", ".ods", ".csv")


class AccountForm(forms.Form):
    """What an account is called, may do, and acts as."""

    full_name = forms.CharField(
        label="Họ tên",
        max_length=150,
        widget=forms.TextInput({"data-focus": ""}),
        error_messages={"required": "Hãy gõ họ tên"},
    )
    staff = forms.ModelChoiceField(
        Staff.objects.none(),
        label="Là nhân viên",
        required=False,
        empty_label="Không hành nghề",
        error_messages={"invalid_choice": "Nhân viên này không làm việc tại cơ sở"},
    )
    roles = forms.MultipleChoiceField(
        label="Vai trò",
        choices=[(code, name) for code, (name, _) in ROLES.items()],
        error_messages={"required": "Hãy chọn ít nhất một vai trò", "invalid_choice": "Không có vai trò này"},
    )

    def __init__(self, *args: Any, facility: Facility, on: date, **kwargs: Any) -> None:
        """`staff` offers who works at the facility on the day, and keeps offering the one already chosen."""
        super().__init__(*args, **kwargs)
        chosen = self.initial.get("staff")
        works = Q(valid_from__lte=on) & (Q(valid_to__isnull=True) | Q(valid_to__gte=on))
        rows = Staff.objects.for_facility(facility).filter(works | Q(pk=getattr(chosen, "pk", None)))
        field: Any = self.fields["staff"]
        field.queryset = rows.order_by("code")
        field.label_from_instance = lambda row: f"{row.code} {row.full_name}"


class NewAccountForm(AccountForm):
    """A new account; without a typed password one is made."""

    username = forms.CharField(
        label="Tên đăng nhập",
        max_length=50,
        widget=forms.TextInput({"data-focus": "", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Hãy gõ tên đăng nhập"},
    )
    password = forms.CharField(
        label="Mật khẩu",
        required=False,
        strip=False,
        max_length=128,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


class PasswordForm(forms.Form):
    """A new password; empty: one is made."""

    password = forms.CharField(
        label="Mật khẩu mới",
        required=False,
        strip=False,
        max_length=128,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


class OwnPasswordForm(ChangePasswordForm):
    """Changing the own password: the library's form in Vietnamese, without its way to a reset by mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {"oldpassword": "Mật khẩu hiện tại", "password1": "Mật khẩu mới", "password2": "Gõ lại mật khẩu mới"}
        for name, label in labels.items():
            field = self.fields[name]
            field.label = label
            field.error_messages["required"] = "Hãy gõ mật khẩu"
            field.widget.attrs.pop("placeholder", None)
        self.fields["oldpassword"].help_text = ""


class DepartmentChoice(forms.ModelChoiceField):
    """A department of the facility that is in use, or the one chosen before."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            Department.objects.none(),
            label="Khoa",
            error_messages={"required": "Hãy chọn khoa", "invalid_choice": "Khoa này không có tại cơ sở"},
            **kwargs,
        )

    def of(self, facility: Facility, chosen: Department | None) -> None:
        """Offer what the facility has."""
        rows = Department.objects.for_facility(facility).filter(Q(is_active=True) | Q(pk=getattr(chosen, "pk", None)))
        self.queryset = rows.order_by("code")

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.code} {obj.name}"


class StaffForm(forms.Form):
    """A staff record put right, or changed from a day on."""

    full_name = forms.CharField(
        label="Họ tên",
        max_length=255,
        widget=forms.TextInput({"data-focus": ""}),
        error_messages={"required": "Hãy gõ họ tên"},
    )
    title = forms.CharField(label="Chức danh", max_length=100, required=False)
    department = DepartmentChoice(empty_label="Không thuộc khoa nào", required=False)
    licence_no = forms.CharField(label="Số giấy phép hành nghề", max_length=100, required=False)
    licence_issued_on = DayField(label="Ngày cấp", required=False)
    working_scope = forms.CharField(label="Phạm vi hành nghề", max_length=255, required=False)
    is_head = forms.BooleanField(label="Người đứng đầu cơ sở (ký hồ sơ BHYT)", required=False)
    prescribes_controlled = forms.BooleanField(
        label="Được phân công kê thuốc gây nghiện, hướng thần, tiền chất", required=False
    )
    since = DayField(label="Thay đổi từ ngày", required=False, help_text="Bỏ trống: sửa sai trong chính hồ sơ này")

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["department"]
        field.of(facility, self.initial.get("department"))


class NewStaffForm(StaffForm):
    """A new person."""

    code = forms.CharField(
        label="Mã nhân viên",
        max_length=20,
        widget=forms.TextInput({"data-focus": "", "autocomplete": "off"}),
        error_messages={"required": "Hãy gõ mã nhân viên"},
    )
    since = DayField(label="Làm việc từ ngày", error_messages={"required": "Hãy gõ ngày bắt đầu"})


class EndForm(forms.Form):
    """The last day of work."""

    last_day = DayField(
        label="Ngày làm việc cuối", required=False, help_text="Bỏ trống: vẫn làm việc, không hẹn ngày nghỉ"
    )


class DepartmentForm(forms.Form):
    """A department."""

    code = forms.CharField(
        label="Mã khoa",
        max_length=20,
        widget=forms.TextInput({"data-focus": "", "autocomplete": "off"}),
        error_messages={"required": "Hãy gõ mã khoa"},
    )
    name = forms.CharField(label="Tên khoa", max_length=255, error_messages={"required": "Hãy gõ tên khoa"})
    is_active = forms.BooleanField(label="Đang dùng", required=False, initial=True)


class RoomForm(forms.Form):
    """A room; an exam room names the exam it charges."""

    code = forms.CharField(
        label="Mã phòng",
        max_length=20,
        widget=forms.TextInput({"data-focus": "", "autocomplete": "off"}),
        error_messages={"required": "Hãy gõ mã phòng"},
    )
    name = forms.CharField(label="Tên phòng", max_length=100, error_messages={"required": "Hãy gõ tên phòng"})
    kind = forms.ChoiceField(label="Loại phòng", choices=Room.Kind.choices, initial=Room.Kind.EXAM)
    department = DepartmentChoice(empty_label=None)
    exam_service_code = forms.CharField(label="Công khám", max_length=50, required=False)
    exam_service_text = forms.CharField(required=False)
    is_active = forms.BooleanField(label="Đang dùng", required=False, initial=True)

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["department"]
        field.of(facility, self.initial.get("department"))


class FacilityForm(forms.Form):
    """What papers and claims print about the facility."""

    name = forms.CharField(
        label="Tên cơ sở",
        max_length=255,
        widget=forms.TextInput({"data-focus": ""}),
        error_messages={"required": "Hãy gõ tên cơ sở"},
    )
    parent_name = forms.CharField(label="Cơ quan chủ quản", max_length=255, required=False)
    address = forms.CharField(label="Địa chỉ", max_length=255, required=False)
    phone = forms.CharField(label="Điện thoại", max_length=20, required=False)
    province_code = forms.CharField(label="Mã tỉnh", max_length=3, required=False)
    commune_code = forms.CharField(label="Mã xã", max_length=5, required=False)
    bank_account = forms.CharField(label="Số tài khoản", max_length=40, required=False)
    bank_code = forms.CharField(label="Mã ngân hàng", max_length=12, required=False)
    prescribing_code = forms.CharField(label="Mã liên thông đơn thuốc", max_length=5, required=False)
    is_known_person_short = forms.BooleanField(
        label="Người bệnh có số định danh: đơn thuốc không in giới tính, ngày sinh, nơi cư trú", required=False
    )


class TierForm(forms.Form):
    """The tier from a day on."""

    tier = forms.ChoiceField(label="Cấp chuyên môn", choices=FacilityStatus.Tier.choices)
    points = NumberField(label="Điểm", required=False, max_digits=5, decimal_places=2)
    former_line = forms.ChoiceField(
        label="Tuyến trước đây", required=False, choices=[("", "Không có"), *FacilityStatus.FormerLine.choices]
    )
    is_provisional = forms.BooleanField(label="Tạm xếp", required=False)
    since = DayField(label="Áp dụng từ ngày", error_messages={"required": "Hãy gõ ngày áp dụng"})


class CatalogForm(forms.Form):
    """A price list or a list of drugs, supplies or chemicals of the facility as a file."""

    kind = forms.ChoiceField(
        label="Danh mục",
        choices=[
            ("price_list", "Bảng giá dịch vụ (mẫu 05/DM)"),
            ("drug_list", "Danh mục thuốc (mẫu 03/DM)"),
            ("supply_list", "Danh mục vật tư y tế (mẫu 04/DM)"),
            ("chemical_list", "Danh mục hóa chất (cột MA_HOA_CHAT, TEN_HOA_CHAT, DON_VI_TINH, DON_GIA)"),
        ],
        widget=forms.Select({"data-focus": ""}),
    )
    path = forms.FileField(
        label="Tệp bảng tính (.xlsx)",
        allow_empty_file=False,
        max_length=150,
        widget=forms.FileInput({"accept": ",".join(SUFFIXES)}),
        error_messages={
            "required": "Hãy chọn tệp",
            "empty": "Tệp này trống",
            "max_length": "Tên tệp quá dài",
            "missing": "Hãy chọn tệp",
        },
    )
    effective_on = DayField(
        label="Áp dụng từ ngày", required=False, help_text="Dùng cho dòng không ghi TU_NGAY, và khi thay cả bảng"
    )
    open_ended = forms.BooleanField(label="Bỏ qua ngày kết thúc trong tệp", required=False)
    replaces = forms.BooleanField(
        label="Tệp là cả bảng mới: dòng cũ không có trong tệp kết thúc trước ngày áp dụng", required=False
    )

    def clean_path(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["path"]
        if PurePath(file.name or "").suffix.lower() not in SUFFIXES:
            raise forms.ValidationError(f"Chỉ nhận tệp {', '.join(SUFFIXES)}", code="suffix")
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError("Tệp lớn hơn 10 MB", code="size")
        return file
