"""A campaign's whole story through HTTP and mail: written, approved by another, sent, read, stopped, not sent again."""

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import unescape

import pytest

from tests.journeys.conftest import City, Resident, addressed
from tests.journeys.test_campaigns import Desk, desk

__all__ = ["desk"]
NEWS = "https://www.hel.fi/fi/uutiset?a=1&amp;b=2"
TOPIC, PEOPLE = "neighbourhood_plans", 21
PURPOSE = f"marketing_{TOPIC}_email"


def mails(city: City, who: Resident) -> list[EmailMessage]:
    """Return what came to somebody: first the code, then what is sent."""
    return [mail for mail in city.mail.mails if str(who.id) in mail["To"]]


async def sent(desk: Desk, subject: str, **more) -> dict:
    """Write a campaign, have it approved by another and let it begin in three seconds."""
    starts = datetime.now(UTC) + timedelta(seconds=3)
    body = '<p>Hyvä {}. <a href="{}">Uutisia</a></p>{{{{ picks }}}}'
    texts = {
        code: {"subject": f"{subject} {code}", "preheader": "x", "body": body.format(code, NEWS)}
        for code in ("fi", "sv", "en")
    }
    message = {"texts": texts, "picks": {"scenario": "email", "n": 2, "fallback": "popular"}}
    schedule = {"starts": starts.isoformat()}
    usual = {"kind": "one_off", "topic": TOPIC, "channels": ["email"], "message": message, "schedule": schedule}
    its = await desk.write(**(usual | more))
    assert its["missing"] == []
    for who, move in ((desk.maija, "submit"), (desk.ville, "approve"), (desk.maija, "schedule")):
        got = await desk.move(who, its, move)
        assert got.status_code == 200, got.text
    return its


async def state(desk: Desk, its: dict) -> str:
    return (await desk.call(desk.maija, "GET", f"/{its['id']}")).json()["state"]


@pytest.fixture
async def readers(city: City) -> list[Resident]:
    its = [await addressed(city, PURPOSE) for _ in range(PEOPLE)]
    for who in its[1:]:
        assert (await who.decide("measurement")).status_code == 200
    return its


def links(mail: EmailMessage) -> list[str]:
    """Return where the links of a mail's HTML lead, other than to stopping."""
    found = re.findall('href="([^"]+)"', mail.get_body(("html",)).get_content())
    return [unescape(link) for link in found if "/stop/" not in link]


async def followed(who: Resident) -> list[str]:
    """Return the links that somebody is told to have followed."""
    shown = (await who.call("GET", f"{who.path}/data")).json()
    (section,) = [its for its in shown["sections"] if its["id"] == "followed"]
    return [its["text"] for its in section["items"]]


async def test_a_campaign_is_sent_once_to_those_who_want_it_and_one_click_ends_it(city: City, desk: Desk, readers):
    draft = await desk.write(topic=TOPIC, channels=["email"])
    got = await desk.call(desk.maija, "POST", f"/{draft['id']}/test", json={"language": "sv"})
    assert got.status_code == 202, got.text
    assert city.mail.mails[-1]["To"] == got.json()["to"] == "maija@example.fi"
    assert city.mail.mails[-1]["Subject"] == draft["draft"]["message"]["texts"]["sv"]["subject"]
    short = {code: {"short": f"Tervetuloa {code}"} for code in ("fi", "sv", "en")}
    texts = await desk.write(topic=TOPIC, channels=["sms"], message={"texts": short})
    got = await desk.call(desk.maija, "POST", f"/{texts['id']}/test", json={"language": "en"})
    assert got.status_code == 202, got.text
    assert city.mail.mails[-1]["Subject"] == f"[sms] {texts['draft']['name']}"
    assert "Tervetuloa en" in city.mail.mails[-1].get_content()
    first = await sent(desk, "Uusi puisto")
    await city.until(lambda: state(desk, first), lambda told: told == "finished", seconds=60)
    for who in readers:
        _, mail = mails(city, who)
        assert mail["Subject"] == "Uusi puisto fi"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    ids = [mail["Message-ID"] for who in readers for mail in mails(city, who)[1:]]
    assert len(set(ids)) == PEOPLE
    told = (await desk.call(desk.maija, "GET", f"/{first['id']}/results")).json()
    (run,) = told["runs"]
    assert run["standing"] == "finished"
    assert [its["state"] for its in run["outcomes"] if its["channel"] == "email"] == ["sent"]

    assert unescape(NEWS) in links(mails(city, readers[0])[1])
    for who in readers[1:]:
        assert unescape(NEWS) in mails(city, who)[1].get_body(("plain",)).get_content()
        (news,) = [link for link in links(mails(city, who)[1]) if link.endswith("uutiset%3Fa%3D1%26b%3D2")]
        assert str(who.id) not in news
        for _ in range(2):
            assert (await city.http.get(news)).headers["location"] == unescape(NEWS)
    assert (await city.http.get(news.replace("hel.fi", "evil.example"))).status_code == 404
    (run,) = (await desk.call(desk.maija, "GET", f"/{first['id']}/results")).json()["runs"]
    assert run["followed"]["measured"] >= 10
    assert run["followed"]["people"] >= 10
    assert [its["link"] for its in run["followed"]["links"]] == [unescape(NEWS)]
    assert await followed(who) == [unescape(NEWS)]
    assert (await who.decide("measurement", granted=False)).status_code == 200
    await city.until(lambda: followed(who), lambda told: told == [], seconds=20)

    link = re.search(r"<(https?://[^>]+)>", mails(city, readers[0])[1]["List-Unsubscribe"])[1]
    shown = await city.http.get(link)
    assert shown.status_code == 200
    stopped = await city.http.post(link, data={"List-Unsubscribe": "One-Click"})
    assert stopped.status_code == 200, stopped.text

    second = await sent(desk, "Toinen puisto")
    await city.until(lambda: state(desk, second), lambda told: told == "finished", seconds=60)
    assert len(mails(city, readers[0])) == 2
    assert all(len(mails(city, who)) == 3 for who in readers[1:])
