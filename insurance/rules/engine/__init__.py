"""The pure rule engine: rules as rows over a closed set of kinds, asked of the tables of one claim or of many.

No Django, no clock, no network: claims, dates and catalogues are arguments.
"""

from insurance.rules.engine.book import Batch, RuleBook
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.load import load_rules
from insurance.rules.engine.model import CannotRun, Catalogs, Finding, NoCatalogs, Rule, RuleError, Severity, Stage

__all__ = [
    "Batch",
    "CannotRun",
    "Catalogs",
    "Finding",
    "NoCatalogs",
    "Rule",
    "RuleBook",
    "RuleError",
    "Severity",
    "Stage",
    "VisitFacts",
    "load_rules",
]
