"""What is asked before prescribing: coded allergies, pregnancy, kidneys; and the card on which they are typed."""

from decimal import Decimal

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from his.core.errors import Refusal
from his.demo.places import Place
from patients.models import HealthFacts, Patient, PatientAllergy, Visit
from patients.queries_safety import allergies_of, allergy_words, health_state, is_none_known, search_allergens
from patients.services.safety import end_allergy, record_allergy, record_health_facts
from patients.services.visits import open_visit
from tests.cast import DAY, World, anh_hung, at, lan_visit
from tests.scenes import scene

HTMX = {"HX-Request": "true"}


@scene
def place(world: World) -> Place:
    return world.station


@scene
def visit(place: Place) -> Visit:
    return lan_visit(place)


def allergic(patient: Patient, item: str, place: Place, minute: int = 10, **how: str) -> PatientAllergy:
    return record_allergy(patient=patient, item=item, actor=place.actor("nurse"), at=at(8, minute), **how)


def refused(code: str, field: str = "item") -> object:
    return pytest.raises(Refusal, check=lambda refusal: (refusal.code, refusal.field) == (code, field))


def test_unknown_none_and_known_are_three_things(place, visit):
    patient = visit.patient
    assert (allergies_of(patient), is_none_known(allergies_of(patient))) == ([], False)
    allergic(patient, "none", place)
    assert is_none_known(allergies_of(patient))
    assert allergy_words(patient) == ""
    allergic(patient, "@penicillin", place, 11, reaction="anaphylaxis")
    allergic(patient, "aspirin", place, 12)
    assert not is_none_known(allergies_of(patient))
    assert allergy_words(patient) == "Nhóm penicilin (phản vệ); Acid acetylsalicylic (aspirin)"
    with refused("allergies_stand"):
        allergic(patient, "none", place, 13)
    with refused("already_recorded"):
        allergic(patient, "aspirin", place, 13)
    with refused("unknown_allergen"):
        allergic(patient, "bụi nhà", place, 13)
    with refused("reaction", "reaction"):
        allergic(patient, "ibuprofen", place, 13, reaction="x")


def test_the_free_text_stands_against_none_known(place, visit):
    Patient.objects.filter(pk=visit.patient_id).update(allergies="Tôm, cua")
    with refused("allergies_stand"):
        allergic(visit.patient, "none", place)


def test_an_ended_allergy_stays_as_a_row_and_may_be_recorded_again(place, visit):
    row = allergic(visit.patient, "aspirin", place)
    end_allergy(allergy=row, actor=place.actor("doctor"), at=at(9))
    assert allergies_of(visit.patient) == []
    with refused("already_ended"):
        end_allergy(allergy=row, actor=place.actor("doctor"), at=at(9))
    allergic(visit.patient, "aspirin", place, 20)
    assert PatientAllergy.objects.count() == 2
    for change in (
        lambda: PatientAllergy.objects.filter(ended_at__isnull=True).update(item="ibuprofen"),
        lambda: PatientAllergy.objects.filter(ended_at__isnull=False).update(ended_at=None, ended_by=None),
        lambda: PatientAllergy.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_search_takes_beginnings_of_words_without_marks_groups_first(world):
    assert search_allergens("penicilin", DAY)[0].code == "@penicillin"
    assert [one.code for one in search_allergens("acetaminophen", DAY)] == ["paracetamol"]
    assert search_allergens("", DAY) == []


def answer(visit: Visit, place: Place, minute: int = 10, **answers: object) -> HealthFacts:
    return record_health_facts(visit=visit, actor=place.actor("nurse"), at=at(8, minute), **answers)


def young_woman(place: Place) -> Visit:
    visit = lan_visit(place)
    Patient.objects.filter(pk=visit.patient_id).update(born_on="1996-03-15")
    return Visit.objects.select_related("patient").get(pk=visit.pk)


def test_pregnancy_holds_for_its_visit_and_the_kidneys_until_recorded_anew(place):
    visit = young_woman(place)
    assert health_state(visit).pregnancy == ""
    answer(visit, place, pregnancy="yes", kidneys="moderate")
    answer(visit, place, 11, lactation="no")
    state = health_state(visit)
    assert (state.pregnancy, state.lactation, state.lowest_egfr) == ("yes", "no", Decimal(30))
    Visit.objects.filter(pk=visit.pk).update(state=Visit.State.EXAMINED, ended_at=at(8, 30))
    later = open_visit(
        patient=visit.patient, room=place.rooms["PK1"], confirm_second=True, actor=place.actor("reception"), at=at(10)
    )
    state = health_state(later)
    assert (state.pregnancy, state.lactation, state.kidneys) == ("", "", "moderate")
    record_health_facts(visit=later, egfr=Decimal("71.5"), actor=place.actor("nurse"), at=at(10, 5))
    assert health_state(later).lowest_egfr == Decimal("71.5")


@pytest.mark.parametrize(
    ("answers", "code", "field"),
    [
        ({}, "nothing", "pregnancy"),
        ({"pregnancy": "maybe"}, "answer", "pregnancy"),
        ({"kidneys": "bad"}, "answer", "kidneys"),
        ({"egfr": Decimal(0)}, "egfr", "egfr"),
        ({"egfr": Decimal("30.55")}, "egfr", "egfr"),
        ({"egfr": Decimal(201)}, "egfr", "egfr"),
    ],
)
def test_answers_that_cannot_be_are_refused(place, answers, code, field):
    visit = young_woman(place)
    with refused(code, field):
        answer(visit, place, **answers)


def test_pregnancy_is_asked_of_women_between_12_and_55_only(place, visit):
    with refused("not_asked", "pregnancy"):
        answer(visit, place, pregnancy="yes")
    man = open_visit(patient=anh_hung(place), room=place.rooms["PK1"], actor=place.actor("reception"), at=at(8))
    with refused("not_asked", "lactation"):
        answer(man, place, lactation="no")


def test_the_card_keeps_all_at_once_and_one_thing_at_a_time(place):
    visit = young_woman(place)
    nurse, address = Client(), reverse("visit-safety", args=[visit.pk])
    nurse.force_login(place.users["nurse"])
    with time_machine.travel(at(8, 30)):
        assert "chưa hỏi" in nurse.get(address, headers=HTMX).content.decode()
        assert 'name="pregnancy"' in nurse.get(f"{address}?edit=1", headers=HTMX).content.decode()
        sent = {"item": "@penicillin", "reaction": "rash", "pregnancy": "no", "egfr": "52,5", "more": "1"}
        page = nurse.post(address, sent, headers=HTMX).content.decode()
        assert 'id="strip-allergy" hx-swap-oob="true"' in page
        assert 'name="item"' in page
        nurse.post(address, {"pregnancy": "no", "egfr": "52,5"}, headers=HTMX)
        assert HealthFacts.objects.count() == 1
        wrong = nurse.post(address, {"item_text": "bụi nhà"}, headers=HTMX)
        assert (wrong.status_code, "Chưa chọn dị nguyên" in wrong.content.decode()) == (422, True)
        row = PatientAllergy.objects.get()
        assert nurse.post(address, {"end": str(row.pk)}, headers=HTMX).status_code == 200
    assert allergies_of(visit.patient) == []


def test_another_facility_sees_and_changes_nothing(world, visit):
    stranger = Client()
    stranger.force_login(world.hospital.users["nurse"])
    assert stranger.get(reverse("visit-safety", args=[visit.pk]), headers=HTMX).status_code == 404
    with pytest.raises(Refusal, check=lambda refusal: refusal.code == "not_found"):
        record_allergy(patient=visit.patient, item="none", actor=world.hospital.actor("nurse"), at=at(8, 10))
