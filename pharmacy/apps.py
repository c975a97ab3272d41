"""The pharmacy package as a Django app."""

from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    name = "pharmacy"
    verbose_name = "Dược"

    def ready(self) -> None:
        """Answer the clinical desks' question about stock, and show the two desks in the top bar."""
        from his.ui.nav import NavItem, register
        from patients import hooks
        from pharmacy.queries import usable_stock

        hooks.usable_stock.fill(usable_stock)
        register(
            NavItem("pharmacy", "Cấp phát", "dispensing", "pharmacy.dispense", "pill", 30, "Cấp thuốc theo đơn đã ký"),
            NavItem(
                "stock", "Kho thuốc", "stock", "pharmacy.view", "stock", 35, "Hạn dùng, tồn kho, nhập kho, thẻ kho"
            ),
        )
