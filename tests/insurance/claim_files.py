"""Claim files of invented systems, made from the sound claims of the rules' tests."""

from base64 import b64encode
from collections.abc import Callable

from lxml import etree

from insurance.rules.engine import VisitFacts
from insurance.standards import Standard
from tests.insurance.rule_claims import claim

OTHER = (
    "out; XML1.MA_BN=99001.000043; XML1.HO_TEN=Trần Thị Khác; XML1.SO_CCCD=099154000043;"
    "XML1.MA_THE_BHYT=HT3999900000043; XML3[1].NGAY_TH_YL=202608030812"
)
"""The outpatient visit, of another person than the inpatient one."""

Pack = Callable[[bytes], str]


def packed(xml: bytes) -> str:
    return b64encode(xml).decode()


def plain(xml: bytes) -> str:
    return xml.decode()


def table_xml(standard: Standard, name: str, facts: VisitFacts) -> bytes:
    """One table as the standard has it."""
    spec = standard.tables[name]
    root = etree.Element(spec.root)
    parent = etree.SubElement(root, spec.list) if spec.list else root
    for row in facts.rows(name):
        element = etree.SubElement(parent, spec.row) if spec.row else root
        for tag, text in row.texts.items():
            etree.SubElement(element, tag).text = text or None
    return etree.tostring(root, encoding="utf-8")


def visit_xml(overlay: str = "", pack: Pack = packed, code: str = "") -> str:
    """One HOSO from an overlay over a sound claim."""
    facts = claim(overlay)
    parts = []
    for name in facts.standard.tables:
        if name not in facts.tables:
            continue
        xml = table_xml(facts.standard, name, facts)
        if code:
            xml = xml.replace(b"99001.2608.000017", code.encode())
        parts.append(f"<FILEHOSO><LOAIHOSO>{name}</LOAIHOSO><NOIDUNGFILE>{pack(xml)}</NOIDUNGFILE></FILEHOSO>")
    return f"<HOSO>{''.join(parts)}</HOSO>"


def file_xml(*visits: str, count: str = "") -> bytes:
    """A whole file around the visits."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><GIAMDINHHS><THONGTINDONVI><MACSKCB>99001</MACSKCB></THONGTINDONVI>'
        f"<THONGTINHOSO><NGAYLAP>20260806</NGAYLAP><SOLUONGHOSO>{count or len(visits)}</SOLUONGHOSO>"
        f"<DANHSACHHOSO>{''.join(visits)}</DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI>x</CHUKYDONVI></GIAMDINHHS>"
    ).encode()
