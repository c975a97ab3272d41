"""Sign-in rules: accounts are made by an administrator, nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignup(DefaultAccountAdapter):
    """Closes the sign-up pages of the sign-in library and says its messages in Vietnamese."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "Tài khoản đã bị khóa",
        "enter_current_password": "Hãy nhập mật khẩu hiện tại",
        "incorrect_password": "Mật khẩu chưa đúng",
        "too_many_login_attempts": "Sai quá nhiều lần, hãy thử lại sau",
        "username_password_mismatch": "Tên đăng nhập hoặc mật khẩu chưa đúng",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
