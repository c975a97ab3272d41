"""The his package as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class HisConfig(AppConfig):
    name = "his"
    verbose_name = "Nền tảng"

    def ready(self) -> None:
        """Show the administrator's desk and the audit list in the top bar; make tables quickly."""
        from his.database.additions import join_additions
        from his.ui.nav import NavItem, register

        pre_migrate.connect(join_additions, sender=self)

        register(
            NavItem(
                "admin", "Quản trị", "admin", "accounts.manage", "user", 90, "Tài khoản, nhân viên, khoa phòng, cơ sở"
            ),
            NavItem(
                "prices",
                "Bảng giá",
                "price-lists",
                "prices.view",
                "list",
                55,
                "Giá dịch vụ, thuốc từng ngày",
            ),
            NavItem(
                "items",
                "Thuốc, vật tư",
                "items",
                "prices.view",
                "pill",
                56,
                "Danh mục thuốc, vị thuốc, vật tư; thuốc kiểm soát đặc biệt",
            ),
            NavItem("audit", "Nhật ký", "audit", "audit.view", "eye", 95, "Ai đã làm gì, lúc nào"),
        )
