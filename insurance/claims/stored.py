"""A stored claim read again: its file, its message of arrival, its fields. Every version stays readable."""

from his.accounts.models import Facility
from insurance.models import Claim, ClaimLayout
from insurance.standards import Layout, Template

CHECK_IN = "XML0"
_templates: dict[str, Template] = {}
"""By digest of the layout: what a digest stands for never changes."""


def template_of(row: ClaimLayout) -> Template:
    """The compiled template of a layout."""
    if row.digest not in _templates:
        _templates[row.digest] = Template(Layout.from_json(row.content))
    return _templates[row.digest]


def template_for(layout: Layout) -> Template:
    """The compiled template of a layout that may not be stored yet."""
    return _templates.setdefault(layout.digest, Template(layout))


def templates(layout_ids: set[int]) -> dict[int, Template]:
    """The templates of stored layouts, by id."""
    return {row.pk: template_of(row) for row in ClaimLayout.objects.filter(pk__in=layout_ids)}


def stored_layout(layout: Layout, standard: str) -> ClaimLayout:
    """The row of a layout, made when it is new."""
    row, _ = ClaimLayout.objects.get_or_create(
        digest=layout.digest, defaults={"standard": standard, "content": layout.as_json()}
    )
    return row


def content_of(claim: Claim) -> bytes:
    """The bytes of a claim as they are exported."""
    facility: Facility = claim.facility
    return template_of(claim.layout).file(facility.code, claim.made_on, claim.body.encode())


def rows_of(claim: Claim) -> dict[str, list[dict[str, str]]]:
    """The tables that travel in the file, as rows of tag to text."""
    layout = template_of(claim.layout).layout
    inside = {table.name for table in layout.tables if table.in_envelope}
    return {name: rows for name, rows in layout.split(claim.body).items() if name in inside}


def tables_of(claim: Claim) -> dict[str, list[dict[str, str]]]:
    """All tables of a claim, also those that travel alone, as rows of tag to text."""
    return template_of(claim.layout).layout.split(claim.body)
