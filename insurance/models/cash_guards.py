"""What the database itself refuses in the cash ledger, whoever writes: the last guard behind the services."""

import pgtrigger

_WITHIN_ITS_ORIGIN = """
    IF NEW.reverses_id IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT * INTO origin FROM insurance_cashentry WHERE id = NEW.reverses_id;
    IF origin.visit_id <> NEW.visit_id OR origin.facility_id <> NEW.facility_id OR origin.method <> NEW.method THEN
        RAISE EXCEPTION 'cash entry % does not belong to the entry it names', NEW.number;
    END IF;
    IF (NEW.kind, origin.kind) NOT IN (
        ('refund', 'receipt'), ('receipt_void', 'receipt'), ('deposit_use', 'deposit'),
        ('deposit_return', 'deposit'), ('deposit_void', 'deposit'), ('deposit_release', 'deposit_use')
    ) THEN
        RAISE EXCEPTION 'a % cannot name a %', NEW.kind, origin.kind;
    END IF;
    SELECT origin.amount
        - COALESCE(sum(child.amount) FILTER (WHERE child.reverses_id = origin.id), 0)
        + COALESCE(sum(child.amount) FILTER (WHERE child.reverses_id <> origin.id), 0)
    INTO remaining
    FROM insurance_cashentry child
    WHERE child.reverses_id = origin.id
        OR child.reverses_id IN (SELECT id FROM insurance_cashentry WHERE reverses_id = origin.id);
    IF NEW.amount > remaining THEN
        RAISE EXCEPTION 'cash entry % exceeds what is left of %', NEW.number, origin.number;
    END IF;
    IF NEW.kind IN ('receipt_void', 'deposit_void') AND NEW.amount <> origin.amount THEN
        RAISE EXCEPTION 'a void of % is whole or not at all', origin.number;
    END IF;
    RETURN NEW;
"""

_DAY_IS_OPEN = """
    IF EXISTS (
        SELECT 1 FROM insurance_cashday closed
        WHERE closed.facility_id = NEW.facility_id
            AND closed.day = (NEW.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
    ) THEN
        RAISE EXCEPTION 'the day of cash entry % is closed', NEW.number;
    END IF;
    RETURN NEW;
"""

_BANK_TRANSFER_ONCE = """
    IF EXISTS (
        SELECT 1 FROM insurance_cashentry other
        WHERE other.facility_id = NEW.facility_id AND other.bank_reference = NEW.bank_reference
            AND other.kind IN ('receipt', 'deposit')
            AND NOT EXISTS (
                SELECT 1 FROM insurance_cashentry void
                WHERE void.reverses_id = other.id AND void.kind IN ('receipt_void', 'deposit_void')
            )
    ) THEN
        RAISE EXCEPTION 'bank transfer % was recorded before', NEW.bank_reference;
    END IF;
    RETURN NEW;
"""


def _guard(name: str, func: str, condition: pgtrigger.Condition | None = None, **declared: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=condition,
        declare=list(declared.items()),
        func=func,
    )


ENTRY_GUARDS = [
    _guard("within_its_origin", _WITHIN_ITS_ORIGIN, origin="insurance_cashentry%ROWTYPE", remaining="NUMERIC"),
    _guard("day_is_open", _DAY_IS_OPEN),
    _guard(
        "bank_transfer_once",
        _BANK_TRANSFER_ONCE,
        pgtrigger.Condition(
            "NEW.bank_reference <> '' AND NEW.kind IN ('receipt', 'deposit') AND NEW.method = 'transfer'"
        ),
    ),
]


def frozen_once_closed() -> pgtrigger.Trigger:
    """What was counted stays as it was counted; only the one hand-over can follow."""
    kept = (
        "cashier_id",
        "opened_at",
        "opening_float",
        "closed_at",
        "counted_amount",
        "expected_amount",
        "denominations",
        "note",
    )
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in kept)
    return pgtrigger.Protect(
        name="closed_is_frozen",
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(f"OLD.closed_at IS NOT NULL AND (OLD.received_at IS NOT NULL OR {changed})"),
    )
