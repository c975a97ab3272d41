"""The patients package as a Django app."""

from django.apps import AppConfig

from his.ui.nav import NavItem, register


class PatientsConfig(AppConfig):
    name = "patients"
    verbose_name = "Người bệnh"

    def ready(self) -> None:
        """Name the desks for the top bar."""
        register(
            NavItem("reception", "Tiếp đón", "reception", "patients.register", "scan", 10, "Quét thẻ, đăng ký, cấp số"),
            NavItem("queue", "Hàng chờ", "queue", "patients.queue", "queue", 12, "Gọi số từng phòng, màn hình gọi số"),
            NavItem("triage", "Sinh hiệu", "triage", "patients.triage", "vitals", 15, "Mạch, nhiệt độ, huyết áp"),
            NavItem("doctor", "Khám bệnh", "doctor", "patients.examine", "doctor", 20, "Khám, chỉ định, kê đơn, ký"),
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
