"""What the panel beside a report shows of its filing: state, steps, checks, and the one thing that can be done next."""

from typing import Any

from django import forms
from django.utils import timezone

from his.accounts.actor import Actor
from his.ui.forms import MomentField
from reports.filing.queries import filed_text, filed_version, filing_badge, filing_of, filing_title, steps_of
from reports.filing_models import Filing, FilingStep
from reports.models import ReportRun

State = Filing.State


class SignForm(forms.Form):
    """The own password, as a signature."""

    password = forms.CharField(
        label="Mật khẩu của bạn",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        error_messages={"required": "Hãy gõ mật khẩu để ký"},
    )


class SendForm(forms.Form):
    """How and when a report was sent, and what came back."""

    channel = forms.ChoiceField(label="Gửi qua", choices=FilingStep.Channel.choices)
    receipt = forms.CharField(
        label="Số tiếp nhận, người nhận",
        max_length=500,
        error_messages={"required": "Ghi số tiếp nhận, mã giao dịch hoặc người nhận"},
    )
    sent_at = MomentField(label="Lúc gửi", error_messages={"required": "Gõ lúc gửi"})


class WithdrawForm(forms.Form):
    """Why a report is withdrawn."""

    reason = forms.CharField(label="Lý do rút", max_length=500, error_messages={"required": "Ghi lý do rút báo cáo"})


def filing_context(run: ReportRun, actor: Actor) -> dict[str, Any]:
    """The filing of a version, that of another version of the same report, and what the actor may do."""
    filing, filed = filing_of(run), filed_version(run)
    state = filing.state if filing else ""
    other = filed if filed is not None and filed.run_id != run.pk else None
    may_sign, is_live = actor.may("reports.sign"), state in {State.CHECKED, State.SIGNED, State.SENT}
    return {
        "filing": filing,
        "filing_state": filing_badge(filing) if filing else ("Nháp", "off"),
        "filing_title": filing_title(filing) if filing else "",
        "steps": steps_of(run),
        "other_filed": other,
        "other_text": filed_text(other) if other else "",
        "may_check": state in {"", State.CHECKED, State.WITHDRAWN} and other is None and actor.may("reports.run"),
        "may_sign": state == State.CHECKED and may_sign,
        "may_send": state == State.SIGNED and actor.may("reports.send"),
        "may_withdraw": is_live and may_sign,
        "sign_form": SignForm(),
        "send_form": SendForm(initial={"sent_at": timezone.now()}),
        "withdraw_form": WithdrawForm(),
    }
