"""A refusal on the screen: beside its field, in the summary, with the right status; what was typed stays."""

from decimal import Decimal

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import MoneyField, add_refusal, render_refusal, say, status_of
from his.ui.typeahead import Option, answer


class CardForm(forms.Form):
    number = forms.CharField(label="Số thẻ")
    deposit = MoneyField(label="Tạm ứng", required=False)


def bound() -> CardForm:
    form = CardForm({"number": "DN4<'", "deposit": "1.000"})
    assert form.is_valid()
    return form


def test_it_stands_beside_its_field() -> None:
    form = bound()
    add_refusal(form, Refusal("expired", "Thẻ hết hạn", field="number"))
    field = render_to_string("his/components/field.html", {"field": form["number"]})
    assert '<span class="error" id="id_number_error">Thẻ hết hạn</span>' in field
    assert 'aria-describedby="id_number_error"' in field
    assert 'aria-invalid="true"' in field
    assert "DN4&lt;&#x27;" in field


def test_it_stands_on_the_form_when_the_field_is_unknown() -> None:
    form = bound()
    add_refusal(form, Refusal("x", "Kho đang kiểm kê", field="store"))
    assert form.non_field_errors() == ["Kho đang kiểm kê"]


def test_the_summary_takes_the_focus_and_links_to_the_field() -> None:
    form = bound()
    add_refusal(form, Refusal("expired", "Thẻ hết hạn", field="number"))
    summary = render_to_string("his/components/error_summary.html", {"form": form})
    assert "data-focus" in summary
    assert '<a href="#id_number">Số thẻ</a>: Thẻ hết hạn' in summary


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal("expired", "x"), 422),
        (Refusal("busy", "x"), 409),
        (Refusal("already_closed", "x"), 409),
        (NotFound(), 404),
        (PermissionRefused("billing.close"), 403),
    ],
)
def test_status(refusal: Refusal, status: int) -> None:
    assert status_of(refusal) == status


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_without_a_template_it_is_a_page_or_a_part(headers: dict[str, str]) -> None:
    request = RequestFactory().post("/", headers=headers)
    request.htmx = HtmxDetails(request)
    request.user = AnonymousUser()
    response = render_refusal(request, Refusal("busy", "Hồ sơ <đang> bận"))
    page = response.content.decode()
    assert response.status_code == 409
    assert "Hồ sơ &lt;đang&gt; bận" in page
    assert ("data-refusal" in page) is bool(headers)
    assert ("<html" in page) is not bool(headers)


def test_a_screen_gets_its_form_back() -> None:
    request = RequestFactory().post("/")
    form = bound()
    refusal = Refusal("expired", "Thẻ hết hạn", field="number")
    response = render_refusal(request, refusal, "his/components/error_summary.html", form=form)
    assert (response.status_code, "Số thẻ" in response.content.decode()) == (422, True)


def test_initial_values_are_written_as_they_are_read() -> None:
    form = CardForm(initial={"deposit": Decimal("1250500.50")})
    assert 'value="1.250.500,50"' in str(form["deposit"])
    assert "data-money" in str(form["deposit"])


def test_announcements_add_up_and_are_ascii() -> None:
    response = say(say(HttpResponse(), "Đã lưu"), "Thiếu thuốc", urgent=True)
    assert response["HX-Trigger"].isascii()
    assert "his:say" in response["HX-Trigger"]
    assert "his:alert" in response["HX-Trigger"]


def test_a_search_box_shows_at_most_ten_rows_with_marks() -> None:
    request = RequestFactory().get("/", {"q": "para"})
    options = [Option(f"40.{n}", "Paracetamol <500>", data={"unit": "Viên"}) for n in range(30)]
    page = answer(request, options).content.decode()
    assert page.count('role="option"') == 10
    assert "<mark>Para</mark>cetamol &lt;500&gt;" in page
    assert 'data-fill-unit="Viên"' in page
    assert "Không tìm thấy" in answer(request, []).content.decode()
