"""Sign-in rules: accounts are made by an administrator, nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignup(DefaultAccountAdapter):
    """Closes the sign-up pages of the sign-in library."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
