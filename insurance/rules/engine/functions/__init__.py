"""Rules that no kind expresses: Python functions, one module for each subject; importing registers them."""

from insurance.rules.engine.functions import (
    cards,
    doses,
    drugs,
    envelope,
    levels,
    people,
    routes,
    safety,
    services,
    stays,
)

__all__ = ["cards", "doses", "drugs", "envelope", "levels", "people", "routes", "safety", "services", "stays"]
