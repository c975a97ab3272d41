"""How bad a finding is, for the templates: its word and the look of its badge, as all desks have them."""

from django import template

from insurance.rules.words import SEVERITY_BADGE, SEVERITY_VI

register = template.Library()


@register.filter
def severity_word(severity: str) -> str:
    """Từ chối, Cảnh báo or Lưu ý."""
    return SEVERITY_VI[severity]


@register.filter
def severity_look(severity: str) -> str:
    """The class of the badge."""
    return SEVERITY_BADGE[severity]
