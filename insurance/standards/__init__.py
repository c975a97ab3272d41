"""The claim data standard as data, and the one pure engine that reads it.

The ministry's decrees (QĐ 130/QĐ-BYT and its amendments) live in `insurance/data/standards`; this package
loads them, writes and checks the tables, reads anybody's file and compares two decrees. No Django, no
clock, no network: dates and paths are arguments.
"""

from insurance.standards.archive import Member, archive_members, is_archive
from insurance.standards.check import check
from insurance.standards.describe import Change, describe, diff
from insurance.standards.detect import Detected, detect_standard
from insurance.standards.layout import Layout, TableLayout
from insurance.standards.limits import LIMITS, Limits
from insurance.standards.load import available, load, load_from, select_standard
from insurance.standards.model import Standard, StandardError
from insurance.standards.money_check import Claim, check_money
from insurance.standards.parse import EnvelopeReader, ParsedFile, parse_envelope, parse_file, parse_table
from insurance.standards.parsed import ParsedClaim
from insurance.standards.problems import ParseError, Problem
from insurance.standards.render import (
    RenderError,
    render_checkin,
    render_envelope,
    render_table,
    row_texts,
    table_document,
)
from insurance.standards.template import Template
from insurance.standards.values import PartialDate

__all__ = [
    "LIMITS",
    "Change",
    "Claim",
    "Detected",
    "EnvelopeReader",
    "Layout",
    "Limits",
    "Member",
    "ParseError",
    "ParsedClaim",
    "ParsedFile",
    "PartialDate",
    "Problem",
    "RenderError",
    "Standard",
    "StandardError",
    "TableLayout",
    "Template",
    "archive_members",
    "available",
    "check",
    "check_money",
    "describe",
    "detect_standard",
    "diff",
    "is_archive",
    "load",
    "load_from",
    "parse_envelope",
    "parse_file",
    "parse_table",
    "render_checkin",
    "render_envelope",
    "render_table",
    "row_texts",
    "select_standard",
    "table_document",
]
