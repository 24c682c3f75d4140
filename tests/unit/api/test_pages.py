import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
from babel import Locale
from fastapi import FastAPI
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from api.access import Scope
from api.pages import app as pages
from api.pages.texts import day, negotiate, texts
from engine.accesses import Capacity
from engine.language import Language
from engine.offers import Access, Kind
from engine.partners import Field
from engine.ties import Action

NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
"""Past midnight in Helsinki: Monday there."""
ISSUER = "https://id.example.org/realms/city"
SCRIPTS = sorted((pages.HERE / "static" / "js").glob("*.js"))
PATHS = [page.path for page in pages.PAGES]
TEMPLATES = sorted((pages.HERE / "templates").glob("*.html"))


def client(issuer: str = ISSUER) -> httpx.AsyncClient:
    app = FastAPI()
    pages.install(app, issuer=issuer, clock=lambda: NOW)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vinkki.test")


def parts(text: object) -> Iterator[str]:
    yield from text.values() if isinstance(text, dict) else [str(text)]


def placeholders(text: object) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", " ".join(parts(text))))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", Language)
async def test_each_page_speaks_the_language_of_its_address_and_declares_it(path: str, language: Language) -> None:
    async with client() as browser:
        answer = await browser.get(path, params={"lang": language})
    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}"' in answer.text
    assert str(texts(language)["nav_choices"]) in answer.text
    headings = {"/app": "choices_heading", "/oma-data": "data_heading", "/viestit": "messages_heading"}
    assert str(texts(language)[headings[path]]) in answer.text


async def test_the_language_is_remembered_on_every_page_and_another_address_changes_it() -> None:
    async with client() as browser:
        await browser.get("/app?lang=sv")
        assert '<html lang="sv"' in (await browser.get("/app", headers={"Accept-Language": "en"})).text
        assert '<html lang="sv"' in (await browser.get("/oma-data", headers={"Accept-Language": "en"})).text
        await browser.get("/app?lang=en")
        assert '<html lang="en"' in (await browser.get("/app")).text


async def test_a_language_there_is_not_falls_back_to_what_the_browser_wants() -> None:
    async with client() as browser:
        answer = await browser.get("/app?lang=<script>", headers={"Accept-Language": "sv-FI,sv;q=0.9,en;q=0.8"})
    assert '<html lang="sv"' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("header", ["", "*", ";;;", "de", "xx;q=abc", "q=1" * 5000])
def test_any_accept_language_gives_a_language_of_ours(header: str) -> None:
    assert negotiate(None, None, header) in Language


@pytest.mark.parametrize("path", PATHS)
async def test_each_page_may_load_from_this_server_alone_and_ask_the_issuer(path: str) -> None:
    async with client() as browser:
        policy = (await browser.get(path)).headers["content-security-policy"]
    assert "default-src 'self';" in policy
    assert "connect-src 'self' https://id.example.org;" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", PATHS)
async def test_each_page_names_the_issuer_and_the_client_and_escapes_them(path: str) -> None:
    async with client('https://id.example.org/"><script>alert(1)</script>') as browser:
        html = (await browser.get(path)).text
    assert "<script>alert" not in html
    assert 'data-client="vinkki-app"' in html


@pytest.mark.parametrize("page", pages.PAGES, ids=PATHS)
async def test_no_page_has_anything_inline_or_names_another_origin(page: pages.Page) -> None:
    async with client() as browser:
        html = (await browser.get(f"{page.path}?lang=fi")).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert re.findall(r"<script[^>]*>", html) == [f'<script type="module" src="/app/static/js/{page.script}">']
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', html)
    assert [address for address in addresses if not address.startswith(("/", "#"))] == []


@pytest.mark.parametrize("language", Language)
async def test_each_page_leads_to_the_other_in_the_same_language(language: Language) -> None:
    async with client() as browser:
        app, data, messages = [(await browser.get(path, params={"lang": language})).text for path in PATHS]
    assert f'href="/oma-data?lang={language}"' in app
    assert f'href="/viestit?lang={language}"' in data
    assert f'href="/oma-data?lang={language}"' in messages
    assert {f"/app?lang={language}#{view}" for view in ("tips", "saved", "choices")} <= set(
        re.findall(r'href="([^"]+)"', data)
    )
    assert 'aria-current="page"' in data


async def test_my_data_has_one_first_heading_and_can_be_signed_in_to_from_it() -> None:
    async with client() as browser:
        html = (await browser.get("/oma-data?lang=en")).text
    assert len(re.findall(r"<h1\b", html)) == 1
    assert 'id="sign-in"' in html
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", html)]
    assert [deeper - level for level, deeper in itertools.pairwise(levels) if deeper - level > 1] == []


async def test_every_part_of_my_data_is_in_its_contents_and_only_what_all_may_see_begins_in_sight() -> None:
    async with client() as browser:
        html = (await browser.get("/oma-data")).text
    sections = dict(re.findall(r'<section id="(\w+)"[^>]*?( hidden)?>', html))
    entries = dict(re.findall(r'<li data-entry="(\w+)"( hidden)?>', html))
    assert entries == sections
    assert list(entries) == list(pages.PARTS)
    assert [name for name, hidden in entries.items() if not hidden] == list(pages.OPEN_PARTS)


async def test_ids_are_unique_on_each_page() -> None:
    async with client() as browser:
        for path in PATHS:
            ids = re.findall(r'\sid="([^"]+)"', (await browser.get(path)).text)
            assert len(ids) == len(set(ids))


async def test_files_are_asked_about_each_time_so_that_a_new_version_is_seen() -> None:
    async with client() as browser:
        answer = await browser.get("/app/static/js/main.js")
        again = await browser.get("/app/static/js/main.js", headers={"If-None-Match": answer.headers["etag"]})
    assert answer.headers["content-type"].startswith("text/javascript")
    assert (answer.headers["cache-control"], again.status_code) == ("no-cache", 304)


def test_templates_are_strict_escaping_and_sandboxed() -> None:
    environment = pages.environment()
    with pytest.raises(UndefinedError):
        environment.from_string("{{ missing }}").render()
    assert environment.from_string("{{ name }}").render(name="<b>") == "&lt;b&gt;"
    with pytest.raises(SecurityError):
        environment.from_string("{{ ''.__class__.__mro__ }}").render()


@pytest.mark.parametrize("language", Language)
def test_every_text_exists_in_every_language_with_the_same_placeholders(language: Language) -> None:
    finnish, ours = texts(Language.FI), texts(language)
    assert list(ours) == list(finnish)
    assert [key for key, text in ours.items() if not all(part.strip() for part in parts(text))] == []
    assert {key: placeholders(text) for key, text in ours.items()} == {k: placeholders(v) for k, v in finnish.items()}


@pytest.mark.parametrize("language", Language)
def test_texts_that_count_have_every_plural_form_of_their_language(language: Language) -> None:
    forms = set(Locale(language).plural_form.tags) | {"other"}
    counted = {key: set(text) for key, text in texts(language).items() if isinstance(text, dict)}
    assert counted
    assert {key: found for key, found in counted.items() if found != forms} == {}


def test_the_page_uses_no_text_that_is_missing_and_keeps_none_that_is_unused() -> None:
    known = set(texts(Language.FI))
    written = "\n".join(path.read_text("utf-8") for path in [*SCRIPTS, *TEMPLATES, Path(pages.HERE / "texts.py")])
    quoted = set(re.findall(r"""["'`]([a-z][a-zäö_]*)["'`]""", written))
    begun = set(re.findall(r"""["'`]([a-z]+_)(?:["'`]|\$\{)""", written)) | {""}
    ended = set(re.findall(r"""\$\{\w+\}(_\w+)`""", written))
    unused = {
        key
        for key in known - quoted
        if not any(key.startswith(prefix) for prefix in begun - {""}) and not any(key.endswith(end) for end in ended)
    }
    assert unused == set()
    assert set(re.findall(r"""\bt\("(\w+)\"""", written)) | set(re.findall(r"""t\["(\w+)"\]""", written)) <= known


@pytest.mark.parametrize("language", Language)
def test_kinds_needs_and_areas_have_names(language: Language) -> None:
    wanted = [*(f"kind_{k}" for k in Kind), *(f"kinds_{k}" for k in Kind), *(f"access_{a}" for a in Access)]
    wanted += [f"district_{slug}" for slug in pages.MAJOR_DISTRICTS]
    assert [key for key in wanted if key not in texts(language)] == []


@pytest.mark.parametrize("language", Language)
def test_what_others_may_and_did_has_words(language: Language) -> None:
    wanted = [f"scope_{scope}" for scope in Scope] + [f"action_{action}" for action in Action]
    wanted += [f"field_{field}" for field in Field] + [f"capacity_{capacity}" for capacity in Capacity]
    assert [name for name in wanted if name.replace(":", "_") not in texts(language)] == []


def test_text_files_hold_each_key_once() -> None:
    for language in Language:
        raw = (pages.HERE / "static" / "texts" / f"{language}.json").read_text("utf-8")
        pairs = json.loads(raw, object_pairs_hook=lambda found: found)
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names))


def test_the_day_is_helsinkis_in_words() -> None:
    words = [day(NOW, language) for language in Language]
    assert words == ["Maanantai 23. marraskuuta", "Måndag 23 november", "Monday 23 November"]


def test_pictures_are_well_formed_and_hold_no_script() -> None:
    for path in (pages.HERE / "static").glob("*.svg"):
        tags = {element.tag.rpartition("}")[2] for element in ET.parse(path).iter()}  # noqa: S314 - our own files
        assert tags <= {"svg", "path", "rect"}


def test_scripts_set_text_never_html() -> None:
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b")
    assert [path.name for path in SCRIPTS if forbidden.search(path.read_text("utf-8"))] == []
