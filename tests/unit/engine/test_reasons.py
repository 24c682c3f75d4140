from datetime import UTC, date, datetime, timedelta

import pytest

from engine import reasons
from engine.columns import minute
from engine.language import Language
from engine.offers import Kind
from engine.reasons import Code, day, distance, say, when, when_and_where
from engine.taste import features
from tests.factories import NOW, offer

TODAY = date(2026, 11, 22)
FI, SV, EN = Language.FI, Language.SV, Language.EN


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_sentence_in_every_language(code, language):
    text = say(code, "uinti", language).text
    assert text[0] == text[0].upper()
    assert text.lower().count("uinti") == 1
    assert "{" not in text


def test_every_code_is_explained_in_the_modules_table():
    assert reasons.__doc__ is not None
    documented = {line.split()[0] for line in reasons.__doc__.splitlines() if line[:1].isalpha() and "  " in line}
    assert documented - {"code"} == {str(code) for code in Code}


@pytest.mark.parametrize("language", list(Language))
def test_kinds_and_times_have_words(language):
    assert set(reasons.KINDS) == {str(kind) for kind in Kind}
    assert all(words[language] for words in (*reasons.KINDS.values(), *reasons.TIMES.values()))


def test_every_part_of_the_week_has_words():
    week = [NOW + timedelta(hours=4 * n) for n in range(42)]
    named = {name[5:] for at in week for name in features(offer(starts=at)) if name.startswith("when:")}
    assert named == set(reasons.TIMES)


def test_labels_stand_as_they_are():
    texts = [say(Code.INTERESTED_TOPIC, label, language).text for language, label in ((FI, "uinti"), (SV, "simning"))]
    assert texts == [
        "Koska olet ollut kiinnostunut aiheesta: uinti",
        "Eftersom du har varit intresserad av ämnet: simning",
    ]


@pytest.mark.parametrize("name", ['"}], {}', "{0}", "{about.__class__}", "<b>x</b>", "\0", "🏊", "%s"])
def test_a_name_of_any_signs_is_said_as_it_is(name):
    assert say(Code.SAME_PLACE, name, EN).text == f"Same place: {name}"


@pytest.mark.parametrize(
    ("moment", "language", "said"),
    [
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), FI, "tänään klo 17"),
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), SV, "i dag kl. 17"),
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), EN, "today at 17:00"),
        (datetime(2026, 11, 23, 7, 5, tzinfo=UTC), FI, "huomenna klo 9.05"),
        (datetime(2026, 11, 22, 22, 30, tzinfo=UTC), FI, "huomenna klo 0.30"),
        (datetime(2026, 11, 21, 10, 0, tzinfo=UTC), SV, "i går kl. 12"),
        (datetime(2026, 11, 24, 15, 30, tzinfo=UTC), FI, "ti 24.11. klo 17.30"),
        (datetime(2026, 11, 24, 15, 30, tzinfo=UTC), EN, "Tue 24 Nov at 17:30"),
        (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), FI, "su 28.3. klo 2.30"),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), FI, "su 28.3. klo 4"),
    ],
)
def test_moments_are_said_in_helsinkis_time(moment, language, said):
    assert when(minute(moment), TODAY, language) == said


def test_a_day_of_another_year_says_the_year():
    assert day(date(2028, 1, 3), TODAY, FI) == "ma 3.1.2028"


@pytest.mark.parametrize(
    ("metres", "language", "said"),
    [(3, FI, "50 m"), (347, EN, "350 m"), (999, FI, "1 km"), (1_240, FI, "1,2 km"), (2_000, EN, "2 km")],
)
def test_distances_are_said_roughly(metres, language, said):
    assert distance(metres, language) == said


def test_what_is_there_on_any_day_is_there_now():
    assert when_and_where(None, "Oodi", FI) == "tarjolla nyt – Oodi"  # noqa: RUF001 - a dash
    assert when_and_where("tänään klo 17", "", FI) == "tänään klo 17"
