"""Which role may call which service: printed, compared with the stored matrix, and proven by calling."""

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from his.accounts.roles import PERMISSIONS, ROLES
from his.core.errors import PermissionRefused
from his.service import REGISTRY
from tests.cast import World

MATRIX = Path(__file__).parent.parent / "golden" / "permission_matrix.txt"
SERVICE_MODULES = (
    "reports.bank.services",
    "his.accounts.services.accounts",
    "his.accounts.services.facilities",
    "his.accounts.services.places",
    "his.accounts.services.staff",
    "his.catalogs.item_services",
    "his.catalogs.services",
    "his.demo.month",
    "his.demo.volume.torture",
    "his.printing.services",
    "patients.services.beds",
    "patients.services.care",
    "patients.services.cases",
    "patients.services.people",
    "patients.services.visits",
    "patients.services.reception",
    "patients.services.exams",
    "patients.services.national",
    "patients.services.orders",
    "patients.services.prescriptions",
    "patients.services.safety",
    "patients.services.replacement",
    "patients.services.signing",
    "patients.printing.case_sheet",
    "patients.printing.leaving",
    "patients.printing.narcotic",
    "patients.printing.prescription",
    "patients.printing.ticket",
    "pharmacy.services.ledger",
    "pharmacy.services.lots",
    "pharmacy.services.reservations",
    "pharmacy.services.stores",
    "pharmacy.printing.card",
    "pharmacy.printing.documents",
    "pharmacy.printing.handovers",
    "pharmacy.printing.requests",
    "pharmacy.services.drafts",
    "pharmacy.services.handovers",
    "pharmacy.services.requests",
    "pharmacy.services.stock",
    "pharmacy.services.transit",
    "pharmacy.services.dispensing",
    "pharmacy.services.returning",
    "pharmacy.services.window",
    "pharmacy.printing.labels",
    "pharmacy.printing.recipients",
    "pharmacy.services.stocktake",
    "pharmacy.services.stocktake_end",
    "pharmacy.services.stocktake_sheets",
    "pharmacy.printing.count_record",
    "pharmacy.printing.count_sheet",
    "pharmacy.services.controlled",
    "pharmacy.printing.controlled",
    "pharmacy.services.climate",
    "pharmacy.printing.climate",
    "pharmacy.services.incidents",
    "pharmacy.printing.incidents",
    "pharmacy.printing.return_records",
    "insurance.billing.approvals",
    "insurance.billing.cash",
    "insurance.billing.cash_rules",
    "insurance.billing.charges",
    "insurance.billing.closing",
    "insurance.billing.drawers",
    "insurance.billing.fee_waivers",
    "insurance.billing.self_pay",
    "insurance.billing.transfers",
    "insurance.billing.cash",
    "insurance.billing.invoices.profile",
    "insurance.billing.invoices.queue",
    "insurance.billing.invoices.services",
    "insurance.claims.services",
    "insurance.claims.export",
    "insurance.claims.jobs",
    "insurance.claims.month_check",
    "insurance.claims.waivers",
    "insurance.printing.cash_report",
    "insurance.printing.receipt",
    "insurance.printing.settlement",
    "insurance.printing.statement",
    "reports.duties.services",
    "reports.engine",
    "reports.filing.services",
    "reports.briefing.services",
    "reports.engine",
    "reports.registers.services",
    "reports.lists.services",
    "reports.services",
)


def matrix() -> str:
    """One line for each service: its permission and the roles that hold it."""
    lines = []
    for action in sorted(name for name in REGISTRY if not name.startswith("tests.")):
        permission = REGISTRY[action].permission
        holders = [role for role, (_, held) in ROLES.items() if permission in held]
        lines.append(f"{action:34} {permission or '(step)':22} {' '.join(holders)}".rstrip())
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def all_services() -> None:
    for name in SERVICE_MODULES:
        import_module(name)


def test_the_matrix_is_the_reviewed_one() -> None:
    print(matrix())
    assert matrix() == MATRIX.read_text(encoding="utf-8"), "review the change and write it to tests/golden"


def test_every_module_with_services_is_listed() -> None:
    modules = {info.function.rsplit(".", 1)[0] for info in REGISTRY.values() if not info.function.startswith("tests.")}
    assert modules <= set(SERVICE_MODULES)


def test_permissions_of_services_and_roles_are_known() -> None:
    asked = {info.permission for info in REGISTRY.values() if info.permission}
    held = frozenset().union(*(permissions for _, permissions in ROLES.values()))
    assert asked | held <= set(PERMISSIONS)


@pytest.mark.parametrize(
    "role", ["reception", "nurse", "technician", "pharmacist", "cashier", "claims", "manager", "admin"]
)
def test_a_role_without_the_permission_is_refused_before_anything_is_read(world: World, role: str) -> None:
    actor = world.hospital.actor(role)
    for action, info in REGISTRY.items():
        if info.permission is None or actor.may(info.permission) or info.function.startswith("tests."):
            continue
        module, name = info.function.rsplit(".", 1)
        with pytest.raises(PermissionRefused):
            getattr(import_module(module), name)(actor=actor, nonsense=SimpleNamespace(action=action))
