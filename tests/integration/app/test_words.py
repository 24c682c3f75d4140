"""The app's own modules, called in a real Chromium: words for times and facts, and texts from outside."""
# ruff: noqa: RUF001 - spans of time are written with a dash

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page

from api.pages import app as pages
from tests.serving import serving

pytestmark = [pytest.mark.integration, pytest.mark.browser]
NOW = "2026-11-22T10:00:00Z"
"""A Sunday, noon in Helsinki."""
SCRIPT = f"""async (argument) => {{
    const load = (name) => import(`/app/static/js/${{name}}.js`);
    const [when, facts, texts] = await Promise.all(['when', 'facts', 'texts'].map(load));
    const [rich, card] = await Promise.all(['richtext', 'card'].map(load));
    await texts.load();
    const now = new Date('{NOW}');
    return CALL;
}}"""

Words = Callable[..., Awaitable[object]]


@pytest.fixture(scope="module")
async def pages_alone() -> AsyncIterator[str]:
    """The page and its files alone, without an API behind them."""
    app = FastAPI()
    pages.install(app, issuer="http://127.0.0.1/issuer", clock=lambda: datetime(2026, 11, 22, 10, tzinfo=UTC))
    async with serving(app) as base:
        yield base


@pytest.fixture(scope="module")
async def words(browser: Browser, pages_alone: str) -> AsyncIterator[Words]:
    """Evaluate a call such as `when.whenWords(argument, now)` on the page in a language."""
    context = await browser.new_context(timezone_id="America/New_York")
    opened: dict[str, Page] = {}

    async def evaluate(language: str, call: str, argument: object = None) -> object:
        if language not in opened:
            opened[language] = await context.new_page()
            await opened[language].goto(f"{pages_alone}/app?lang={language}")
        return await opened[language].evaluate(SCRIPT.replace("CALL", call), argument)

    yield evaluate
    await context.close()


def offer(**more: object) -> dict[str, object]:
    return {"id": "test:1", "source": "test", "kind": "event", "name": {"fi": "Nimi"}, **more}


def once(starts: str, ends: str | None = None) -> dict[str, object]:
    return offer(starts=starts, ends=ends)


def dates(*pairs: tuple[str, str]) -> dict[str, object]:
    return offer(starts=pairs[0][0], ends=pairs[-1][1], dates=[{"starts": a, "ends": b} for a, b in pairs])


TODAY = ("2026-11-22T15:00:00Z", "2026-11-22T17:00:00Z")
TUESDAY = ("2026-11-24T15:00:00Z", "2026-11-24T17:30:00Z")


@pytest.mark.parametrize(
    ("given", "finnish", "swedish", "english"),
    [
        (once(*TODAY), "tänään klo 17–19", "i dag kl. 17–19", "today, 17:00–19:00"),
        (once("2026-11-23T07:30:00Z"), "huomenna klo 9.30", "i morgon kl. 9.30", "tomorrow, 09:30"),
        (once(*TUESDAY), "ti 24.11. klo 17–19.30", "tis 24.11 kl. 17–19.30", "Tue 24 Nov, 17:00–19:30"),
        (once("2026-11-22T09:00:00Z", "2026-11-22T11:00:00Z"),
         "käynnissä nyt, päättyy klo 13", "pågår nu, slutar kl. 13", "on now, ends at 13:00"),
        (dates(TODAY, TUESDAY),
         "tänään klo 17–19 ja 1 muu kerta", "i dag kl. 17–19 och 1 gång till", "today, 17:00–19:00 and 1 more time"),
        (offer(starts="2026-01-01T10:00:00Z", ends="2026-12-31T16:00:00Z", ongoing=True),
         "auki to 31.12. asti", "öppet till och med tors 31.12", "open until Thu 31 Dec"),
        (once("2026-11-26T22:00:00Z", "2026-11-28T22:00:00Z"),
         "pe 27.11.–la 28.11.", "fre 27.11–lör 28.11", "Fri 27 Nov – Sat 28 Nov"),
        (once("2026-11-26T22:00:00Z", "2026-11-27T22:00:00Z"), "pe 27.11.", "fre 27.11", "Fri 27 Nov"),
        (offer(kind="space"), "Varaa sinulle sopiva aika", "Boka en tid som passar dig", "Book a time that suits you"),
        (offer(), "Aika ei tiedossa", "Tiden är inte känd", "Time not known"),
    ],
)  # fmt: skip
async def test_when_is_told_in_words_in_helsinkis_time(
    words: Words, given: dict[str, object], finnish: str, swedish: str, english: str
) -> None:
    for language, expected in (("fi", finnish), ("sv", swedish), ("en", english)):
        assert await words(language, "when.whenWords(argument, now)", given) == expected


@pytest.mark.parametrize(
    ("given", "call", "expected"),
    [
        (offer(free=True), "facts.price(argument).text", "Maksuton"),
        (offer(free=False, price={"fi": "12 €"}), "facts.price(argument).text", "12 €"),
        (offer(free=False), "facts.price(argument).text", "Maksullinen"),
        (offer(), "facts.price(argument).text", "Hinta ei tiedossa"),
        (offer(seats_left=1), "facts.fewSeats(argument)", "1 paikka jäljellä"),
        (offer(seats_left=5), "facts.fewSeats(argument)", "5 paikkaa jäljellä"),
        (offer(seats_left=6), "facts.fewSeats(argument)", None),
        (offer(), "facts.fewSeats(argument)", None),
        (offer(), "facts.languages(argument)", "Kieli ei tiedossa"),
        (offer(languages=["fi", "so"]), "facts.languages(argument)", "Suomi ja somali"),
        (offer(), "facts.access(argument)", "Esteettömyys ei tiedossa"),
        (offer(access=[]), "facts.access(argument)", "Ei tietoa esteettömyysominaisuuksista paikalla"),
        (offer(access=["step_free", "accessible_toilet"]), "facts.access(argument)", "Esteetön kulku, esteetön WC"),
        (offer(age_min=7, age_max=12), "facts.age(argument)", "7–12-vuotiaille"),
        (offer(age_min=18), "facts.age(argument)", "18 vuotta täyttäneille"),
        (offer(age_max=0), "facts.age(argument)", "enintään 0-vuotiaille"),
        (offer(), "facts.age(argument)", None),
        (offer(online=True), "facts.where(argument, null).text", "Verkossa"),
        (offer(), "facts.where(argument, null).text", "Paikka ei tiedossa"),
        (offer(place={"id": "x", "name": {"fi": "Halli"}, "lat": 60.2, "lon": 24.95}),
         "facts.where(argument, [60.19, 24.95]).extra", "1,1 km"),
    ],
)  # fmt: skip
async def test_facts_are_told_and_what_is_unknown_is_said_to_be(
    words: Words, given: dict[str, object], call: str, expected: str | None
) -> None:
    assert await words("fi", call, given) == expected


async def test_a_text_in_another_language_declares_it(words: Words) -> None:
    given = offer(name={"fi": "Uimakoulu"}, place={"id": "x", "name": {"en": "Hall"}})
    call = "(({ outerHTML }) => outerHTML)(card.make({ offer: argument }))"
    html = str(await words("sv", call, given))
    assert 'lang="fi">Uimakoulu</a>' in html
    assert 'lang="en">Hall</span>' in html
    assert " lang=" not in str(await words("fi", call, offer(place={"id": "x", "name": {"fi": "Halli"}})))


async def test_html_in_names_and_reasons_stays_text(words: Words) -> None:
    bad = "<img src=x onerror=alert(1)>"
    given = {"offer": offer(name={"fi": bad}), "reasons": [{"code": "popular", "text": bad}]}
    call = "[card.make(argument).querySelectorAll('img').length, card.make(argument).querySelector('h3').textContent]"
    assert await words("fi", call, given) == [0, bad]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Yksi.\n\nKaksi & <3", "<p>Yksi.</p><p>Kaksi &amp; &lt;3</p>"),
        ("<p onclick='x()'>Hei <a href='//evil'>sinä</a></p><script>alert(1)</script>", "<p>Hei sinä</p>"),
        ("<ul><li><b>A</b></li></ul><iframe src='//evil'></iframe><img src=x>", "<ul><li><b>A</b></li></ul>"),
    ],
)
async def test_descriptions_keep_plain_prose_alone(words: Words, given: str, expected: str) -> None:
    call = "((div) => { div.append(...rich.richText(argument)); return div.innerHTML; })(document.createElement('div'))"
    assert await words("fi", call, given) == expected


async def test_a_picture_of_this_server_is_shown_and_one_from_elsewhere_is_not(words: Words) -> None:
    own = offer(image={"url": "/app/static/icon.svg", "licence": "cc_by", "alt": {"fi": "Kuva"}})
    other = offer(image={"url": "https://elsewhere.example/x.jpg", "licence": "cc_by"})
    assert await words("fi", "card.picture(argument)?.alt", own) == "Kuva"
    assert await words("fi", "card.picture(argument)", other) is None


async def test_where_the_api_is_away_the_page_says_so_and_offers_a_retry(browser: Browser, pages_alone: str) -> None:
    page = await browser.new_page()
    await page.goto(f"{pages_alone}/app?lang=en")
    await page.wait_for_selector("#tips-notice button")
    assert "could not be fetched" in await page.inner_text("#tips-notice")
    await page.close()
