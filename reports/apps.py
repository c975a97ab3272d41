"""The reports package as a Django app."""

from django.apps import AppConfig

from his.ui.home import HomePanel
from his.ui.home import register as register_panel
from his.ui.nav import NavItem, register


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "Báo cáo"

    def ready(self) -> None:
        """Name the desks for the top bar, answer the cashier's desk."""
        from insurance import hooks
        from reports.duties.home import waiting
        from reports.filing.corrections import filed_reports
        from reports.filing.queries import filed_month

        hooks.filed_reports.fill(filed_reports)
        hooks.filed_month.fill(filed_month)
        register_panel(HomePanel("duties", "reports.duties", "reports/home_duties.html", waiting))
        register(
            NavItem("overview", "Tổng quan", "overview", "overview.view", "vitals", 5, "Tháng của cơ sở bằng hình"),
            NavItem("groups", "Nhóm cơ sở", "overview-groups", "overview.group", "facility", 6, "Số cộng của nhóm"),
            NavItem(
                "registers",
                "Sổ sách",
                "registers",
                "registers.view",
                "list",
                58,
                "Sổ khám bệnh, khám thai...",
            ),
            NavItem("reports", "Báo cáo", "reports", "reports.view", "report", 60, "Lập, kiểm tra, xuất biểu"),
        )
