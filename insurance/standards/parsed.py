"""What reading gathers: a visit with its tables, and its parts while they are being read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from insurance.standards.problems import Problem
from insurance.standards.shapes import Row
from insurance.standards.tables import TableReader


@dataclass(frozen=True, slots=True)
class ParsedClaim:
    """One visit of a file: its tables as rows of tag to text, in the order of the file.

    `position` counts from 1; `facility_code`, `made_on` and `declared` (number of visits) are what the file
    says, empty or None when it says nothing before this visit. `labels` are those of its parts as written, in
    the order of the file, also of parts that could not be read. `claim_code` is the first one in its tables.
    Rows hold all tags that the file has, also unknown ones; `check` names those and the missing.

    Codes of `problems`: `unreadable`, `too_large`, `empty_content` (the table is lacking); `broken` (the visit
    was cut off by broken XML); `older_format` (from before QĐ 130: named, its tables left out);
    `not_well_formed`, `bad_encoding`, `wrong_declaration`, `unknown_encoding`, `escaped_twice`, `packed_file`,
    `no_label`, `content_tag`, `wrong_label`, `label_form`, `wrong_root`, `row_place`, `shared_content`, `no_part`,
    `table_twice`, `tag_twice`, `stray_field`, `letter_case` (read all the same).
    """

    position: int
    tables: Mapping[str, list[Row]]
    facility_code: str = ""
    made_on: str = ""
    declared: int | None = None
    problems: tuple[Problem, ...] = ()
    labels: tuple[str, ...] = ()
    claim_code: str = ""


def declared_count(text: str) -> int | None:
    """The number of visits that an envelope declares, None when it is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


@dataclass(slots=True)
class Part:
    """A part of a visit that began at `depth`: its label, and the content that is being collected. A part
    that `is_outside` stands in the visit without the elements that the standard has around it; one that `is_bare` is
    the table itself."""

    depth: int
    label: str = ""
    has_content: bool = False
    is_bare: bool = False
    is_outside: bool = False
    content_tag: str = ""
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    table: TableReader | None = None
    refused: str = ""


@dataclass(slots=True)
class Visit:
    """The visit that is being read; it began at `depth`."""

    depth: int
    tables: dict[str, list[Row]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    elements: int = 0
    size: int = 0
    rows: int = 0
