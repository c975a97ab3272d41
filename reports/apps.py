"""The reports package as a Django app."""

from django.apps import AppConfig

from his.ui.nav import NavItem, register


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "Báo cáo"

    def ready(self) -> None:
        """Name the desk for the top bar."""
        register(NavItem("reports", "Báo cáo", "reports", "reports.view", "report", 60, "Lập, kiểm tra, xuất biểu"))
