"""The patients package as a Django app."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.core.checks import register as register_check

from his.ui.nav import NavItem, register
from patients.notifiable import list_in_force


class PatientsConfig(AppConfig):
    name = "patients"
    verbose_name = "Người bệnh"

    def ready(self) -> None:
        """Name the desks for the top bar; look at the installation's own lists with `manage.py check`."""
        register_check(disease_list_is_sound)
        register(
            NavItem("reception", "Tiếp đón", "reception", "patients.register", "scan", 10, "Quét thẻ, đăng ký, cấp số"),
            NavItem("queue", "Hàng chờ", "queue", "patients.queue", "queue", 12, "Gọi số từng phòng, màn hình gọi số"),
            NavItem("triage", "Sinh hiệu", "triage", "patients.triage", "vitals", 15, "Mạch, nhiệt độ, huyết áp"),
            NavItem("doctor", "Khám bệnh", "doctor", "patients.examine", "doctor", 20, "Khám, chỉ định, kê đơn, ký"),
            NavItem("beds", "Buồng bệnh", "beds", "patients.ward", "bed", 22, "Vào khoa, chuyển giường, ra khoa"),
            NavItem("results", "Kết quả", "results", "patients.result", "flask", 25, "Nhập kết quả dịch vụ"),
            NavItem(
                "cases",
                "Ca bệnh",
                "cases",
                "cases.report",
                "alert",
                27,
                "Ca bệnh truyền nhiễm phải báo, theo thời hạn",
                badge_url_name="cases-urgent",
            ),
            NavItem("care", "Mạn tính", "care", "care.view", "patient", 28, "Người bệnh mạn tính đang quản lý"),
            NavItem(
                "national",
                "Đơn quốc gia",
                "national",
                "patients.send_prescriptions",
                "send",
                28,
                "Đơn thuốc chờ gửi, đã gửi, bị từ chối",
            ),
        )


def disease_list_is_sound(**_options: Any) -> list[CheckMessage]:
    """Warn of an own list of diseases that cannot be read; nobody is kept from working, the product's list stands."""
    problem = list_in_force(settings.VAR_DIR).problem
    if not problem:
        return []
    told = f"Danh mục bệnh phải báo của cơ sở có lỗi, đang dùng danh mục của sản phẩm: {problem}"
    return [CheckWarning(told, hint="Sửa tệp lists/notifiable_diseases.csv", id="patients.W001")]
