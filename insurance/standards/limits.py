"""How much a claim file may ask of the reader, so that no file can exhaust memory or time.

The numbers are far above what the field sends (a very long stay has some ten thousand lines, about 16 MB) and
far below what harms a small server. Tests inject small ones.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one file, of one visit in it and of an archive of files.

    Of a file: `depth` of elements; `token`, characters that one tag, comment or processing instruction may
    take; `attributes` of an element; `names`, different element and attribute names; `visits`; `documents`,
    envelopes that may follow one another; `resumes`, how often reading goes on after broken XML; `header`,
    characters of what an envelope says of itself.

    Of a visit: `parts`, its tables and their copies; `content`, characters of all its tables unpacked;
    `elements`; `rows` of all its tables; `value`, characters of one field; `repair`, characters of a broken
    table that is read again mended. A table over a limit is refused by name and the rest is read.

    `ratio` is how many times larger compressed data may become, after the first megabyte. Of an archive:
    `members`, `member` and `total` bytes unpacked, `directory` bytes of its list of members.
    """

    depth: int = 40
    token: int = MIB
    attributes: int = 100
    names: int = 20_000
    visits: int = 1_000_000
    parts: int = 100
    documents: int = 100_000
    resumes: int = 1_000
    content: int = 64 * MIB
    elements: int = 3_000_000
    rows: int = 60_000
    value: int = MIB
    repair: int = 8 * MIB
    header: int = 1_000
    ratio: int = 200
    members: int = 100_000
    member: int = 1024 * MIB
    total: int = 8 * 1024 * MIB
    directory: int = 16 * MIB


LIMITS = Limits()
