"""The view of one's own data: said in three languages, complete, and readable as a page that needs nothing else."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from uuid import uuid4

import pytest

from api import my_data_words as words
from api.my_data import MOST_ACTS, DataView
from api.pages.download import page
from engine.catalogue import Catalogue
from engine.choices import FAMILIES, PAUSE_LASTS, Choice
from engine.columns import FAMILY_NUMBERS
from engine.consent import Consents, Grant, Purpose
from engine.districts import Divisions
from engine.events import InteractionType
from engine.language import Language, Localized
from engine.offers import Kind
from engine.records.personal import Decision, Deed, Personal, Shown
from engine.residents import Interests, told
from engine.taste import key
from tests.factories import NOW, consents, keyword, observation, offer, place, taste

TOLD = Interests(("yso:swimming",), (Kind.COURSE,), ("x:kallio",), ("fi",), 1984, ("quiet",))
SWIM = offer("swim:1", keywords="swimming sport", place=place("pool"), name=Localized("Uinti", "Simning", "Swimming"))
CHESS = offer("chess:1", keywords="chess", name=Localized("Shakki", "Schack", "Chess"))
LEARNED = taste(observation(SWIM, "save"), observation(CHESS, "dismiss"))
LANGUAGES = pytest.mark.parametrize("language", list(Language))


class Held:
    """All that the view reads, of one resident."""

    def __init__(self, personal: Personal, allowed: Consents) -> None:
        self.personal, self.allowed = personal, allowed

    async def of(self, _):
        return self.personal

    async def remembered(self, ids):
        return {o.id: o for o in (SWIM, CHESS) if o.id in ids}

    async def sealed_many(self, residents):
        return [self for _ in residents]

    async def consents(self, _):
        return self.allowed

    def taste(self, permit):
        assert permit.purpose is Purpose.ACTIVITY
        return LEARNED


def deed(number: int, of: str = "swim:1", kind: str = "save", value: int | None = None) -> Deed:
    return Deed(of, None, kind, NOW - timedelta(minutes=number), value, None, None, f"e-{number}")


def personal(*deeds: Deed) -> Personal:
    return Personal([], TOLD, deeds, [Shown(NOW, "personal", ["swim:1", "gone:1", "gone:2"])])


async def seen(language: Language = Language.EN, held: Held | None = None) -> Mapping[str, list]:
    held = held or Held(personal(deed(2), deed(1, "chess:1", "dismiss")), consents(*Purpose))
    catalogue = Catalogue()
    catalogue.apply({o.id: o for o in (SWIM, CHESS)})
    view = DataView(held, held, held, held, catalogue, Divisions())
    data, _ = await view.of(uuid4(), "someone", language, NOW)
    return {section.id: section for section in data.sections}


def texts_of(told: object) -> Iterator[Localized]:
    if isinstance(told, Localized):
        yield told
    elif isinstance(told, Mapping):
        for one in told.values():
            yield from texts_of(one)


def test_everything_is_said_in_three_languages():
    said = [text for its in vars(words).values() for text in texts_of(its)]
    assert len(said) > 50
    assert [text for text in said if not (text.fi and text.sv and text.en)] == []


def test_there_are_words_for_all_that_can_be_said():
    assert set(words.ACTS) == {str(act) for act in InteractionType}
    assert set(words.REASONS) == set(FAMILIES)
    assert set(FAMILY_NUMBERS) | {name.partition(":")[0] for name in told(TOLD)} <= set(words.FEATURES)
    assert set(words.TITLES) == set(words.SOURCES) == set(words.EMPTY)


async def test_what_is_liked_is_told_strongest_first_and_what_is_disliked_not_at_all():
    liked = (await seen())["taste"].items
    assert {"swimming-en", "sport-en", "pool en"} <= {one.text for one in liked}
    assert "chess-en" not in {one.text for one in liked}
    keys, weights = LEARNED.weights(NOW, located=True)
    weighed = dict(zip(keys.tolist(), weights.tolist(), strict=True))
    order = [weighed[key(one.id)] for one in liked]
    assert order == sorted(order, reverse=True)


@LANGUAGES
async def test_acts_and_interests_are_told_in_the_language_asked_for(language):
    sections = await seen(language)
    acts = [one.text for one in sections["activity"].items]
    assert (
        acts
        == {
            Language.FI: ["Hylkäsit: Shakki", "Tallensit: Uinti"],
            Language.SV: ["Du avfärdade: Schack", "Du sparade: Simning"],
            Language.EN: ["You dismissed: Chess", "You saved: Swimming"],
        }[language]
    )
    told_of = {one.id: one.text for one in sections["interests"].items}
    assert list(told_of) == told(TOLD)
    assert told_of["keyword:yso:swimming"] == keyword("swimming").label.pick(language)
    assert all(told_of.values())
    assert sections["shown"].items[0].text.startswith({"fi": "Uinti", "sv": "Simning", "en": "Swimming"}[language])


async def test_the_newest_acts_come_first_and_no_more_than_two_hundred():
    held = Held(personal(*(deed(n) for n in range(500, 0, -1))), consents(*Purpose))
    acts = (await seen(held=held))["activity"].items
    assert [one.id for one in acts] == [f"e-{n}" for n in range(1, MOST_ACTS + 1)]


async def test_who_has_paused_still_sees_what_is_known_and_without_leave_nothing_is_learned():
    paused = Consents("someone", 1, consents(*Purpose).grants, choices={Choice.PAUSE: Grant(True, 0, NOW)})
    assert (await seen(held=Held(personal(), paused)))["activity"].items == []
    held = Held(personal(deed(1)), paused)
    assert (await seen(held=held))["taste"].items
    assert paused.paused_until(NOW) == NOW + PAUSE_LASTS
    section = (await seen(held=Held(personal(deed(1)), consents(Purpose.INTERESTS))))["taste"]
    assert (section.items, section.empty) == ([], "We have worked out nothing.")


@LANGUAGES
@pytest.mark.parametrize("word", [*Purpose, *Choice, "partner:p-1"])
def test_no_decision_is_told_by_the_name_that_programs_use(word, language):
    yes, no = (words.decision(str(word), None, granted=granted, language=language) for granted in (True, False))
    assert yes[0] == no[0]
    assert yes[1] != no[1]
    assert str(word) not in yes[0]
    assert "_" not in yes[0] + yes[1] + no[1]


@LANGUAGES
async def test_the_page_to_keep_is_readable_escapes_what_it_is_told_and_loads_nothing(language):
    decisions = [
        Decision("marketing_library_email", True, 1, NOW),
        Decision("without_area", True, 0, NOW),
        Decision("partner:museum", True, 1, NOW, "<script>alert(1)</script>"),
    ]
    held = Held(Personal(decisions, TOLD, [deed(1)], []), consents(*Purpose))
    view = DataView(held, held, held, held, Catalogue(), Divisions())
    made = page(*(await view.of(uuid4(), "someone", language, NOW)), language)
    assert f'<html lang="{language}">' in made
    assert not re.search(r"<(script|link|img|iframe)|(src|href)=|url\(|@import", made)
    assert "&lt;script&gt;" in made
    assert not re.search(r"marketing_|without_|partner:", made)
