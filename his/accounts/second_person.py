"""A second person who confirms at somebody else's screen, with their own password and without signing in there."""

from django.contrib.auth import authenticate
from django.http import HttpRequest

from his.accounts.models import User
from his.core.errors import Refusal


def confirmed_by(request: HttpRequest, username: str, password: str, *, field: str) -> User:
    """The account whose password was typed. Refuses, beside the field, what does not belong together.

    Wrong passwords count as when signing in, so that nobody can try them here (docs of the sign-in lock-out).
    """
    found = authenticate(request, username=username.strip(), password=password) if username and password else None
    if not isinstance(found, User):
        raise Refusal("wrong_password", "Tên đăng nhập hoặc mật khẩu của người xác nhận chưa đúng", field=field)
    return found
