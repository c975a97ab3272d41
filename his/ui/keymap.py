"""The keyboard map: the only place where a key is given a meaning.

The script reads it from the page, the help dialog (F1) is drawn from it, and a test refuses collisions
and bare letters: a keyboard-wedge scanner types letters, so a letter alone must never act (WCAG 2.1.4).
A screen offers an action by marking an element with `data-action="<code>"`; a key whose action is not
on the screen says so instead of doing something else.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One action and the keys that start it. `where` groups the help."""

    action: str
    keys: tuple[str, ...]
    label_vi: str
    where: str = "desk"


KEYMAP: tuple[Key, ...] = (
    Key("help", ("F1",), "Trợ giúp phím tắt"),
    Key("new", ("F2",), "Tạo mới / văn bản mẫu"),
    Key("find", ("F3",), "Về ô tìm kiếm"),
    Key("card-check", ("F4",), "Kiểm tra thẻ BHYT"),
    Key("refresh", ("F5",), "Tải lại danh sách"),
    Key("orders", ("F6",), "Chỉ định dịch vụ"),
    Key("today", ("F7",), "Danh sách hôm nay"),
    Key("prescription", ("F8",), "Đơn thuốc"),
    Key("save", ("F9", "Ctrl+Enter"), "Lưu"),
    Key("print", ("F10",), "In"),
    Key("next", ("F12",), "Người bệnh kế tiếp"),
)

# Moves inside a form or list. The script implements them; they are listed for the help page and the collision test.
MOVES: tuple[Key, ...] = (
    Key("field-next", ("Enter",), "Sang ô kế tiếp", "form"),
    Key("field-back", ("Shift+Enter",), "Về ô trước", "form"),
    Key("row-add", ("Ctrl+Insert",), "Thêm dòng", "grid"),
    Key("row-remove", ("Ctrl+Delete",), "Bỏ dòng", "grid"),
    Key("list-up", ("ArrowUp",), "Lên một dòng", "list"),
    Key("list-down", ("ArrowDown",), "Xuống một dòng", "list"),
    Key("close", ("Escape",), "Đóng hộp thoại, bỏ gợi ý", "list"),
)

WHERE_VI = {"desk": "Mọi bàn làm việc", "form": "Trong biểu mẫu", "grid": "Trong bảng nhập", "list": "Trong danh sách"}

# Alt+letter belongs to the button that shows the underlined letter. These letters stay with the browser or the
# Vietnamese input method: d address bar, e and f menus, z switches the input method.
RESERVED_ALT = frozenset("defz")

_NAMED = re.compile(r"^(F([1-9]|1[0-2])|Enter|Escape|Insert|Delete|Arrow(Up|Down|Left|Right)|Page(Up|Down)|Home|End)$")
_LETTER = re.compile(r"^[0-9a-z]$", re.IGNORECASE)


def all_keys() -> tuple[Key, ...]:
    """Every key of the product, actions first."""
    return KEYMAP + MOVES


def problems(keys: Sequence[Key]) -> list[str]:
    """What is wrong with a map: collisions in one place, unknown key names, letters without Ctrl or Alt."""
    found: list[str] = []
    owner: dict[tuple[str, str], str] = {}
    for key in keys:
        for combo in key.keys:
            *modifiers, last = combo.split("+")
            if not _NAMED.match(last) and not _LETTER.match(last):
                found.append(f"{key.action}: unknown key {combo}")
            if _LETTER.match(last) and not {"Ctrl", "Alt"} & set(modifiers):
                found.append(f"{key.action}: bare letter {combo}")
            if other := owner.get((key.where, combo)):
                found.append(f"{key.action}: {combo} already means {other}")
            owner[(key.where, combo)] = key.action
    return found


def alt_problems(letters: Sequence[str]) -> list[str]:
    """What is wrong with the `data-key` letters of one screen."""
    found = [f"{letter!r} is not one letter a to z" for letter in letters if not re.fullmatch(r"[a-z]", letter)]
    found += [
        f"Alt+{letter} belongs to the browser or the input method" for letter in letters if letter in RESERVED_ALT
    ]
    return found + [f"Alt+{letter} used twice" for letter in sorted({x for x in letters if letters.count(x) > 1})]


def for_script() -> list[dict[str, object]]:
    """The map as the page gives it to the script."""
    return [{k: v for k, v in asdict(key).items() if k in {"action", "keys", "label_vi"}} for key in KEYMAP]


def for_help() -> list[tuple[str, list[Key]]]:
    """Groups of keys for the help dialog, in reading order."""
    return [(label, [k for k in all_keys() if k.where == where]) for where, label in WHERE_VI.items()]
