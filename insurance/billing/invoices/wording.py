"""What the law words and rates are for invoices, as data (`insurance/data/invoices.toml`)."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from insurance import law
from insurance.models import Invoice


def consumer() -> str:
    """The buyer of an invoice that gathers the receipts of those who want none."""
    return str(_data()["words"]["consumer"])


def relation_text(invoice: Invoice) -> str:
    """How a correction names the invoice that it corrects; empty for an invoice."""
    other = invoice.corrects
    if other is None:
        return ""
    words: str = _data()["words"][invoice.relation]
    return words.format(
        form_no=other.profile.form_no, symbol=other.profile.symbol, number=other.number, day=f"{other.day:%d/%m/%Y}"
    )


def notice_form() -> str:
    """The form of a notice of error."""
    return str(_data()["words"]["notice_form"])


def is_replace_only(symbol: str) -> bool:
    """Whether invoices of the symbol may only be replaced: those of a cash register."""
    rules = _data()["symbol"]
    return symbol[rules["type_position"] - 1] in rules["replace_only"]


def symbol_types() -> tuple[str, ...]:
    """The letters that may stand fourth in a symbol."""
    return tuple(_data()["symbol"]["types"])


def vat_names() -> dict[str, str]:
    """VAT codes with their names."""
    return {code: row["name"] for code, row in _data()["vat"].items()}


def vat_rate(code: str) -> str:
    """The rate in percent; empty when the line is not subject to VAT."""
    return str(_data()["vat"][code].get("rate", ""))


def _data() -> dict[str, Any]:
    return _read(tuple(root / "invoices.toml" for root in law.roots()))


@lru_cache(maxsize=16)
def _read(paths: tuple[Path, ...]) -> dict[str, Any]:
    """The tables of all folders, later ones over earlier ones."""
    found: dict[str, Any] = {}
    for path in paths:
        if path.is_file():
            for name, table in tomllib.loads(path.read_text("utf-8")).items():
                found[name] = {**found.get(name, {}), **table}
    return found
