"""Slow answers in a real browser: a list always comes, no letter is lost, and the focus stays where the hands are.

Every delay is made by the test: an answer waits in the browser until the test lets it through.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import include, path
from playwright.sync_api import Browser, Page, Route, expect

from his.core.text import fold
from his.ui.typeahead import Option, answer

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

HUMAN = 45  # ms between keys; a scanner has less than 30
SERVICES = [("S1", "Glucose máu"), ("S2", "Glucose niệu"), ("S3", "Creatinin máu"), ("S4", "Gan, siêu âm")]
ORDERS = """<form hx-post="/orders/" hx-trigger="submit, his:choose" hx-target="#panel">
<p id="ordered">{{ ordered }}</p><input name="note" aria-label="Ghi chú" required>
{% include "his/components/typeahead.html" with name="service" label="Dịch vụ" url="/services/" autofocus=1 only %}
</form>"""
PAGE = """{% extends "his/desk.html" %}{% block desk %}trial{% endblock %}
{% block work %}<form data-enter="next">
<label for="name">Tên</label><input id="name" name="name" autofocus>
<label for="note">Ghi chú</label><textarea id="note" name="note"></textarea>
{% include "his/components/typeahead.html" with name="main" label="Bệnh chính" url="/services/" only %}
<div id="checks" hx-get="/checks/" hx-trigger="change from:#name"></div>
<button type="button" data-action="orders" hx-get="/orders/" hx-target="#panel">Chỉ định</button>
</form>{% endblock %}
{% block panel %}<div hx-get="/news/" hx-trigger="his:poll" hx-target="#panel"><input id="old" name="old"></div>
{% endblock %}
"""


def desk(request: HttpRequest) -> HttpResponse:
    return HttpResponse(Template(PAGE).render(RequestContext(request)))


def services(request: HttpRequest) -> HttpResponse:
    words = fold(request.GET["q"]).split()
    found = [one for one in SERVICES if all(word in fold(one[1]) for word in words)]
    return answer(request, [Option(code, name) for code, name in found])


def orders(request: HttpRequest) -> HttpResponse:
    context = {"ordered": f"Đã chỉ định {request.POST.get('service', '')}"}
    return HttpResponse(Template(ORDERS).render(RequestContext(request, context)))


def checks(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<input id='asked' data-focus aria-label='Lý do'>")


def news(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<p id='news'>Có kết quả</p>")


urlpatterns = [
    path("trial/", desk),
    path("services/", services),
    path("orders/", orders),
    path("checks/", checks),
    path("news/", news),
    path("", include("his.urls")),
]


@pytest.fixture
def page(settings: Any, live_server: Any, chromium: Browser) -> Iterator[Page]:
    settings.ROOT_URLCONF = __name__
    wrong: list[str] = []
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{live_server.url}/trial/")
    expect(page.locator("#name")).to_be_focused()
    yield page
    page.close()
    assert wrong == []


class Held:
    """The answers of one address: from now on they wait, until the test lets them through."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.routes = page, list[Route]()
        page.route(re.compile(address), lambda route: self.routes.append(route))

    def asked(self, times: int = 1) -> "Held":
        """Wait for so many questions."""
        for _ in range(300):
            if len(self.routes) >= times:
                return self
            self.page.wait_for_timeout(50)
        raise AssertionError(f"asked {len(self.routes)} times, not {times}")

    def answer(self, how: Callable[[Route], None] = Route.continue_) -> None:
        """Let the oldest through; it may have been given up meanwhile."""
        how(self.routes.pop(0))


def test_a_list_that_was_answered_while_the_focus_was_elsewhere_comes_on_return(page: Page) -> None:
    held = Held(page, r"/services/\?q=gluc$")
    page.focus("#id_main_text")
    page.keyboard.type("gluc", delay=HUMAN)
    held.asked()
    page.evaluate("document.querySelector('#note').focus()")
    with page.expect_response("**/services/?q=gluc"):
        held.answer()
    page.unroute_all()
    page.evaluate("document.querySelector('#id_main_text').focus()")
    expect(page.locator("#id_main_list [role=option]")).to_have_count(2)


def test_enter_works_again_after_a_list_was_given_up(page: Page) -> None:
    """Left before the answer, and come back: Enter chooses, it is not swallowed for ever."""
    held = Held(page, r"/services/\?q=crea$")
    page.focus("#id_main_text")
    page.keyboard.type("crea", delay=HUMAN)
    held.asked()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#alert")).to_contain_text("crea")
    page.unroute_all()
    page.keyboard.press("Tab")
    expect(page.locator("#id_main_list [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    assert page.input_value("#id_main") == "S3"


def test_enter_never_chooses_a_row_of_fewer_letters(page: Page) -> None:
    """The list of the first letters stands there while the answer for the whole word is on its way."""
    page.focus("#id_main_text")
    page.keyboard.type("g", delay=HUMAN)
    expect(page.locator("#id_main_list [aria-selected=true]")).to_contain_text("Glucose máu")
    held = Held(page, r"/services/\?q=gan$")
    page.keyboard.type("an", delay=HUMAN)
    page.keyboard.press("Enter")
    held.asked().answer()
    expect(page.locator("#id_main")).to_have_value("S4")


def test_words_that_stood_there_are_offered_their_rows_and_enter_passes_over_them(page: Page) -> None:
    """Nobody typed them now: a row of another hospital's words is never chosen by the way."""
    page.evaluate("document.querySelector('#id_main_text').value = 'glucose'")
    page.focus("#id_main_text")
    expect(page.locator("#id_main_list [role=option]")).to_have_count(2)
    page.keyboard.press("Enter")
    assert page.input_value("#id_main") == ""
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.input_value("#id_main") == "S1"


def test_arrows_count_in_the_list_that_comes(page: Page) -> None:
    held = Held(page, r"/services/\?q=gluc$")
    page.focus("#id_main_text")
    page.keyboard.type("gluc", delay=HUMAN)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    held.asked().answer()
    expect(page.locator("#id_main")).to_have_value("S2")


def test_a_server_that_stumbles_once_is_asked_again(page: Page) -> None:
    held = Held(page, r"/services/\?q=gluc$")
    page.focus("#id_main_text")
    page.keyboard.type("gluc", delay=HUMAN)
    held.asked().answer(lambda route: route.fulfill(status=503))
    held.asked().answer()
    expect(page.locator("#id_main_list [role=option]")).to_have_count(2)


def test_letters_typed_before_the_script_was_there_find_their_list(page: Page) -> None:
    held = Held(page, r"/script\.[^/]*js$")
    page.goto(page.url, wait_until="commit")
    held.asked()
    page.locator("#id_main_text").focus()
    page.keyboard.type("crea", delay=HUMAN)
    held.answer()
    expect(page.locator("#id_main_list [role=option]")).to_have_count(1)


def test_a_field_entered_before_the_script_was_there_keeps_the_focus(page: Page) -> None:
    held = Held(page, r"/script\.[^/]*js$")
    page.goto(page.url, wait_until="commit")
    held.asked()
    page.locator("#note").focus()
    held.answer()
    page.wait_for_load_state()
    page.keyboard.type("Ho", delay=HUMAN)
    expect(page.locator("#note")).to_have_value("Ho")


def test_letters_typed_after_a_function_key_go_to_the_part_that_it_opens(page: Page) -> None:
    page.focus("#note")
    held = Held(page, "/orders/$")
    page.keyboard.press("F6")
    page.keyboard.type("crex", delay=HUMAN)
    page.keyboard.press("Backspace")
    page.keyboard.type("a", delay=HUMAN)
    held.asked().answer()
    expect(page.locator("#id_service_text")).to_have_value("crea")
    assert page.input_value("#note") == ""
    expect(page.locator("#id_service_list [role=option]")).to_have_count(1)


def test_letters_typed_after_a_function_key_that_failed_are_given_back(page: Page) -> None:
    page.focus("#note")
    held = Held(page, "/orders/$")
    page.keyboard.press("F6")
    page.keyboard.type("mạch đều", delay=HUMAN)
    held.asked().answer(lambda route: route.abort())
    expect(page.locator("#note")).to_have_value("mạch đều")


def test_words_typed_while_a_choice_is_being_stored_stay(page: Page) -> None:
    """The panel is drawn anew after each order; the next search was begun meanwhile."""
    page.keyboard.press("F6")
    expect(page.locator("#id_service_text")).to_be_focused()
    page.keyboard.type("gan", delay=HUMAN)
    expect(page.locator("#id_service_list [role=option]")).to_have_count(1)
    held = Held(page, "/orders/$")
    page.keyboard.press("Enter")
    held.asked()
    page.keyboard.type("crea", delay=HUMAN)
    held.answer()
    expect(page.locator("#ordered")).to_have_text("Đã chỉ định S4")
    expect(page.locator("#id_service_text")).to_have_value("crea")
    expect(page.locator("#id_service_list [role=option]")).to_have_count(1)


def test_checks_that_come_late_leave_the_focus_where_one_types(page: Page) -> None:
    held = Held(page, "/checks/$")
    page.keyboard.type("An", delay=HUMAN)
    page.keyboard.press("Tab")
    held.asked()
    page.keyboard.type("mạch ", delay=HUMAN)
    held.answer()
    expect(page.locator("#asked")).to_be_visible()
    page.wait_for_timeout(100)  # htmx settles 20 ms after the swap
    page.keyboard.type("đều", delay=HUMAN)
    assert page.input_value("#note") == "mạch đều"


def test_a_field_entered_while_an_answer_settles_keeps_the_focus(page: Page) -> None:
    """Between putting an answer in and settling it htmx lets a moment pass; on a busy machine it is long."""
    page.evaluate("htmx.config.defaultSettleDelay = 400")
    held = Held(page, "/checks/$")
    page.keyboard.type("An", delay=HUMAN)
    page.keyboard.press("Tab")
    held.asked().answer()
    expect(page.locator("#asked")).to_be_visible()
    page.focus("#id_main_text")
    page.wait_for_timeout(900)
    expect(page.locator("#id_main_text")).to_be_focused()


def test_a_part_that_was_asked_for_leaves_a_field_entered_meanwhile(page: Page) -> None:
    held = Held(page, "/orders/$")
    page.locator("[data-action=orders]").click()
    held.asked()
    page.locator("#note").click()
    page.keyboard.type("mạch ", delay=HUMAN)
    held.answer()
    expect(page.locator("#ordered")).to_be_visible()
    page.wait_for_timeout(100)
    page.keyboard.type("đều", delay=HUMAN)
    assert page.input_value("#note") == "mạch đều"


def test_news_that_comes_late_does_not_replace_a_field_in_use(page: Page) -> None:
    held = Held(page, "/news/$")
    page.evaluate("document.querySelector('#panel > div').dispatchEvent(new CustomEvent('his:poll'))")
    held.asked()
    page.focus("#old")
    page.keyboard.type("12", delay=HUMAN)
    with page.expect_response("**/news/"):
        held.answer()
    page.wait_for_timeout(100)
    assert page.input_value("#old") == "12"
