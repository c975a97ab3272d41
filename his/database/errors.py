"""What is said when the embedded database cannot run: one message, Vietnamese first, with the end of the log."""

from pathlib import Path

_TAIL_LINES = 15
_HINTS = (
    ("No space left on device", "ổ đĩa đã đầy", "the disk is full"),
    ("Address already in use", "socket đang được máy chủ khác dùng", "another server uses the socket"),
    ("Permission denied", "không đủ quyền với thư mục hoặc tệp", "a folder or file may not be read or written"),
    ("Operation not permitted", "hệ thống từ chối đổi chủ hoặc quyền", "the system refuses to change owner or mode"),
    ("lock file", "một máy chủ khác đang dùng thư mục dữ liệu này", "another server uses this data folder"),
    ("could not look up effective user", "tài khoản đang chạy không có tên", "this user has no name here"),
    ("shared libraries", "thiếu thư viện của hệ thống", "a system library is missing"),
    ("shared memory", "không đủ bộ nhớ dùng chung", "not enough shared memory"),
    ("Cannot allocate memory", "không đủ bộ nhớ", "not enough memory"),
    ("files are incompatible", "dữ liệu thuộc phiên bản PostgreSQL khác", "the data are of another version"),
)


class ClusterError(Exception):
    """The embedded cluster cannot be found, made, started or stopped. The text is complete: print it and stop."""

    def __init__(self, vietnamese: str, english: str, *, detail: str = "", log: Path | None = None) -> None:
        tail = _tail(log)
        hint_vi, hint_en = _hint(f"{detail}\n{tail}")
        lines = [f"{vietnamese}{hint_vi}", f"{english}{hint_en}"]
        if detail.strip():
            lines.append(detail.strip())
        if tail:
            lines.append(f"--- {log}\n{tail}")
        super().__init__("\n".join(lines))


def _tail(log: Path | None) -> str:
    if log is None:
        return ""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_TAIL_LINES:])


def _hint(text: str) -> tuple[str, str]:
    """The likely cause that the server's own words point at, in both languages."""
    for mark, vietnamese, english in _HINTS:
        if mark in text:
            return f": {vietnamese}.", f": {english}."
    return ".", "."
