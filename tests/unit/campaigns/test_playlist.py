"""What a screen shows: campaigns for its place, then what is on there and near; each until it is over."""

from datetime import timedelta

import msgspec
import pytest

from campaigns import campaign as campaigns
from campaigns import checking
from campaigns.campaign import Campaign, CampaignKind, Draft, State
from campaigns.message import Message, Picks, Text
from campaigns.playlist import LASTS, Around, at, notice, offered, playlist
from campaigns.schedule import Schedule
from engine.language import Localized
from tests.factories import NOW, keyword, offer, series

CODES = ("fi", "sv", "en")
HOUR = timedelta(hours=1)


def draft(short: str = "Tervetuloa", **changed) -> Draft:
    texts = {code: Text(subject=f"Puisto {code}", short=f"{short} {code}") for code in CODES}
    usual = {
        "name": "A", "department": "sport", "kind": CampaignKind.SCREEN, "topic": "area_tips", "channels": ("screen",),
        "message": Message(texts=texts), "schedule": Schedule(ends=NOW + HOUR),
    }  # fmt: skip
    return Draft(**usual | changed)


def running(**changed) -> Campaign:
    return msgspec.structs.replace(campaigns.new(draft(**changed), "maija", NOW), state=State.RUNNING)


def where(its: Draft) -> list[str]:
    found = [*campaigns.faults(its, NOW), *checking.faults(its.message, its.languages, its.channels)]
    return [fault.where for fault in found]


def told(shown=(), here=(), nearby=(), offers=None):
    around = Around(Localized("Talo"), offered(here, nearby, NOW))
    notices = [notice(its, offers or {}, NOW) for its in shown]
    return playlist("tprek:1", around, notices, NOW, alone=any(its.draft.alone for its in shown))


def ids(its) -> list[str]:
    return [slide.id for slide in its.slides]


def test_what_is_for_screens_goes_there_alone_and_nothing_else_does():
    assert where(draft()) == []
    assert where(draft(channels=("screen", "email"))) == ["channels"]
    assert where(draft(kind=CampaignKind.ONE_OFF)) == ["channels"]
    assert where(draft(audience="a")) == ["audience"]
    mail = {"kind": CampaignKind.ONE_OFF, "channels": ("email",)}
    assert where(draft(**mail, places=("tprek:1",), alone=True)) == ["places", "alone"]


def test_a_screen_speaks_to_nobody_in_particular_and_not_for_long():
    picked = Message(texts=draft().message.texts, picks=Picks())
    assert where(draft(message=picked)) == ["message.picks"]
    three = [f"message.texts.{code}.short" for code in CODES]
    assert where(draft("{{ stop }}")) == where(draft("{{ why }}")) == where(draft("x" * 230)) == three
    assert [fault.where for fault in checking.missing(Message(), ("fi",), ("screen",))] == [
        "message.texts.fi.subject",
        "message.texts.fi.short",
    ]


def test_a_place_gets_what_is_for_it_and_for_all_the_most_urgent_first_until_it_is_over():
    everywhere, here, elsewhere = running(), running(places=("tprek:1",), priority=9), running(places=("tprek:2",))
    over = running(schedule=Schedule(ends=NOW))
    mail = running(kind=CampaignKind.ONE_OFF, channels=("email",))
    assert at("tprek:1", [everywhere, here, elsewhere, over, mail], NOW) == [here, everywhere]


def test_what_stands_alone_is_all_there_is():
    usual, urgent = running(priority=9), running(alone=True, priority=1)
    shown = at("tprek:1", [usual, urgent], NOW)
    its = told(shown, here=[offer("o:1")])
    assert (its.alone, ids(its)) == (True, [urgent.id])
    assert at("tprek:9", [usual, running(alone=True, places=("tprek:1",))], NOW) == [usual]


def test_what_is_on_here_comes_before_what_is_near_and_what_is_marked_for_screens_before_the_rest():
    plain, marked, near = offer("o:1"), offer("o:2"), offer("o:3")
    marked = msgspec.structs.replace(marked, keywords=(msgspec.structs.replace(keyword("x"), id="kulke:616"),))
    assert ids(told([], [plain, marked], [near, plain])) == ["o:2", "o:1", "o:3"]
    many = [offer(f"m:{n}") for n in range(20)]
    assert len(told([], many, [near]).slides) == 8
    assert ids(told([], [plain], many))[1:] == [f"m:{n}" for n in range(4)]


def test_each_slide_ends_with_what_it_tells_of_and_the_whole_after_half_a_day():
    its = told([running()], [series("o:1", [-1, 0.02, 3]), offer("o:2", days=-3)])
    assert NOW + LASTS < its.valid_until <= NOW + LASTS + HOUR
    notice, dated = its.slides
    assert notice.until == NOW + HOUR
    assert dated.starts == NOW + timedelta(days=0.02)
    assert dated.until == dated.ends == NOW + timedelta(days=0.02, hours=2)
    later = playlist("tprek:1", Around(Localized("Talo"), its.slides), [], dated.until, alone=False)
    assert later.slides == []


def test_a_name_that_is_not_translated_is_said_once_in_its_own_language():
    (slide,) = told([], [offer("o:1", name=Localized(sv="Allsång"))]).slides
    assert list(slide.texts) == ["sv"]


@pytest.mark.parametrize("known", [True, False])
def test_a_notice_tells_of_the_offers_it_names_as_long_as_they_are_there(known):
    text = "{% for offer in offers %}{{ offer.name }} {% endfor %}"
    texts = {code: Text(subject="Nyt", short=text) for code in CODES}
    shown = [running(message=Message(texts=texts, offers=("o:1",)))]
    (slide,) = told(shown, offers={"o:1": offer("o:1")} if known else {}).slides
    assert slide.texts["fi"].text == ("Tapahtuma" if known else "")
