"""A campaign's whole story through HTTP and mail: written, approved by another, sent, read, stopped, not sent again."""

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest

from tests.journeys.conftest import City, Resident
from tests.journeys.test_campaigns import Desk, desk

__all__ = ["desk"]
TOPIC, PEOPLE = "neighbourhood_plans", 21
PURPOSE = f"marketing_{TOPIC}_email"


async def reader(city: City, number: int) -> Resident:
    """Return somebody who wants such mails and has confirmed an address."""
    its = city.resident()
    assert (await its.decide(PURPOSE)).status_code == 200
    path, address = f"{its.path}/addresses/email", f"reader-{number}-{its.id}@post.example"
    got = await its.call("PUT", path, json={"address": address, "language": "en"})
    assert got.status_code in (200, 201, 202), got.text
    got = await its.call("POST", f"{path}/confirm", json={"code": city.mail.code(address)})
    assert got.status_code < 300, got.text
    return its


def mails(city: City, who: Resident) -> list[EmailMessage]:
    """Return what came to somebody: first the code, then what is sent."""
    return [mail for mail in city.mail.mails if str(who.id) in mail["To"]]


async def sent(desk: Desk, subject: str, **more) -> dict:
    """Write a campaign, have it approved by another and let it begin in three seconds."""
    starts = datetime.now(UTC) + timedelta(seconds=3)
    texts = {
        code: {"subject": f"{subject} {code}", "preheader": "x", "body": f"<p>Hyvä {code}.</p>{{{{ picks }}}}"}
        for code in ("fi", "sv", "en")
    }
    message = {"texts": texts, "picks": {"scenario": "email", "n": 2, "fallback": "popular"}}
    schedule = {"starts": starts.isoformat()}
    its = await desk.write(kind="one_off", topic=TOPIC, channels=["email"], message=message, schedule=schedule, **more)
    assert its["missing"] == []
    for who, move in ((desk.maija, "submit"), (desk.ville, "approve"), (desk.maija, "schedule")):
        got = await desk.move(who, its, move)
        assert got.status_code == 200, got.text
    return its


async def state(desk: Desk, its: dict) -> str:
    return (await desk.call(desk.maija, "GET", f"/{its['id']}")).json()["state"]


@pytest.fixture
async def readers(city: City) -> list[Resident]:
    return [await reader(city, number) for number in range(PEOPLE)]


async def test_a_campaign_is_sent_once_to_those_who_want_it_and_one_click_ends_it(city: City, desk: Desk, readers):
    draft = await desk.write(topic=TOPIC, channels=["email"])
    got = await desk.call(desk.maija, "POST", f"/{draft['id']}/test", json={"language": "sv"})
    assert got.status_code == 202, got.text
    assert city.mail.mails[-1]["To"] == got.json()["to"] == "maija@example.fi"
    assert city.mail.mails[-1]["Subject"] == draft["draft"]["message"]["texts"]["sv"]["subject"]
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

    link = re.search(r"<(https?://[^>]+)>", mails(city, readers[0])[1]["List-Unsubscribe"])[1]
    shown = await city.http.get(link)
    assert shown.status_code == 200
    stopped = await city.http.post(link, data={"List-Unsubscribe": "One-Click"})
    assert stopped.status_code == 200, stopped.text

    second = await sent(desk, "Toinen puisto")
    await city.until(lambda: state(desk, second), lambda told: told == "finished", seconds=60)
    assert len(mails(city, readers[0])) == 2
    assert all(len(mails(city, who)) == 3 for who in readers[1:])
