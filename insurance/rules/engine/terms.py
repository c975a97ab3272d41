"""The small language of rules: references to fields, conditions, and arithmetic. Parsed once, validated at load.

A reference is a tag of the rule's own row (`NGAY_YL`), a tag of the first row of another table (`XML1.NGAY_RA`), a
measure (`@age_years`), or a plain number or day (`20260701`). A condition is terms joined by `&`: `MA_NHOM in 1|2|3`,
`GIA_TRI filled`, `SO_LUONG > 1`, `NGAY_RA >= 20260701`, `MA_THE_BHYT starts CA|CY` and not_starts,
`DIA_CHI matches .*[0-9]` and not_matches, `XML7 absent`, `XML3 has MA_NHOM 14|15`, `MA_BENH not_in $MA_BENH_KT`,
`MA_XU_TRI includes 1` (a part of the list), `XML3[MA_DICH_VU].MA_NHOM = 2` (of the rows with the same MA_DICH_VU).
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation

from his.core.money import round2
from insurance.rules.engine.facts import Row, VisitFacts, number, tag_in
from insurance.rules.engine.measures import MEASURES
from insurance.rules.engine.prescribing import TABLES
from insurance.standards import Standard
from insurance.standards.values import SEPARATOR, day

Text = Callable[[Row | None, VisitFacts], str]
Amount = Callable[[Row | None, VisitFacts], Decimal | None]
Test = Callable[[Row | None, VisitFacts], bool]

FILE = "GIAMDINHHS"
"""The table that holds what a file says of itself, one row."""
FILE_TAGS = frozenset({"MACSKCB", "NGAYLAP", "SOLUONGHOSO", "SO_HOSO", "CHUKYDONVI", "LOAIHOSO"})

_LITERAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_REFERENCE = re.compile(r"(?:([A-Z][A-Z0-9]*)(?:\[([A-Z][A-Z0-9_]*)\])?\.)?([A-Z][A-Z0-9_]*)")
_ORDER: dict[str, Callable[[object, object], bool]] = {
    "<": operator.lt,  # type: ignore[dict-item]
    "<=": operator.le,  # type: ignore[dict-item]
    ">": operator.gt,  # type: ignore[dict-item]
    ">=": operator.ge,  # type: ignore[dict-item]
    "=": operator.eq,
    "!=": operator.ne,
}


class AbsentError(Exception):
    """The standard in hand has no such table or field, so the rule does not speak of its claims."""


class TermError(ValueError):
    """A term of a rule cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where references of a rule are looked up: the standard in hand and the rule's own table."""

    standard: Standard
    table: str

    def tag(self, table: str, tag: str) -> str:
        """The tag as this standard calls it. Raises AbsentError when it has none."""
        own = FILE_TAGS if table == FILE else TABLES.get(table)
        if own is not None:
            if tag not in own:
                raise TermError(f"{table} has no {tag}")
            return tag
        found = tag_in(self.standard, table, tag)
        if found is None:
            raise AbsentError(f"{table}.{tag}")
        return found


def reference(scope: Scope, term: str) -> Text:
    """The text that a reference names. Raises TermError or AbsentError."""
    if term.startswith("@"):
        amount = measure(term)
        return lambda row, facts: "" if (found := amount(row, facts)) is None else f"{found:f}"
    if _LITERAL.fullmatch(term):
        return lambda row, facts: term
    match = _REFERENCE.fullmatch(term)
    if match is None:
        raise TermError(f"not a field: {term!r}")
    table, tag = match[1] or scope.table, match[3]
    tag = scope.tag(table, tag)
    if match[2]:
        return _joined(scope, table, match[2], tag)
    if table == scope.table:
        return lambda row, facts: row.texts.get(tag, "") if row else ""
    return lambda row, facts: rows[0].texts.get(tag, "") if (rows := facts.tables.get(table)) else ""


def _joined(scope: Scope, table: str, by: str, tag: str) -> Text:
    """The text that all rows of a table have which agree with the row in field `by`; empty when they differ."""
    mine, theirs = scope.tag(scope.table, by), scope.tag(table, by)

    def text(row: Row | None, facts: VisitFacts) -> str:
        shared = row.texts.get(mine, "") if row else ""
        found = {other.text(tag) for other in facts.rows(table) if other.text(theirs) == shared} if shared else ()
        return next(iter(found)) if len(found) == 1 else ""

    return text


def measure(term: str) -> Amount:
    """The number of a measure. Raises TermError for an unknown one."""
    name = term.removeprefix("@")
    function = MEASURES.get(name)
    if function is None:
        raise TermError(f"unknown measure {term!r}")

    def measured(row: Row | None, facts: VisitFacts) -> Decimal | None:
        if name not in facts.known:
            facts.known[name] = function(facts)
        found: Decimal | None = facts.known[name]
        return found

    return measured


def condition(scope: Scope, text: str) -> Test:
    """All terms of a condition; an empty one holds always. Raises TermError or AbsentError."""
    tests = [_term(scope, part.strip()) for part in text.split("&")] if text.strip() else []
    if not tests:
        return lambda row, facts: True
    if len(tests) == 1:
        return tests[0]

    def every(row: Row | None, facts: VisitFacts) -> bool:
        for test in tests:  # noqa: SIM110 - the hottest loop of all; all() with a generator takes twice as long
            if not test(row, facts):
                return False
        return True

    return every


def _term(scope: Scope, part: str) -> Test:
    words = part.split(None, 2)
    if len(words) == 2 and words[1] in ("filled", "empty"):
        return _filled(scope, words[0], words[1] == "filled")
    if len(words) == 2 and words[1] in ("present", "absent"):
        table, wanted = words[0], words[1] == "present"
        return lambda row, facts: bool(facts.rows(table)) is wanted
    if len(words) != 3:
        raise TermError(f"not a condition: {part!r}")
    name, op, value = words
    if op in ("has", "lacks"):
        return _has(scope, name, op, value)
    return _comparison(scope, name, op, value)


def _filled(scope: Scope, name: str, wanted: bool) -> Test:
    text = reference(scope, name)
    return lambda row, facts: bool(text(row, facts)) is wanted


def _has(scope: Scope, table: str, op: str, value: str) -> Test:
    """Whether a row of another table has one of the values in a field: `XML3 has MA_NHOM 14|15`."""
    tag, _, codes = value.partition(" ")
    test = condition(Scope(scope.standard, table), f"{tag} in {codes}")
    wanted = op == "has"
    return lambda row, facts: any(test(other, facts) for other in facts.rows(table)) is wanted


def _comparison(scope: Scope, name: str, op: str, value: str) -> Test:
    text = reference(scope, name)
    if op in ("in", "not_in"):
        return _membership(scope, text, op == "in", value)
    if op in ("includes", "excludes"):
        parts, asked = frozenset(value.split("|")), op == "includes"
        return lambda row, facts: (not parts.isdisjoint(text(row, facts).split(SEPARATOR))) is asked
    if op in ("starts", "not_starts"):
        starts, wanted = tuple(value.split("|")), op == "starts"
        return lambda row, facts: text(row, facts).startswith(starts) is wanted
    if op in ("matches", "not_matches"):
        pattern, wanted = re.compile(value), op == "matches"
        return lambda row, facts: (pattern.fullmatch(text(row, facts)) is not None) is wanted
    if op not in _ORDER:
        raise TermError(f"unknown operator {op!r} in {name} {op} {value}")
    other = reference(scope, value[1:]) if value.startswith("$") else (lambda row, facts: value)
    return lambda row, facts: compare(text(row, facts), op, other(row, facts)) is True


def _membership(scope: Scope, text: Text, wanted: bool, value: str) -> Test:
    if value.startswith("$"):
        other = reference(scope, value[1:])
        return lambda row, facts: (text(row, facts) in other(row, facts).split(SEPARATOR)) is wanted
    codes = frozenset(value.split("|"))
    if wanted:
        return lambda row, facts: text(row, facts) in codes
    return lambda row, facts: text(row, facts) not in codes


def compare(left: str, op: str, right: str) -> bool | None:
    """Compare two texts: as moments when both are 8 or 12 digits (as far as both say), else as numbers, else as texts
    (only = and !=). None when one is empty or they cannot be ordered: nothing is said about the unknown."""
    if not left or not right:
        return None
    test = _ORDER[op]
    if is_moment(left) and is_moment(right):
        width = min(len(left), len(right))
        return test(left[:width], right[:width])
    a, b = number(left), number(right)
    if a is not None and b is not None:
        return test(a, b)
    return test(left, right) if op in ("=", "!=") else None


def is_moment(text: str) -> bool:
    """Whether the text has the shape of a day or moment."""
    return len(text) in (8, 12) and text.isascii() and text.isdecimal() and text[:2] in ("18", "19", "20", "21")


_BINARY: dict[type, Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: dict[str, Callable[..., Decimal]] = {"round2": round2, "min": min, "max": max, "abs": abs}


def arithmetic(scope: Scope, text: str) -> Amount:
    """A formula over fields: `round2(SO_LUONG * DON_GIA_BV * TYLE_TT_DV / 100)`, with + - * /, round2, min, max, abs.

    An empty or unreadable number makes the whole unknown (None). `sum(XML3.T_BHTT)` adds a field of all rows,
    `rows(XML9)` counts them, `days(TU_NGAY, DEN_NGAY)` is the second day less the first; `m_age_years` names a
    measure. Raises TermError or AbsentError.
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise TermError(f"not a formula: {text!r}") from error
    return _node(scope, tree, text)


def _node(scope: Scope, node: ast.expr, text: str) -> Amount:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        value = Decimal(str(node.value))
        return lambda row, facts: value
    if isinstance(node, ast.Name):
        return measure(node.id[2:]) if node.id.startswith("m_") else _field(scope, node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return _field(scope, f"{node.value.id}.{node.attr}")
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _node(scope, node.left, text), _node(scope, node.right, text)
        return _operation(_BINARY[type(node.op)], left, right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(scope, node.func.id, node.args, text)
    raise TermError(f"not a formula: {text!r}")


def _field(scope: Scope, name: str) -> Amount:
    found = reference(scope, name)
    return lambda row, facts: number(found(row, facts))


def _operation(function: Callable[[Decimal, Decimal], Decimal], left: Amount, right: Amount) -> Amount:
    def compute(row: Row | None, facts: VisitFacts) -> Decimal | None:
        a, b = left(row, facts), right(row, facts)
        if a is None or b is None:
            return None
        try:
            return function(a, b)
        except (DivisionByZero, InvalidOperation):
            return None

    return compute


def _call(scope: Scope, name: str, args: list[ast.expr], text: str) -> Amount:
    if name == "sum" and len(args) == 1 and isinstance(args[0], ast.Attribute) and isinstance(args[0].value, ast.Name):
        return _sum(scope, args[0].value.id, args[0].attr)
    if name == "rows" and len(args) == 1 and isinstance(args[0], ast.Name):
        table = args[0].id
        return lambda row, facts: Decimal(len(facts.rows(table)))
    if name == "days" and len(args) == 2:
        return _days(*(reference(scope, ast.unparse(arg)) for arg in args))
    function = _FUNCTIONS.get(name)
    if function is None:
        raise TermError(f"unknown function {name} in {text!r}")
    parts = [_node(scope, arg, text) for arg in args]

    def compute(row: Row | None, facts: VisitFacts) -> Decimal | None:
        values = [part(row, facts) for part in parts]
        return None if None in values else function(*values)

    return compute


def _days(start: Text, end: Text) -> Amount:
    def compute(row: Row | None, facts: VisitFacts) -> Decimal | None:
        first, last = day(start(row, facts)), day(end(row, facts))
        return None if first is None or last is None else Decimal((last - first).days)

    return compute


def _sum(scope: Scope, table: str, tag: str) -> Amount:
    tag = scope.tag(table, tag)

    def compute(row: Row | None, facts: VisitFacts) -> Decimal | None:
        values = [row.number_of(tag) for row in facts.rows(table) if row.texts.get(tag)]
        return None if None in values else sum((v for v in values if v is not None), Decimal(0))

    return compute
