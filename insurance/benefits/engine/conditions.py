"""Decision rows: `metric op value` triples joined by `&`, parsed and validated once, first match wins.

Example: `route = self & facility_points < 50 & former_line not_in province|central`. A comparison with an unknown
number (a facility without points) is false. The metrics are a closed set, so a misspelt row stops the load.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

Metrics = Mapping[str, str | Decimal | None]
Test = Callable[[Metrics], bool]

TEXT_METRICS = frozenset(
    {
        "route",
        "facility_kind",
        "facility_tier",
        "former_line",
        "area_code",
        "registered_here",
        "inpatient",
        "facility_provisional",
        "annex_1",
        "annex_2",
    }
)
NUMBER_METRICS = frozenset({"facility_points"})
SETTING_PREFIX = "setting:"

_NUMBER_OPS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """All tests of one decision row; an empty condition holds always."""

    text: str
    tests: tuple[Test, ...]

    def holds(self, metrics: Metrics) -> bool:
        return all(test(metrics) for test in self.tests)


def parse(text: str, *, settings: frozenset[str] = frozenset()) -> Condition:
    """Read the triples of one row. Raises ValueError naming the triple that is not understood."""
    parts = [part.strip() for part in text.split("&")] if text.strip() else []
    return Condition(text=text, tests=tuple(_triple(part, settings) for part in parts))


def _triple(part: str, settings: frozenset[str]) -> Test:
    words = part.split()
    if len(words) != 3:
        raise ValueError(f"condition {part!r} is not 'metric op value'")
    metric, op, value = words
    if metric in NUMBER_METRICS:
        return _number_test(metric, op, value, part)
    if metric in TEXT_METRICS or metric.removeprefix(SETTING_PREFIX) in settings:
        return _text_test(metric, op, value, part)
    raise ValueError(f"condition {part!r}: unknown metric {metric!r}")


def _number_test(metric: str, op: str, value: str, part: str) -> Test:
    if op not in _NUMBER_OPS:
        raise ValueError(f"condition {part!r}: unknown operator {op!r} for a number")
    try:
        limit = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"condition {part!r}: {value!r} is not a number") from None
    compare = _NUMBER_OPS[op]

    def test(metrics: Metrics) -> bool:
        found = metrics[metric]
        return isinstance(found, Decimal) and compare(found, limit)

    return test


def _text_test(metric: str, op: str, value: str, part: str) -> Test:
    wanted = frozenset(value.split("|"))
    if op in {"=", "in"}:
        return lambda metrics: metrics[metric] in wanted
    if op in {"!=", "not_in"}:
        return lambda metrics: metrics[metric] not in wanted
    raise ValueError(f"condition {part!r}: unknown operator {op!r} for a word")
