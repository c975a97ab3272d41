"""The dose of a drug line in the words that the claim standard asks for (LIEU_DUNG, QĐ 4750)."""

from decimal import Decimal

_TIMES = ("Sáng", "Trưa", "Chiều", "Tối")


def plain(value: Decimal) -> str:
    """A quantity without trailing zeros: 1, 0.5, 2.25."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def dose_text(morning: Decimal, noon: Decimal, afternoon: Decimal, evening: Decimal, days: int, unit: str) -> str:
    """Amount a dose * doses a day * days [total a day] when all doses are equal, else the doses spelled out.

    Units are those of the drug: "1 viên/lần * 2 lần/ngày * 30 ngày [2 viên/ngày]".
    """
    unit = unit.lower()
    given = [(name, dose) for name, dose in zip(_TIMES, (morning, noon, afternoon, evening), strict=True) if dose]
    total = plain(sum((dose for _, dose in given), Decimal(0)))
    if not given:
        return f"Dùng theo chỉ dẫn * {days} ngày"
    if len({dose for _, dose in given}) == 1:
        return f"{plain(given[0][1])} {unit}/lần * {len(given)} lần/ngày * {days} ngày [{total} {unit}/ngày]"
    spelled = ", ".join(f"{name} {plain(dose)} {unit}" for name, dose in given)
    return f"{total} {unit}/ngày * {days} ngày [{spelled}]"
