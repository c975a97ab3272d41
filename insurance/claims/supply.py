"""What the drugs of a claim cover: a line given in part, or with another product, lasts as long as what was given."""

from decimal import ROUND_CEILING, Decimal

from insurance.claims.gather import Record
from insurance.models import Charge


def days_supplied(record: Record) -> int:
    """How long the drugs last that the patient took along; zero without any."""
    return max((days_given(record, key) for key in record.drugs), default=0)


def days_given(record: Record, key: int) -> int:
    """The days of a prescription line, by its key in the record; fewer, rounded up, when only a part was given."""
    row = record.drugs[key]
    given = sum((line.charge.quantity for line in record.lines if line_of(record, line.charge) == key), Decimal(0))
    if given >= row.quantity:
        return row.days
    return int((row.days * given / row.quantity).to_integral_value(rounding=ROUND_CEILING))


def line_of(record: Record, charge: Charge) -> int | None:
    """The prescription line that a charge is for, of the prescribed drug or of another product."""
    if charge.source_kind == Charge.SourceKind.PRESCRIPTION_LINE:
        return charge.source_id
    if charge.source_kind == Charge.SourceKind.SUBSTITUTION:
        found = record.substitutions.get(charge.source_id)
        return found.prescription_line_id if found else None
    return None
