"""Shapes of the numbers on invoices. Pure."""

import re

TAX_CODE = re.compile(r"^(\d{10}(-\d{3})?|\d{12})$", re.ASCII)
SYMBOL = re.compile(r"^[CK]\d{2}[A-Z]{3}$", re.ASCII)
EMAIL = re.compile(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")


def is_tax_code(text: str) -> bool:
    """10 digits, with 3 more after a hyphen for a branch, or the 12 digits of a citizen number."""
    return bool(TAX_CODE.match(text))


def is_email(text: str) -> bool:
    """One at sign, and a dot after it."""
    return bool(EMAIL.match(text))
