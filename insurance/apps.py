"""The insurance package as a Django app."""

from django.apps import AppConfig

from his.ui.nav import NavItem, register


class InsuranceConfig(AppConfig):
    name = "insurance"
    verbose_name = "Viện phí và BHYT"

    def ready(self) -> None:
        """Name the desks for the top bar."""
        register(
            NavItem("cashier", "Viện phí", "cashier", "billing.collect", "cash", 40, "Chốt chi phí, thu tiền, ca thu"),
            NavItem("claims", "Hồ sơ BHYT", "claims", "claims.view", "claim", 50, "Lập, kiểm tra, xuất hồ sơ tháng"),
        )
