"""A stream of XML events under limits: nothing is kept, no document type or entity is ever read.

Built on expat, which needs no tree: memory depends on one token, not on the file. Names may carry a prefix and
any letter case; handlers turn them into those of the standard.
"""

from __future__ import annotations

from typing import Protocol
from xml.parsers import expat

from insurance.standards.limits import Limits
from insurance.standards.problems import ParseError

_CODES = expat.errors.codes
_WORDS = {
    expat.errors.XML_ERROR_NO_ELEMENTS: "tệp bị cắt ngang, còn thẻ chưa đóng",
    expat.errors.XML_ERROR_UNCLOSED_TOKEN: "tệp bị cắt ngang giữa một thẻ",
    expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION: "đoạn CDATA chưa đóng",
    expat.errors.XML_ERROR_INVALID_TOKEN: "có ký tự không được phép (thường là dấu & hoặc < chưa mã hóa)",
    expat.errors.XML_ERROR_TAG_MISMATCH: "thẻ đóng không khớp thẻ mở",
    expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE: "một thuộc tính viết hai lần",
    expat.errors.XML_ERROR_UNDEFINED_ENTITY: "có thực thể lạ (dạng &ten;)",
    expat.errors.XML_ERROR_BAD_CHAR_REF: "có mã ký tự không được phép (dạng &#0;)",
    expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT: "có nội dung thừa sau thẻ gốc",
}
_REASONS = {_CODES[text]: words for text, words in _WORDS.items()}


class BrokenXmlError(ParseError):
    """The XML is not well formed, or over a limit, at `line`; `at` is the byte of the piece last fed."""

    def __init__(self, reason: str, line: int, at: int) -> None:
        super().__init__(f"{reason} (dòng {line})")
        self.reason = reason
        self.line = line
        self.at = at


class ForbiddenError(ParseError):
    """The file holds something that is never accepted, or is no claim file at all: reading stops."""


class OverLimitError(ParseError):
    """A handler met more than a limit allows."""


class Handler(Protocol):
    """What receives the events. `start` and `end` get names as written; text comes in pieces."""

    def start(self, raw: str, attributes: list[str]) -> None: ...
    def end(self, raw: str) -> None: ...
    def text(self, data: str) -> None: ...


def _refuse_doctype(*_: object) -> None:
    raise ForbiddenError("Tệp có khai báo DOCTYPE, không được nhận")


class XmlFeed:
    """One document, fed in pieces of UTF-8. Raises BrokenXmlError and ForbiddenError."""

    def __init__(self, handler: Handler, limits: Limits, first_line: int = 1) -> None:
        self._limits = limits
        self._first_line = first_line
        self._fed = self._quiet = self._token_at = 0
        self._names: dict[str, str] = {}
        parser = expat.ParserCreate("utf-8", None, self._names)
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.ordered_attributes = True
        parser.StartElementHandler = handler.start
        parser.EndElementHandler = handler.end
        parser.CharacterDataHandler = handler.text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser = parser

    def feed(self, data: bytes) -> None:
        """Read on. After an error the feed is spent."""
        self._parse(data, final=False)
        at = self._parser.CurrentByteIndex
        self._quiet = self._fed - at if at >= 0 else self._fed
        if self._quiet > self._limits.token:
            raise self._broken(f"một thẻ hoặc chú thích dài quá {self._limits.token} ký tự", len(data))
        if len(self._names) > self._limits.names:
            raise ForbiddenError(f"Tệp có quá {self._limits.names} tên thẻ khác nhau, không phải tệp hồ sơ")

    def close(self) -> None:
        """The document ends here."""
        self._parse(b"", final=True)

    def _parse(self, data: bytes, *, final: bool) -> None:
        before = self._fed
        self._fed += len(data)
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            at = max(0, self._parser.ErrorByteIndex - before)
            reason = _REASONS.get(error.code, "sai cú pháp XML")
            line = self._first_line + error.lineno - 1
            raise BrokenXmlError(reason, line, at) from error
        except OverLimitError as error:
            at = max(0, self._parser.CurrentByteIndex - before)
            raise self._broken(str(error), at + 1) from error

    def _broken(self, reason: str, at: int) -> BrokenXmlError:
        return BrokenXmlError(reason, self._first_line + self._parser.CurrentLineNumber - 1, at)
