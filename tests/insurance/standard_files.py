"""Claim files as the field sends them, put together from strings for the tests of reading."""

import gzip
from base64 import b64encode

from insurance.standards import load, render_table
from tests.insurance import standard_cases as cases

STANDARD = load("qd1931")
SUMMARY = render_table(STANDARD, "XML1", [cases.SUMMARY])
DRUGS = render_table(STANDARD, "XML2", cases.DRUGS)
SERVICES = render_table(STANDARD, "XML3", cases.SERVICES)


def packed(content):
    return b64encode(content).decode()


def gzipped(content):
    """The same bytes each time, for the names of tests."""
    return gzip.compress(content, mtime=0)


def plain(content):
    return content.decode().partition("?>")[2]


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def hoso(*contents):
    """One visit of (label, content) pairs."""
    files = "".join(
        f"<FILEHOSO><LOAIHOSO>{label}</LOAIHOSO><NOIDUNGFILE>{content}</NOIDUNGFILE></FILEHOSO>"
        for label, content in contents
    )
    return f"<HOSO>{files}</HOSO>"


def envelope(*visits, count=None, signature="<CHUKYDONVI/>"):
    """A file of visits, declaring their number unless told otherwise."""
    declared = len(visits) if count is None else count
    return (
        f"<GIAMDINHHS><THONGTINDONVI><MACSKCB>99001</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>20260806</NGAYLAP>"
        f"<SOLUONGHOSO>{declared}</SOLUONGHOSO><DANHSACHHOSO>{''.join(visits)}</DANHSACHHOSO></THONGTINHOSO>"
        f"{signature}</GIAMDINHHS>"
    ).encode()


def visit(number):
    """A small sound visit, told apart by its claim code, nested as plain XML."""
    return hoso(("XML1", f"<TONG_HOP><MA_LK>99001.{number}</MA_LK><NGAY_RA>202608061000</NGAY_RA></TONG_HOP>"))


def file_with(*contents, count="1"):
    """A file of one visit."""
    return envelope(hoso(*contents), count=count)


def codes(problems):
    return [problem.code for problem in problems]
