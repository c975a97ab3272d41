"""The pharmacy package as a Django app."""

from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    name = "pharmacy"
    verbose_name = "Dược"

    def ready(self) -> None:
        """Answer the clinical desks' question about stock, keep it for what they sign, and show the desks in the top
        bar."""
        from his.ui.nav import NavItem, register
        from patients import hooks
        from pharmacy.queries import is_handed_out, usable_stock
        from pharmacy.services import reservations

        hooks.usable_stock.fill(usable_stock)
        hooks.is_handed_out.fill(is_handed_out)
        hooks.reserve_stock.fill(reservations.for_signed)
        hooks.release_stock.fill(reservations.for_finished)
        register(
            NavItem("pharmacy", "Cấp phát", "dispensing", "pharmacy.dispense", "pill", 30, "Cấp thuốc theo đơn đã ký"),
            NavItem(
                "stock", "Kho thuốc", "stock", "pharmacy.view", "stock", 35, "Hạn dùng, tồn kho, nhập kho, thẻ kho"
            ),
        )
