"""The closed set of kinds of rules; importing this package registers them."""

from insurance.rules.engine.kinds import (
    batch,
    catalogs,
    fields,
    files,
    functions,
    moments,
    numbers,
    rows,
    structure,
    tables,
)

__all__ = ["batch", "catalogs", "fields", "files", "functions", "moments", "numbers", "rows", "structure", "tables"]
