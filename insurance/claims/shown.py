"""One claim as people read it: its tables with what was found at each field, and the desk where it can be mended."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from his.accounts.models import Facility
from his.core.errors import NotFound
from insurance.claims.causes import title_of
from insurance.claims.stored import tables_of
from insurance.models import Claim, Finding, FindingWaiver
from insurance.rules.desks import place_of
from insurance.standards import Standard, load

Place = tuple[str, int | None, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a claim as shown: tag, Vietnamese name, value, and what was found there."""

    tag: str
    name: str
    value: str
    findings: tuple[Finding, ...]

    @property
    def is_empty(self) -> bool:
        return not self.value and not self.findings

    @property
    def mark(self) -> str:
        """How the field is marked: by the worst finding that counts, `waived` when none does, empty without any."""
        return (_worst(self.findings) or "waived") if self.findings else ""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row of a table of the claim; `findings` counts those not waived, `worst` is the severity of the worst."""

    number: int
    title: str
    cells: tuple[Cell, ...]
    findings: int
    worst: str


@dataclass(frozen=True, slots=True)
class ShownTable:
    """One table of the claim; `findings` also counts those that name no row, which are `general`."""

    name: str
    title: str
    rows: tuple[ShownRow, ...]
    findings: int
    worst: str
    general: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding with the title of its rule, the field's place on the page, and the desk that can mend it."""

    finding: Finding
    title: str
    anchor: str
    desk: str


_TITLES = {"XML2": "TEN_THUOC", "XML3": "TEN_DICH_VU", "XML4": "TEN_CHI_SO", "XML5": "THOI_DIEM_DBLS"}


def findings_of(claim: Claim) -> list[Finding]:
    """The findings of a claim with their waivers: what blocks first, waived ones last, then by place."""
    severities = Finding.Severity.values
    rows = claim.findings.select_related("waiver__by").order_by("table", "row", "id")
    return sorted(rows, key=lambda one: (one.waiver_id is not None, severities.index(one.severity)))


def get_finding(facility: Facility, pk: int) -> Finding:
    """A finding of the facility with its claim and visit. Raises NotFound."""
    rows = Finding.objects.for_facility(facility).select_related("claim__visit__patient", "claim__visit__facility")
    found: Finding | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def get_waiver(facility: Facility, pk: int) -> FindingWaiver:
    """A waiver of the facility. Raises NotFound."""
    found: FindingWaiver | None = FindingWaiver.objects.for_facility(facility).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def shown_findings(claim: Claim, findings: Sequence[Finding]) -> list[ShownFinding]:
    """The findings as the list at the top of a claim shows them."""
    standard = load(claim.standard)
    return [
        ShownFinding(
            finding=one,
            title=title_of(one.rule),
            anchor=f"{one.table}-{one.row or 1}-{one.field}",
            desk=place_of(standard, one.table, one.field).mended_by,
        )
        for one in findings
    ]


def shown_tables(claim: Claim, findings: Sequence[Finding]) -> list[ShownTable]:
    """The stored texts of a claim as tables, with its findings where they belong."""
    standard = load(claim.standard)
    found: dict[Place, list[Finding]] = defaultdict(list)
    for finding in findings:
        found[finding.table, finding.row, finding.field].append(finding)
    return [_table(standard, name, rows, found) for name, rows in tables_of(claim).items()]


def _table(
    standard: Standard, name: str, rows: Sequence[Mapping[str, str]], found: Mapping[Place, list[Finding]]
) -> ShownTable:
    table = standard.tables.get(name)
    names = {field.tag: field.name for field in table.fields} if table else {}
    shown = []
    for number, row in enumerate(rows, 1):
        cells = tuple(
            Cell(tag, names.get(tag, ""), value, tuple(found.get((name, number, tag), ())))
            for tag, value in row.items()
        )
        title, here = row.get(_TITLES.get(name, ""), ""), [one for cell in cells for one in cell.findings]
        shown.append(ShownRow(number, title, cells, _count(here), _worst(here)))
    places = {(name, number, tag) for number, row in enumerate(rows, 1) for tag in row}
    general = [one for place, some in found.items() if place[0] == name and place not in places for one in some]
    every = [one for place, some in found.items() if place[0] == name for one in some]
    title = table.title if table else ""
    return ShownTable(name, title, tuple(shown), _count(every), _worst(every), tuple(general))


def _worst(findings: Sequence[Finding]) -> str:
    """The worst severity of those that are not waived, empty without any."""
    counting = {finding.severity for finding in findings if finding.waiver_id is None}
    return next((one for one in Finding.Severity.values if one in counting), "")


def _count(findings: Sequence[Finding]) -> int:
    return sum(1 for finding in findings if finding.waiver_id is None)
