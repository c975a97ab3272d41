"""A sheet of a long list: the same cells as those of the library, each put together as one string.

The library escapes the place and the look of every cell, which need none, and looks at every text four times; over
millions of cells that costs more than all else. What is not plain goes its way, and a test reads both ways back.
"""

import re
from typing import Any

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

_PLAIN = re.compile(r"[^\x00-\x1f<>&_\ufffe\uffff\s]+(?: [^\x00-\x1f<>&_\ufffe\uffff\s]+)*")
_COLUMNS = tuple(xl_col_to_name(x) for x in range(256))


class StreamedSheet(Worksheet):
    """For workbooks with `constant_memory`, without looks of whole rows and columns, up to 256 columns."""

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        kind, look = cell.__class__.__name__, cell.format
        place = f'<c r="{_COLUMNS[col]}{row + 1}"'
        if look is not None:
            place += f' s="{look._get_xf_index()}"'
        if kind == "Number":
            self.fh.write(f"{place}><v>{cell.number:.16G}</v></c>")
        elif kind == "String" and _PLAIN.fullmatch(cell.string):
            self.fh.write(f'{place} t="inlineStr"><is><t>{cell.string}</t></is></c>')
        elif kind == "Blank" and look is not None:
            self.fh.write(f"{place}/>")
        else:
            super()._write_cell(row, col, cell)
