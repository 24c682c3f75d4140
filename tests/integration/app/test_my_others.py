"""Other people and parties on /oma-data: partners, who has looked, and the family, in words and with the say in it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import expect

from api.issuer import DemoIssuer
from tests.integration.app.tab import LANGUAGES, App
from tests.integration.app.test_accessibility import small_targets

pytestmark = [pytest.mark.integration, pytest.mark.browser]
ME = "/v1/residents/me"
FIELDS = ["interests", "languages", "access", "age_band"]
TOLD = {"keywords": ["yso:p965"], "languages": ["fi"], "birth_year": 1984, "access": ["step_free"]}
SOON = timedelta(days=30)


class Others:
    """Those who have to do with the resident who is signed in: a partner, the city's app, a child, a helper."""

    def __init__(self, http: httpx.AsyncClient, issuer: DemoIssuer, token: str) -> None:
        self.http = http
        self.issuer = issuer
        self.resident = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, headers: dict[str, str], body: object = None) -> dict:
        answer = await self.http.request(method, path, headers=headers, json=body)
        return answer.raise_for_status().json()

    def service(self, *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.service('helsinki-app', scopes, datetime.now(UTC))}"}

    async def register(self, name: str) -> dict:
        """Let the city register a partner; return its id and key."""
        purpose = dict.fromkeys(LANGUAGES, "Kerhot.")
        expires = (datetime.now(UTC) + SOON).isoformat()
        told = {"name": name, "purpose": purpose, "fields": FIELDS, "expires": expires}
        return await self.ask("POST", "/v1/partners", self.service("partners:write"), told)

    async def read(self, key: str) -> None:
        """Let a partner read whoever grants it."""
        headers = {"Authorization": f"Bearer {key}"}
        for one in (await self.ask("GET", "/v1/partner/residents", headers))["items"]:
            await self.ask("GET", f"/v1/partner/residents/{one['handle']}", headers)

    async def live(self) -> None:
        """Tell interests, become a guardian, and allow a helper two things."""
        await self.ask("PUT", f"{ME}/consents/interests", self.resident, {"granted": True, "notice": 1})
        await self.ask("PUT", f"{ME}/interests", self.resident, TOLD)
        await self.ask("POST", f"{ME}/dependants", self.resident, {"birth_date": "2016-05-04"})
        until = (datetime.now(UTC) + SOON).isoformat()
        given = {"actions": ["interests:read", "suggestions:read"], "until": until}
        await self.ask("PUT", f"{ME}/helpers/{uuid4()}", self.resident, given)


@pytest.fixture
async def others(app: App, issuer: DemoIssuer) -> AsyncIterator[Others]:
    """Those of a new resident, who is signed in."""
    await app.open("/app?lang=en")
    await app.sign_in()
    token = await app.page.evaluate("JSON.parse(sessionStorage.getItem('vinkki.token')).token")
    async with httpx.AsyncClient(base_url=app.base) as http:
        yield Others(http, issuer, token)


async def arrive(app: App, language: str = "en") -> None:
    await app.page.goto(f"{app.base}/oma-data?lang={language}")
    for part in ("partners", "accesses", "family"):
        await app.page.wait_for_selector(f"#{part}:not([hidden])")


async def test_a_partner_is_granted_and_withdrawn_by_keyboard_with_a_receipt_and_its_reading_is_shown(
    app: App, others: Others, tmp_path: Path
) -> None:
    await others.live()
    partner = await others.register("Vesipedot ry")
    await arrive(app)
    box = app.page.locator(f'[data-partner="{partner["id"]}"]')
    await expect(box).to_contain_text("your interests, your languages, your access needs, your age group")
    await box.get_by_role("button", name="Let read: Vesipedot ry").focus()
    await app.page.keyboard.press("Enter")
    await expect(app.page.locator("#status")).to_have_text("Vesipedot ry may now read your data.")
    await expect(box.get_by_role("button", name="Withdraw consent: Vesipedot ry")).to_be_focused()

    await others.read(partner["key"])
    await app.page.reload()
    seen = app.page.locator("#accesses .row").first
    await expect(seen).to_contain_text("Read your data")
    await expect(seen).to_contain_text("Vesipedot ry (partner)")
    await expect(seen).to_contain_text("your interests, your languages, your access needs, your age group")

    await box.get_by_role("button", name="Withdraw consent: Vesipedot ry").focus()
    await app.page.keyboard.press("Enter")
    await expect(box).to_contain_text("May not read.")
    await box.locator("summary").click()
    await expect(box.locator("ol .row")).to_have_count(2)
    async with app.page.expect_download() as waited:
        await box.locator("ol button").first.click()
    file = await waited.value
    await file.save_as(tmp_path / "receipt.json")
    receipt = json.loads((tmp_path / "receipt.json").read_text("utf-8"))
    assert (receipt["purpose"], receipt["granted"]) == (f"partner:{partner['id']}", False)


async def test_a_helper_s_right_is_withdrawn_where_it_is_shown(app: App, others: Others) -> None:
    await others.live()
    await arrive(app)
    family = app.page.locator("#family")
    await expect(family).to_contain_text("Born 4 May 2016")
    await expect(family).to_contain_text("1 guardian")
    await expect(family).to_contain_text("May see interests, see suggestions")
    await family.get_by_role("button", name="Withdraw the right: Person ").focus()
    await app.page.keyboard.press("Enter")
    await expect(app.page.locator("#status")).to_contain_text("does not act for you any more.")
    await expect(app.page.locator("#family-heading")).to_be_focused()
    await expect(family).not_to_contain_text("Your helpers")
    assert (await others.ask("GET", f"{ME}/family", others.resident))["helpers"] == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_others_are_shown_in_words_without_fault_in_each_language(
    app: App, others: Others, language: str
) -> None:
    await others.live()
    partner = await others.register(f"Seura {language}")
    await others.ask("PUT", f"{ME}/partners/{partner['id']}", others.resident, {"granted": True})
    await others.read(partner["key"])
    await arrive(app, language)
    await app.page.locator(f'[data-partner="{partner["id"]}"] summary').click()
    said = "".join([await app.page.inner_text(f"#{part}") for part in ("partners", "accesses", "family")])
    assert [raw for raw in ("_", "undefined", "read_", ":read", "partner:") if raw in said] == []
    assert await app.violations() == []
    assert await small_targets(app) == []
    assert await app.overflow() <= 0
