"""The script in a real browser: keys, Enter, scanner, search as you type, grid, draft, refusal, dialogs. No mouse.

A made-up desk with every behaviour on one page; no patient data and no service is involved.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import RequestContext, Template
from django.urls import include, path
from playwright.sync_api import Browser, Page, expect

from his.core.errors import Refusal
from his.core.text import fold
from his.ui.typeahead import Option, answer

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

HUMAN = 45  # ms between keys; a scanner has less than 30
DRUGS = [("T1", "Paracetamol 500mg", "Viên"), ("T2", "Paracetamol 250mg", "Gói"), ("T3", "Đường glucose", "Chai")]
ROW = """<tr>
<td>{% include "his/components/typeahead.html" with name="rx-NO-drug" label="Thuốc" url="/drugs/" bare=1 only %}</td>
<td class="text" data-fill="unit"></td><td><input name="rx-NO-qty" aria-label="Số lượng"></td></tr>"""
PAGE = (
    """{% extends "his/desk.html" %}{% block desk %}trial{% endblock %}
{% block worklist %}<ul class="queue" data-list data-action="today"><li><a href="?a">An</a></li>
<li><a href="?b" aria-current="true">Bình</a></li><li><a href="?c">Chi</a></li></ul>{% endblock %}
{% block work %}
<form hx-get="/scanned/" hx-target="#read">
<label for="box">Quét</label><input id="box" name="q" data-scan data-action="find" autofocus></form>
<p id="read"></p>
<form method="post" action="/store/" data-enter="next" data-draft="/draft/" id="main">{% csrf_token %}
<label for="name">Tên</label><input id="name" name="name" required>
<label for="birth">Sinh</label><input id="birth" name="birth" data-day>
<label for="sum">Tiền</label><input id="sum" name="sum" data-money>
<label for="note">Ghi chú</label><textarea id="note" name="note"></textarea>
<input type="hidden" name="rx-TOTAL_FORMS" value="1">
<table class="grid" data-grid><tbody>"""
    + ROW.replace("NO", "0")
    + """</tbody><template data-grid-row>"""
    + ROW.replace("NO", "__prefix__")
    + """</template></table>
{% include "his/components/draft_state.html" %}
<button data-action="save">Lưu</button>
<button type="button" data-key="k" hx-post="/refuse/" hx-target="#read">Chốt</button>
<button type="button" data-key="x" hx-post="/scanned/" hx-target="#read" hx-confirm="Hủy phiếu?">Hủy</button>
<button type="button" data-action="print" data-print="/paper/">In phiếu</button>
</form>
{% endblock %}"""
)
received: dict[str, Any] = {}


def desk(request: HttpRequest) -> HttpResponse:
    return HttpResponse(Template(PAGE).render(RequestContext(request)))


def drugs(request: HttpRequest) -> HttpResponse:
    words = fold(request.GET["q"]).split()
    found = [drug for drug in DRUGS if all(word in fold(drug[1]) for word in words)]
    return answer(request, [Option(code, name, unit, {"unit": unit}) for code, name, unit in found])


def scanned(request: HttpRequest) -> HttpResponse:
    received["scan"] = request.GET.get("q", "posted")
    return HttpResponse(f"Đã nhận {len(received['scan'])}")


def keep(request: HttpRequest) -> HttpResponse:
    received[request.path] = request.POST.dict()
    return HttpResponse(status=204) if request.path == "/draft/" else redirect("/trial/?stored")


def refuse(request: HttpRequest) -> HttpResponse:
    raise Refusal("busy", "Hồ sơ đang được người khác chốt")


urlpatterns = [
    path("trial/", desk),
    path("drugs/", drugs),
    path("scanned/", scanned),
    path("draft/", keep),
    path("store/", keep),
    path("refuse/", refuse),
    path("paper/", scanned),
    path("", include("his.urls")),
]


@pytest.fixture
def page(settings: Any, live_server: Any, chromium: Browser) -> Iterator[Page]:
    """The made-up desk; any error in the console or a breach of the policy fails the test."""
    settings.ROOT_URLCONF = __name__
    received.clear()
    wrong: list[str] = []
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" and "409" not in m.text else None)
    page.goto(f"{live_server.url}/trial/")
    expect(page.locator("#box")).to_be_focused()
    yield page
    page.close()
    assert wrong == []


def focused(page: Page) -> str:
    return str(page.evaluate("(({id, name, textContent}) => id || name || textContent)(document.activeElement)"))


def scan(page: Page, text: str, suffix: str = "Enter") -> None:
    """Type as a scanner does: every key within the same few milliseconds, then the suffix key, if it has one."""
    page.evaluate(
        """([text, suffix]) => {
            const field = document.activeElement;
            const event = (key) => new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
            const press = (key) => field.dispatchEvent(event(key));
            for (const key of text) if (press(key)) {
                field.value += key;
                field.dispatchEvent(new Event("input", {bubbles: true}));
            }
            if (suffix) press(suffix);
        }""",
        [text, suffix],
    )


def test_enter_moves_on_and_values_are_tidied(page: Page) -> None:
    page.focus("#name")
    page.keyboard.type("Lan", delay=HUMAN)
    page.keyboard.press("Enter")
    page.keyboard.type("15031954", delay=HUMAN)
    page.keyboard.press("Enter")
    page.keyboard.type("1250500", delay=HUMAN)
    page.keyboard.press("Enter")
    assert focused(page) == "note"
    assert (page.input_value("#birth"), page.input_value("#sum")) == ("15/03/1954", "1.250.500")
    page.keyboard.press("Enter")
    assert focused(page) == "note"  # a new line in a note
    page.keyboard.press("Shift+Enter")
    assert focused(page) == "sum"


@pytest.mark.parametrize("field", ["#name", "#box", "#note"])
def test_a_scan_goes_to_the_scan_box_from_any_field(page: Page, field: str) -> None:
    page.focus(field)
    page.keyboard.type("Lan", delay=HUMAN)
    if field == "#box":
        page.fill(field, "")
    page.wait_for_timeout(100)
    scan(page, "099154000012|Nguyen Thi Lan|15031954|Nu")
    expect(page.locator("#read")).to_have_text("Đã nhận 39")
    assert received["scan"] == "099154000012|Nguyen Thi Lan|15031954|Nu"
    assert page.input_value(field) == ("Lan" if field != "#box" else received["scan"])


def test_a_scan_without_a_suffix_is_taken_after_a_silence(page: Page) -> None:
    page.focus("#name")
    scan(page, "DN4999912345678", suffix="")
    expect(page.locator("#read")).to_have_text("Đã nhận 15")
    assert page.input_value("#name") == ""


def test_a_person_typing_is_no_scan(page: Page) -> None:
    page.focus("#name")
    page.keyboard.type("Nguyen Thi Lan", delay=HUMAN)
    page.wait_for_timeout(300)
    assert "scan" not in received
    assert page.input_value("#name") == "Nguyen Thi Lan"


def test_search_choose_fill_and_next_row(page: Page) -> None:
    page.focus("#id_rx-0-drug_text")
    page.keyboard.type("para", delay=HUMAN)
    expect(page.locator("[role=option]")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.input_value("#id_rx-0-drug") == "T2"
    assert page.inner_text("[data-fill=unit]") == "Gói"
    assert focused(page) == "rx-0-qty"
    page.keyboard.type("10", delay=HUMAN)
    page.keyboard.press("Enter")
    assert focused(page) == "id_rx-1-drug_text"
    assert page.input_value("[name=rx-TOTAL_FORMS]") == "2"
    page.keyboard.press("Control+Delete")
    assert page.locator(".grid tbody tr").count() == 1
    assert focused(page) == "id_rx-0-drug_text"


def test_typing_faster_than_the_answer_takes_the_first_row(page: Page) -> None:
    page.focus("#id_rx-0-drug_text")
    page.keyboard.type("duong", delay=HUMAN)
    page.keyboard.press("Enter")
    expect(page.locator("[name=rx-0-qty]")).to_be_focused()
    assert page.input_value("#id_rx-0-drug") == "T3"


def test_words_without_a_choice_are_said(page: Page) -> None:
    page.focus("#id_rx-0-drug_text")
    page.keyboard.type("zzz", delay=HUMAN)
    page.keyboard.press("Tab")
    expect(page.locator("#alert")).to_contain_text("zzz")
    assert page.get_attribute("#id_rx-0-drug_text", "aria-invalid") == "true"


def test_a_changed_form_is_kept_as_a_draft(page: Page) -> None:
    page.focus("#name")
    page.keyboard.type("Ấm", delay=HUMAN)
    page.keyboard.press("Tab")
    expect(page.locator("[data-draft-state]")).to_contain_text("Đã lưu nháp")
    assert received["/draft/"]["name"] == "Ấm"


@pytest.mark.parametrize("key", ["F9", "Control+Enter"])
def test_f9_saves_and_ctrl_enter_too(page: Page, key: str) -> None:
    page.focus("#name")
    page.keyboard.type("Lan", delay=HUMAN)
    page.keyboard.press(key)
    page.wait_for_url("**/trial/?stored")
    assert received["/store/"]["name"] == "Lan"


def test_an_empty_field_goes_to_the_server_which_says_so_in_vietnamese(page: Page) -> None:
    page.focus("#birth")
    page.keyboard.press("F9")
    page.wait_for_url("**/trial/?stored")
    assert received["/store/"]["name"] == ""


def test_a_refusal_is_shown_and_what_was_typed_stays(page: Page) -> None:
    page.focus("#name")
    page.keyboard.type("Lan", delay=HUMAN)
    page.keyboard.press("Alt+k")
    expect(page.locator("#messages")).to_contain_text("Hồ sơ đang được người khác chốt")
    expect(page.locator(".summary")).to_be_focused()
    assert page.input_value("#name") == "Lan"


def test_a_dangerous_act_asks_with_the_safe_answer_first(page: Page) -> None:
    page.keyboard.press("Alt+x")
    expect(page.locator("#confirm")).to_contain_text("Hủy phiếu?")
    assert focused(page) == "Không, quay lại"
    page.keyboard.press("Enter")
    assert "scan" not in received
    page.keyboard.press("Alt+x")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#read")).to_have_text("Đã nhận 6")


def test_help_list_and_keys_without_an_action(page: Page) -> None:
    page.keyboard.press("F1")
    expect(page.locator("#help")).to_contain_text("Người bệnh kế tiếp")
    page.keyboard.press("Escape")
    page.keyboard.press("F6")
    expect(page.locator("#alert")).to_contain_text("Chỉ định dịch vụ")
    page.keyboard.press("F7")
    assert focused(page) == "Bình"
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Chi"
    page.keyboard.press("F3")
    assert focused(page) == "box"


def test_the_help_tells_what_the_keys_do_on_this_screen(page: Page) -> None:
    page.keyboard.press("F1")
    keys = page.locator("#help")
    expect(keys.locator("[data-help=save] td")).to_have_text("Lưu")
    expect(keys.locator("[data-help=print] td")).to_have_text("In In phiếu")
    expect(keys.locator("[data-help=orders]")).to_contain_text("không có ở màn hình này")
    for action in ("help", "find", "refresh", "today", "save", "print"):
        expect(keys.locator(f"[data-help={action}]")).not_to_contain_text("không có")
    expect(keys.locator("[data-letters] tr")).to_have_text(["Alt+KChốt", "Alt+XHủy"])


def test_the_off_switch_gives_the_keys_back(page: Page) -> None:
    page.evaluate("document.body.dataset.fkeys = 'off'")
    page.keyboard.press("F6")
    page.wait_for_timeout(100)
    assert page.inner_text("#alert") == ""


def test_a_paper_that_is_refused_is_said_and_not_printed(page: Page) -> None:
    page.evaluate("Object.defineProperty(Navigator.prototype, 'webdriver', {get: () => false})")
    page.evaluate("document.querySelector('[data-print]').dataset.print = '/refuse/'")
    page.keyboard.press("F10")
    expect(page.locator("#alert")).to_contain_text("Chưa in được. Chưa thực hiện được: Hồ sơ đang được người khác chốt")
    page.wait_for_timeout(100)
    assert "máy in" not in (page.locator("#live").text_content() or "")


def test_a_box_for_a_file_speaks_vietnamese(page: Page) -> None:
    """The words of the browser have its own language: they are hidden, and the name of a chosen file is not."""
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<input type=file required id=f>')")
    seen = "[getComputedStyle(f, '::before').content, getComputedStyle(f).color]"
    assert page.evaluate(seen) == ['"Chọn tệp…"', "rgba(0, 0, 0, 0)"]
    page.set_input_files("#f", {"name": "sao-ke.csv", "mimeType": "text/csv", "buffer": b"x"})
    assert page.evaluate(seen) == ['"Chọn tệp…"', "rgb(27, 31, 36)"]


def test_print_opens_the_paper(page: Page) -> None:
    with page.expect_popup() as paper:
        page.keyboard.press("F10")
    assert paper.value.url.endswith("/paper/")
