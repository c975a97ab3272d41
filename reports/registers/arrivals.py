"""Arrivals beside the register of examinations: who came and was not examined stands in no line of it, yet form 9
counts every arrival (TT 23/2025/TT-BYT). Told at the foot of the register, the two agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from insurance.claims.visit_facts import INPATIENT_TYPES
from patients.models import Exam, Visit
from reports.registers.book import Book
from reports.registers.sources.visits import arrived

_EXAMINED = Exists(Exam.objects.filter(visit=OuterRef("pk")))


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many came in a span and were not cancelled; `examined` are the lines of the register, `stays` those of either
    kind that form 9 counts when they end."""

    examined: int
    unexamined: int
    stays: int

    @property
    def words(self) -> str:
        """As printed: who came, who of them was examined, and what form 9 counts."""
        whole = self.examined + self.unexamined
        text = f"Đến {whole} lượt: {self.examined} lượt có khám, {self.unexamined} lượt không khám."
        if self.stays:
            text += f" Biểu 9 đếm {whole - self.stays} lượt, không kể {self.stays} lượt nội trú, điều trị ban ngày."
        return text


def arrivals_of(book: Book) -> Arrivals | None:
    """The arrivals of the days of a book; None for a register that is none of arrivals."""
    if not book.register.tells_arrivals:
        return None
    found = (
        arrived(book.facility, book.start, book.end)
        .annotate(is_examined=_EXAMINED)
        .aggregate(
            examined=Count("pk", filter=Q(is_examined=True)),
            unexamined=Count("pk", filter=Q(is_examined=False)),
            stays=Count("pk", filter=Q(visit_type__in=INPATIENT_TYPES)),
        )
    )
    return Arrivals(**found)


def unexamined(book: Book) -> QuerySet[Visit]:
    """Who came in these days and was not examined, in order of arrival; who still waits is among them."""
    rows = arrived(book.facility, book.start, book.end).filter(~_EXAMINED)
    return rows.select_related("patient", "room").order_by("arrived_at", "pk")
