"""From figures to what the screen shows: cards with the month's key numbers, and pictures with their tables.

The main numbers of a facility's own board open exactly the list that they count; those of a group are sums and open
nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.urls import reverse
from django.utils.http import urlencode

from his.core.money import ZERO
from his.ui.charts import Cell, Drawing, Picture, Series, bars, counted, funnel, headings, heat, lines, paid, ranks
from his.ui.text import day_text, decimal_text
from insurance.claims import queries
from insurance.claims.causes import CauseRow
from insurance.models import CashEntry
from insurance.rules.engine import Severity
from pharmacy import planning
from reports.overview.figures import METHODS, Figures

CAUSES_DRAWN, CAUSES_TOLD = 10, 30
WEEKDAYS: Final = ("Thứ 2", "Thứ 3", "Thứ 4", "Thứ 5", "Thứ 6", "Thứ 7", "Chủ nhật")
_SEVERITY: Final = {Severity.BLOCKING: ("Lỗi chặn", "bad"), Severity.WARNING: ("Cảnh báo", "doubt")}
MONEY, CLAIMS, STOCK = "billing.view", "claims.view", "pharmacy.view"
"""Who lacks one of these at a facility sees neither the card nor the picture of it."""


@dataclass(frozen=True, slots=True)
class Card:
    """One key number: what it is, the number, its unit, what it opens."""

    label: str
    number: Cell
    unit: str = ""
    hint: str = ""


class Links:
    """The lists behind the numbers of a facility's own board; a group's board opens none, it has only sums."""

    def __init__(self, month: date, *, is_own: bool) -> None:
        self.month, self.is_own = month, is_own

    def listed(self, what: str, **narrowed: str | int) -> str:
        """The month's list of the overview, perhaps of one day or hour."""
        return self._to(reverse("overview-list", args=[what]), **narrowed)

    def claims(self, view: str, more: str = "") -> str:
        """A list of the claims screen."""
        address = self._to(reverse("claims"), view=view)
        return f"{address}&{more}" if address and more else address

    def ahead(self, what: str) -> str:
        """A list of the stock desk, as of today."""
        return reverse("stock-ahead", args=[what]) if self.is_own else ""

    def expiring(self) -> str:
        """The list of the stock desk by expiry, of all stores, as far ahead as the longest step."""
        return f"{reverse('stock')}?within={planning.EXPIRY_STEPS[-1]}" if self.is_own else ""

    def _to(self, address: str, **more: str | int) -> str:
        return f"{address}?{urlencode({'month': f'{self.month:%Y-%m}', **more})}" if self.is_own else ""


class Board:
    """What is shown of figures to somebody; `may` tells what they may see of the facility."""

    def __init__(self, figures: Figures, links: Links, may: Callable[[str], bool]) -> None:
        self.figures, self.links, self.may = figures, links, may

    def cards(self) -> list[Card]:
        """The key numbers of the month."""
        parts = [(True, self._visit_cards), (self.may(MONEY), self._money_cards), (self.may(CLAIMS), self._claim_cards)]
        parts += [(True, self._waiting_cards), (self.may(STOCK), self._stock_cards)]
        return [card for is_seen, make in parts if is_seen for card in make()]

    def pictures(self) -> list[Picture]:
        """The pictures in reading order."""
        parts = [(True, self.visits), (self.may(MONEY), self.money), (self.may(CLAIMS), self.funnel)]
        parts += [(self.may(CLAIMS), self.causes), (self.may(STOCK), self.stock), (True, self.waiting)]
        return [make() for is_seen, make in parts if is_seen]

    # Cards

    def _visit_cards(self) -> list[Card]:
        whole = sum(self.figures.visits_of_month.values())
        insured = self.figures.insured_of_month
        return [
            Card(
                "Lượt khám", counted(whole, self.links.listed("visits")), hint="Đến trong tháng, không kể lượt đã hủy"
            ),
            Card("Trong đó BHYT", counted(insured, self.links.listed("visits", insured=1))),
        ]

    def _money_cards(self) -> list[Card]:
        taken = sum(self.figures.money_of_month.values(), ZERO)
        return [Card("Tiền thu", paid(taken, self.links.listed("money")), "đ", "Thu trừ hoàn, kể cả tạm ứng")]

    def _claim_cards(self) -> list[Card]:
        closed, clean, wrong = (self.figures.step(code) for code in ("closed", "clean", "findings"))
        return [
            Card("Đã chốt chi phí", counted(closed, self.links.claims("closed")), hint="Của tháng quyết toán"),
            Card("Hồ sơ sạch", counted(clean, self.links.claims("clean"))),
            Card("Hồ sơ có lỗi", counted(wrong, self.links.claims("findings")), hint="Còn lỗi chặn chưa sửa"),
        ]

    def _waiting_cards(self) -> list[Card]:
        waited = self.figures.waited
        number = counted(waited.median if waited else None, self.links.listed("waiting"))
        return [Card("Chờ khám, trung vị", number, "phút", "Từ lúc lấy số đến lúc được gọi vào")]

    def _stock_cards(self) -> list[Card]:
        risk = self.figures.risk
        return [
            Card("Thuốc cận hạn", paid(risk.expiring_value, self.links.expiring()), "đ", "Hôm nay, 6 tháng tới"),
            Card("Sắp hết", counted(risk.low, self.links.ahead("low")), "mặt hàng", "Hôm nay, dưới mức cần có"),
            Card("Tồn nhiều", counted(risk.over, self.links.ahead("over")), "mặt hàng", "Hôm nay, quá mức cần có"),
        ]

    # Pictures

    def visits(self) -> Picture:
        """Visits by day, or by month over a year."""
        insured, others = self.figures.visits(insured=True), self.figures.visits(insured=False)
        series = [Series("BHYT", insured), Series("Không BHYT", others)]
        drawing = self._over_time("visits", "Lượt khám", series, "lượt")
        rows = [
            [self._named(period), counted(a + b, self._day("visits", period)), counted(a), counted(b)]
            for period, a, b in zip(self.figures.steps, insured, others, strict=True)
            if a + b
        ]
        foot = [Cell("Cộng"), counted(sum(insured) + sum(others)), counted(sum(insured)), counted(sum(others))]
        return Picture(drawing, headings(self._period, "Lượt khám", "BHYT", "Không BHYT"), rows, foot)

    def money(self) -> Picture:
        """Money by day and way of payment, or by month over a year."""
        ways = [self.figures.money(method) for method in METHODS]
        names = [str(CashEntry.Method(method).label) for method in METHODS]
        series = [Series(name, values) for name, values in zip(names, ways, strict=True)]
        drawing = self._over_time("money", "Tiền thu", series, "đ")
        rows = [
            [self._named(period), paid(sum(by, ZERO), self._day("money", period)), *(paid(value) for value in by)]
            for period, *by in zip(self.figures.steps, *ways, strict=True)
            if any(by)
        ]
        sums = [sum(values, ZERO) for values in ways]
        foot = [Cell("Cộng"), paid(sum(sums, ZERO)), *(paid(value) for value in sums)]
        note = "Thu trừ hoàn, kể cả tạm ứng, như báo cáo thu tiền trong ngày"
        return Picture(drawing, headings(self._period, "Tiền thu", *names), rows, foot, note)

    def funnel(self) -> Picture:
        """The steps of the claims of the month."""
        steps = [(view.label_vi, self.figures.step(view.code)) for view in queries.VIEWS]
        first = steps[0][1]
        rows = [
            [Cell(view.label_vi), counted(number, self.links.claims(view.code)), _share(number, first)]
            for view, (_, number) in zip(queries.VIEWS, steps, strict=True)
        ]
        drawing = funnel("funnel", "Hồ sơ BHYT theo bước", steps, unit="lượt")
        return Picture(drawing, headings("Bước", "Lượt", "So với đã chốt"), rows, note="Tháng quyết toán")

    def causes(self) -> Picture:
        """What stands against payment, by cause, as the claims screen groups it."""
        found = self.figures.causes
        drawn = [(row.title, row.claims) for row in found[:CAUSES_DRAWN]]
        css = [_SEVERITY[Severity(row.severity)][1] for row in found[:CAUSES_DRAWN]]
        drawing = ranks("causes", "Lỗi và cảnh báo theo nguyên nhân", drawn, unit="hồ sơ", css=css)
        if self.figures.step("built"):
            drawing.empty = "Không có lỗi hay cảnh báo nào"
        used = dict.fromkeys(_SEVERITY[Severity(row.severity)] for row in found[:CAUSES_DRAWN])
        drawing.legend = [(kind, name) for name, kind in used]
        note = f"{CAUSES_TOLD} nguyên nhân nhiều nhất trong {len(found)}" if len(found) > CAUSES_TOLD else ""
        rows = [self._cause(row) for row in found[:CAUSES_TOLD]]
        return Picture(
            drawing, (("Nguyên nhân", False), ("Loại", False), ("Hồ sơ", True), ("Lỗi", True)), rows, (), note
        )

    def _cause(self, row: CauseRow) -> list[Cell]:
        view = "findings" if row.severity == Severity.BLOCKING else "warnings"
        link = self.links.claims(view, row.cause.query())
        severity = Cell(_SEVERITY[Severity(row.severity)][0])
        return [Cell(row.title), severity, counted(row.claims, link), counted(row.findings)]

    def stock(self) -> Picture:
        """Stock at risk today."""
        risk = self.figures.risk
        steps = [(words, *risk.expiring.get(step, (0, ZERO))) for step, words in planning.EXPIRY_WORDS.items()]
        drawn = [*((words, value) for words, _, value in steps), ("Tồn nhiều", risk.over_value)]
        drawing = ranks("stock", "Thuốc, vật tư có nguy cơ", drawn, unit="đ", css=["bad", "bad", "doubt", "s2", "s1"])
        rows = [[Cell(words), counted(lots), paid(value)] for words, lots, value in steps]
        rows += [
            [
                Cell("Cộng cận hạn (lô)"),
                counted(risk.expiring_lots, self.links.expiring()),
                paid(risk.expiring_value),
            ],
            [Cell("Tồn nhiều (mặt hàng)"), counted(risk.over, self.links.ahead("over")), paid(risk.over_value)],
            [Cell("Sắp hết (mặt hàng)"), counted(risk.low, self.links.ahead("low")), Cell("–", is_number=True)],
        ]
        if self.figures.risks:
            drawing.empty = "Không có thuốc, vật tư nào cận hạn hay tồn nhiều"
        note = f"Hôm nay {day_text(self.figures.today)}, theo giá nhập"
        return Picture(drawing, headings("Mức", "Số lượng", "Giá trị, đ"), rows, (), note)

    def waiting(self) -> Picture:
        """Waiting by hour and weekday."""
        by_hour = sorted(self.figures.waited_by_hour.items())
        hours = [hour for (hour,), _ in by_hour]
        columns = list(range(hours[0], hours[-1] + 1)) if hours else []
        values = {
            (weekday - 1, columns.index(hour)): waited.median
            for (weekday, hour), waited in self.figures.waited_by_weekday.items()
        }
        drawing = heat(
            "waiting", "Chờ khám theo giờ", WEEKDAYS, [f"{hour} giờ" for hour in columns], values, unit="phút"
        )
        rows = [
            [
                Cell(f"{hour} giờ"),
                counted(waited.count, self.links.listed("waiting", hour=hour)),
                counted(waited.median),
                counted(waited.ninetieth),
            ]
            for (hour,), waited in by_hour
        ]
        whole = self.figures.waited
        foot = (
            [Cell("Cả tháng"), counted(whole.count), counted(whole.median), counted(whole.ninetieth)] if whole else []
        )
        note = "Phút chờ trung vị, từ lúc lấy số đến lúc được gọi vào"
        return Picture(drawing, headings("Giờ lấy số", "Lượt", "Trung vị", "90% chờ dưới"), rows, foot, note)

    # How periods are said

    @property
    def _period(self) -> str:
        return "Tháng" if self.figures.is_year else "Ngày"

    def _over_time(self, key: str, title: str, series: Sequence[Series], unit: str) -> Drawing:
        labels = [f"{period:%m/%y}" if self.figures.is_year else str(period.day) for period in self.figures.steps]
        if not self.figures.is_year:
            return bars(key, title, labels, series, unit=unit)
        told = [any(values) for values in zip(*(one.values for one in series), strict=True)]
        series = [
            Series(one.name, [value if is_told else None for value, is_told in zip(one.values, told, strict=True)])
            for one in series
        ]
        return lines(key, title, labels, series, unit=unit)

    def _named(self, period: date) -> Cell:
        return Cell(f"{period:%m/%Y}" if self.figures.is_year else f"{period:%d/%m}")

    def _day(self, what: str, period: date) -> str:
        if self.figures.is_year:
            return Links(period, is_own=self.links.is_own).listed(what)
        return self.links.listed(what, day=f"{period:%Y-%m-%d}")


def _share(number: int, whole: int) -> Cell:
    percent = (Decimal(number) * 100 / whole).quantize(Decimal("0.1")) if whole else None
    return Cell("–" if percent is None else f"{decimal_text(percent)}%", is_number=True)
