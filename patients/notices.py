"""What a check of an open visit tells the desks: which rule, how bad, at which line or field, and what to do."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from his.core.errors import Refusal

SHOWN_AT_ONCE = 3
"""More notices than these are behind a count: whoever is shown everything reads nothing. What keeps from signing, by
refusing or by asking for a reason, is never behind it."""
RULE_BROKEN = "rule_broken"
REASON_NEEDED = "reason_needed"


class Severity(StrEnum):
    """How bad it is, the worst first."""

    BLOCKING = "blocking"
    WARNING = "warning"
    INFO = "info"

    @property
    def word(self) -> str:
        """As the desks say it."""
        return {"blocking": "Từ chối", "warning": "Cảnh báo", "info": "Lưu ý"}[self]

    @property
    def badge(self) -> str:
        """The look of its badge."""
        return {"blocking": "stop", "warning": "warn", "info": "info"}[self]


class Stage(StrEnum):
    """What the desk is about to do."""

    ORDER = "order"
    SIGN = "sign"


class LineKind(StrEnum):
    """What a line is: an order by its id, a drug by its place in the prescription from 1."""

    ORDER = "order"
    DRUG = "drug"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the open exam."""

    kind: LineKind
    number: int


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a rule found. `field` is the field or panel of the exam where it is mended; `line` is None when
    it is about the visit; `mended_by` says in Vietnamese which desk can mend it, `is_ours` whether that is the exam.
    `key` names the thing found, whatever the order of the lines; with `needs_reason` signing wants a reason for it."""

    rule: str
    severity: Severity
    message: str
    fix: str
    law: str = ""
    field: str = ""
    line: Line | None = None
    mended_by: str = ""
    is_ours: bool = True
    key: str = ""
    needs_reason: bool = False
    reason_code: str = ""
    reason_words: str = ""

    @property
    def keeps_from_signing(self) -> bool:
        """Whether signing is refused for it, at all or until it has a reason."""
        return self.needs_reason or (self.severity == Severity.BLOCKING and self.is_ours)


@dataclass(frozen=True, slots=True)
class SafetyReport:
    """What the safety of a prescription gave: what was found, and the titles of what could not be looked at."""

    notices: Sequence[Notice] = ()
    not_checked: Sequence[str] = ()


@dataclass(slots=True)
class Shown:
    """Notices to show, and those behind a count."""

    shown: list[Notice] = field(default_factory=list)
    hidden: list[Notice] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.shown or self.hidden)


def worst_first(notices: Iterable[Notice]) -> list[Notice]:
    """By severity, those that want a reason first, else in the order found."""
    return sorted(notices, key=lambda notice: (list(Severity).index(notice.severity), not notice.needs_reason))


def by_line(notices: Iterable[Notice]) -> dict[Line, Shown]:
    """The notices of each line; of all lines together only the worst few, and what keeps from signing, are shown."""
    found: dict[Line, Shown] = {}
    for number, notice in enumerate(worst_first(n for n in notices if n.line is not None)):
        assert notice.line is not None
        row = found.setdefault(notice.line, Shown())
        is_shown = number < SHOWN_AT_ONCE or notice.keeps_from_signing
        (row.shown if is_shown else row.hidden).append(notice)
    return found


def limited(notices: Iterable[Notice]) -> Shown:
    """The worst few with all that keeps from signing, and the rest."""
    found = Shown()
    for number, notice in enumerate(worst_first(notices)):
        is_shown = number < SHOWN_AT_ONCE or notice.keeps_from_signing
        (found.shown if is_shown else found.hidden).append(notice)
    return found


def refuse_blocking(notices: Sequence[Notice]) -> None:
    """Refuse with `rule_broken` when a notice blocks, naming rule and field; `findings` tells all that block.

    What another desk has to mend, such as a list of departments, keeps nobody from signing.
    """
    blocking = [notice for notice in notices if notice.severity == Severity.BLOCKING and notice.is_ours]
    if blocking:
        first = blocking[0]
        more = f" (và {len(blocking) - 1} lỗi khác)" if len(blocking) > 1 else ""
        facts = {"rule": first.rule, "findings": [said(notice) for notice in blocking]}
        raise Refusal(RULE_BROKEN, in_words(first) + more, field=first.field or None, **facts)


def refuse_without_reason(notices: Sequence[Notice], given: Collection[str]) -> None:
    """Refuse with `reason_needed` while a notice that needs a reason has none; `given` are the keys that have one."""
    lacking = [notice for notice in notices if notice.needs_reason and notice.key not in given]
    if lacking:
        more = f" (và {len(lacking) - 1} cảnh báo khác)" if len(lacking) > 1 else ""
        facts = {"findings": [said(notice) for notice in lacking], "keys": [notice.key for notice in lacking]}
        message = f"Cần ghi lý do: {in_words(lacking[0])}{more}"
        raise Refusal(REASON_NEEDED, message, field="reasons", **facts)


def each_finding(refusal: Refusal) -> list[Refusal]:
    """A refusal for each rule that a `rule_broken` one names; any other refusal as it is."""
    if refusal.code != RULE_BROKEN:
        return [refusal]
    return [Refusal(RULE_BROKEN, one["message"], field=one["field"] or None) for one in refusal.facts["findings"]]


def in_words(notice: Notice) -> str:
    """One line: what is wrong, what to do, which rule says so."""
    return f"{notice.message}. {notice.fix} [{notice.rule}]".replace("..", ".")


def said(notice: Notice) -> Mapping[str, str]:
    """A notice as the programming interface tells it."""
    told = {"rule": notice.rule, "field": notice.field, "message": in_words(notice)}
    return told | {"key": notice.key} if notice.key else told
