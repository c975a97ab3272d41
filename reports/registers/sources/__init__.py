"""Sources of registers by the name that a definition gives."""

from reports.registers.definition import KEPT
from reports.registers.sources.base import Line, Source
from reports.registers.sources.entries import Entries
from reports.registers.sources.orders import Orders
from reports.registers.sources.visits import Visits

SOURCES: dict[str, Source] = {KEPT: Entries(), "visits": Visits(), "orders": Orders()}

__all__ = ["SOURCES", "Line", "Source"]
