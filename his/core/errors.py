"""The one application error: what a user can mend. Everything else is a defect and crashes loudly."""

import errno
from typing import Any

_WHY = {
    errno.EACCES: "không có quyền",
    errno.EEXIST: "đã có tệp cùng tên",
    errno.EISDIR: "đó là một thư mục",
    errno.ENOENT: "không có thư mục này",
    errno.ENOSPC: "ổ đĩa đã đầy",
    errno.ENOTDIR: "đường dẫn đi qua một tệp",
    errno.EPERM: "không có quyền",
    errno.EROFS: "ổ đĩa chỉ cho đọc",
}


class Refusal(Exception):  # noqa: N818 - a refusal is an answer to the user, not a failure
    """A request that the product declines, with a message in Vietnamese for the person at the desk.

    `code` is stable and machine readable, `field` names the form field the message belongs beside,
    `facts` carry figures for the API and tests. Screens show it beside the field, the API answers
    problem+json, commands print one line and exit with 1.
    """

    def __init__(self, code: str, message_vi: str, field: str | None = None, **facts: Any) -> None:
        super().__init__(message_vi)
        self.code = code
        self.message_vi = message_vi
        self.field = field
        self.facts = facts

    def __repr__(self) -> str:
        return f"Refusal({self.code!r}, {self.message_vi!r}, field={self.field!r})"


class PermissionRefused(Refusal):
    """The actor lacks the permission that a service asks for."""

    def __init__(self, permission: str) -> None:
        super().__init__("forbidden", "Tài khoản không có quyền làm việc này", permission=permission)


class NotFound(Refusal):
    """The object does not exist, or belongs to another facility: the two are never told apart."""

    def __init__(self, message_vi: str = "Không tìm thấy dữ liệu tại cơ sở này") -> None:
        super().__init__("not_found", message_vi)


class Unwritable(Refusal):
    """A file or folder named by the user that cannot be written, with the reason the system gave."""

    def __init__(self, error: OSError) -> None:
        why = _WHY.get(error.errno or 0) or error.strerror or str(error)
        super().__init__("unwritable", f"Không ghi được vào {error.filename or 'tệp'}: {why}", field="path")
