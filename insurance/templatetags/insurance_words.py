"""Words of the insurance for the templates: how bad a finding is, and where in the law something stands."""

import re

from django import template

from insurance.rules.words import SEVERITY_BADGE, SEVERITY_VI

register = template.Library()

_ARTICLE = re.compile(r"(?<![\w-])Đ(\d+\w?)")
_CLAUSE = re.compile(r"\bk(\d+)(?: ([a-zđ])\b)?")
_ANNEX = re.compile(r"\bPL ?(?=[\dIVX])")


@register.filter
def severity_word(severity: str) -> str:
    """Từ chối, Cảnh báo or Lưu ý."""
    return SEVERITY_VI[severity]


@register.filter
def severity_look(severity: str) -> str:
    """The class of the badge."""
    return SEVERITY_BADGE[severity]


@register.filter
def law_words(law: str) -> str:
    """A place in the law as it is read aloud: Luật BHYT Đ22 k1 e becomes Luật BHYT Điều 22 khoản 1 điểm e."""
    words = _ARTICLE.sub(r"Điều \1", _ANNEX.sub("Phụ lục ", law))
    return _CLAUSE.sub(lambda found: f"khoản {found[1]}" + (f" điểm {found[2]}" if found[2] else ""), words)
