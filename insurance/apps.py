"""The insurance package as a Django app."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import register as register_check

from his.ui.nav import NavItem, register
from insurance import law


class InsuranceConfig(AppConfig):
    name = "insurance"
    verbose_name = "Viện phí và BHYT"

    def ready(self) -> None:
        """Take in the decrees of this installation, answer the doctor's desk, name the desks for the top bar."""
        from insurance.billing.bed_origin import bed_days_at
        from insurance.billing.price_effect import price_effect
        from insurance.rules.desk import visit_notices
        from insurance.rules.safety import known_allergens, prescribing_report
        from patients import hooks
        from pharmacy import hooks as pharmacy_hooks

        law.use(*settings.DECREES)
        register_check(law_data_is_sound)
        _register_slips()
        _register_origins()
        hooks.visit_checks.fill(visit_notices)
        hooks.prescribing_checks.fill(prescribing_report)
        hooks.allergens.fill(known_allergens)
        hooks.bed_days.fill(bed_days_at)
        pharmacy_hooks.price_effect.fill(price_effect)
        register(
            NavItem("cashier", "Viện phí", "cashier", "billing.view", "cash", 40, "Chốt chi phí, thu tiền, ca thu"),
            NavItem("cash", "Sổ quỹ", "cash-day", "billing.close_day", "lock", 45, "Khóa ngày, duyệt hoàn, bàn giao"),
            NavItem("claims", "Hồ sơ BHYT", "claims", "claims.view", "claim", 50, "Lập, kiểm tra, xuất hồ sơ tháng"),
        )


def _register_slips() -> None:
    from insurance.claims import build_documents, document_sources

    document_sources.register("XML7", build_documents.discharge_paper_rows)
    document_sources.register("XML13", build_documents.transfer_rows)
    document_sources.register("XML14", build_documents.follow_up_rows)


def _register_origins() -> None:
    from insurance.billing import bed_origin, origins
    from insurance.models import Charge

    kinds = Charge.SourceKind
    origins.register(
        origins.Origin(kinds.EXAM, bed_origin.exams_beside_beds),
        origins.Origin(kinds.ORDER, origins.orders),
        origins.Origin(kinds.PRESCRIPTION_LINE, origins.drugs),
        origins.Origin(kinds.BED, bed_origin.beds),
    )


def law_data_is_sound(**_options: Any) -> list[CheckMessage]:
    """Read all standards, rules and benefit tables, so that a faulty decree stops the start and is named."""
    from insurance.benefits.engine.params import validate
    from insurance.rules.engine import load_rules
    from insurance.rules.engine.prescribing import lists_on
    from insurance.standards import available, load

    try:
        for name in available():
            load(name)
        load_rules()
        lists_on(None)
        validate(*(root / "benefits" for root in law.roots()))
    except (ValueError, OSError) as error:
        return [Error(f"Dữ liệu quyết định có lỗi: {error}", hint="Sửa tệp được nêu tên", id="insurance.E001")]
    return []
