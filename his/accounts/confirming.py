"""A password typed at a desk: of a second person who confirms there, or the own one as a signature.

Wrong passwords count as when signing in, so that nobody can try them here (docs of the sign-in lock-out).
"""

from django.contrib.auth import authenticate
from django.http import HttpRequest

from his.accounts.models import User
from his.core.errors import Refusal


def confirmed_by(request: HttpRequest, username: str, password: str, *, field: str) -> User:
    """The account whose password was typed. Refuses, beside the field, what does not belong together."""
    if (found := _known(request, username.strip(), password)) is None:
        raise Refusal("wrong_password", "Tên đăng nhập hoặc mật khẩu của người xác nhận chưa đúng", field=field)
    return found


def sign_with(request: HttpRequest, password: str, *, field: str) -> None:
    """Refuse, beside the field, another password than that of the one who is signed in."""
    user = request.user
    if not isinstance(user, User) or _known(request, user.username, password) is None:
        raise Refusal("wrong_password", "Mật khẩu không đúng, chưa ký", field=field)


def _known(request: HttpRequest, username: str, password: str) -> User | None:
    found = authenticate(request, username=username, password=password) if username and password else None
    return found if isinstance(found, User) else None
