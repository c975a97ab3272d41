"""Filters and tags of the screens. The filters are thin: the writing itself is in `his.ui.text`."""

from datetime import date, datetime
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from his.core import dates
from his.ui import icons, text
from his.ui.script import script

register = template.Library()

_EMPTY = (None, "")
_CAPS = {"ArrowUp": "↑", "ArrowDown": "↓", "Escape": "Esc", "Delete": "Del", "Insert": "Ins"}


@register.filter
def money(value: Any) -> str:
    """`{{ amount|money }}` -> `1.250.500`. Nothing for None; a float raises."""
    return "" if value in _EMPTY else text.money_text(value)


@register.filter
def signed_money(value: Any) -> str:
    """A change in đồng: `+9.700`, `−1.940`, `0`."""
    return "" if value in _EMPTY else text.signed_money_text(value)


@register.filter
def qty(value: Any) -> str:
    """A quantity without trailing zeros: `10`, `0,5`."""
    return "" if value in _EMPTY else text.decimal_text(value)


@register.filter
def percent(value: Any) -> str:
    """`80` -> `80%`, `47.5` -> `47,5%`."""
    return "" if value in _EMPTY else text.decimal_text(value) + "%"


@register.filter
def vn_date(value: Any) -> str:
    """`22/11/2026`. A `BirthDate` shows only what is known of it."""
    if value in _EMPTY:
        return ""
    return value.text() if isinstance(value, dates.BirthDate) else text.day_text(value)


@register.filter
def vn_datetime(value: Any) -> str:
    """`22/11/2026 08:05`."""
    return "" if value in _EMPTY else text.minute_text(value)


@register.filter
def vn_time(value: Any) -> str:
    """`08:05`."""
    return "" if value in _EMPTY else text.time_text(value)


@register.filter
def age(birth: Any, on: date | datetime | None = None) -> str:
    """Age in the unit a clinician expects: `72 tuổi`, `18 tháng`, `12 ngày`. Without `on`: today."""
    if birth in _EMPTY:
        return ""
    day = timezone.localdate() if on in _EMPTY else on
    if isinstance(day, datetime):
        day = dates.local(day).date() if day.tzinfo else day.date()
    assert day is not None
    if isinstance(birth, dates.BirthDate):
        return dates.age_text(birth.value, day, birth.precision)
    return dates.age_text(birth, day)


@register.filter
def accent(code: Any) -> str:
    """CSS class of a patient's accent colour from the patient code."""
    return text.accent(str(code))


@register.filter
def highlight(value: Any, query: Any) -> SafeString:
    """The original text with the words of the query marked, whether they were typed with marks or not."""
    original = str(value or "")
    parts: list[SafeString] = []
    last = 0
    for start, end in text.matches(original, str(query or "")):
        parts.append(conditional_escape(original[last:start]))
        parts.append(format_html("<mark>{}</mark>", original[start:end]))
        last = end
    parts.append(conditional_escape(original[last:]))
    return mark_safe("".join(parts))


@register.filter
def keycap(combo: str) -> str:
    """A key combination as it is printed on the keys: `Ctrl+Delete` -> `Ctrl+Del`."""
    return "+".join(_CAPS.get(part, part) for part in combo.split("+"))


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An inline icon. Without `label` it is decoration beside a text."""
    return icons.svg(name, label)


@register.simple_tag
def keyed(label: str, letter: str) -> SafeString:
    """A button's label with its Alt letter underlined; the button itself carries `data-key`."""
    folded = [text.fold_char(char) for char in label]
    if letter not in folded:
        return format_html("{} (<u>{}</u>)", label, letter.upper())
    at = folded.index(letter)
    return format_html("{}<u>{}</u>{}", label[:at], label[at], label[at + 1 :])


@register.simple_tag
def data(**values: Any) -> SafeString:
    """`{% data unit=drug.unit %}` -> `data-unit="Viên"`; empty values are left out."""
    shown = [(name.replace("_", "-"), value) for name, value in values.items() if value not in _EMPTY]
    return format_html_join(" ", 'data-{}="{}"', shown)


@register.simple_tag
def his_script() -> SafeString:
    """The script of the screens, for the head of a page; after `{% htmx_script %}`, which it listens to."""
    return format_html('<script src="{}" defer></script>', reverse("script", args=[script().version]))
