"""Addresses by double opt-in over a real mail server, and stop links, on the whole real house."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from api.keyed import addresses as addresses_of
from api.keyed import stop_links
from api.vault import Vault, keys
from engine.addresses import CODE_LASTS, HOUR, MOST_CODES, MOST_TRIES, PAUSE, UNUSED, WINDOW, Claim, Means
from engine.consent import Permit, Purpose
from engine.records.addresses import AddressRecords
from engine.records.leaks import LeakRecords
from engine.records.personal import PersonalRecords
from tests.journeys.conftest import City, Resident

PURPOSE = Purpose.MARKETING_LIBRARY_EMAIL


async def give(city: City, resident: Resident, address: str) -> None:
    """Give an address and confirm it by the code that comes."""
    given = await resident.call("PUT", f"{resident.path}/addresses/email", json={"address": address, "language": "sv"})
    assert given.status_code == 202, given.text
    code = {"code": city.mail.code(address)}
    confirmed = await resident.call("POST", f"{resident.path}/addresses/email/confirm", json=code)
    assert confirmed.status_code == 200, confirmed.text


async def pseudonym(city: City, person: UUID) -> str:
    found = await city.stores.residents.pseudonym(person)
    assert found is not None
    return found


async def permit(city: City, person: UUID) -> Permit | None:
    held = await city.stores.ledger.consents(await pseudonym(city, person))
    found = held.permit(PURPOSE, datetime.now(UTC))
    return found if isinstance(found, Permit) else None


async def rows(city: City, table: str, resident: str) -> int:
    async with city.stores.database.begin() as connection:
        query = text(f"SELECT count(*) FROM {table} WHERE resident = :resident")  # noqa: S608 - our own names
        return int((await connection.execute(query, {"resident": resident})).scalar_one())


async def test_an_address_is_confirmed_by_the_code_in_a_real_mail_and_then_given_out_by_a_permit(
    city: City, resident: Resident
) -> None:
    await resident.decide(PURPOSE)
    await give(city, resident, "aino@example.org")
    mail = city.mail.mails[-1]
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("Bekräfta din e-postadress", "auto-generated")
    allowed = await permit(city, resident.id)
    assert allowed is not None
    ours = addresses_of(city.settings, city.stores.database)
    assert await ours.confirmed(allowed, Means.EMAIL) == "aino@example.org"


async def test_addresses_are_in_ones_own_copy_and_lie_in_no_row_readably_and_go_with_the_resident(
    city: City, resident: Resident
) -> None:
    await give(city, resident, "unreadable@example.org")
    known = await pseudonym(city, resident.id)
    held = await PersonalRecords(city.stores.database, Vault(keys(city.settings), "addresses")).of(resident.id)
    assert held is not None
    assert [one.address for one in held.addresses] == ["unreadable@example.org"]
    copy = (await resident.call("GET", f"{resident.path}/data/download?format=json")).json()
    assert copy["held"]["addresses"][0]["address"] == "unreadable@example.org"
    told = (await resident.call("GET", f"{resident.path}/data?lang=en")).json()
    section = next(one for one in told["sections"] if one["id"] == "addresses")
    assert section["items"][0]["text"] == "unreadable@example.org"
    records = LeakRecords(city.stores.database)
    for table in await records.tables():
        async for block in records.rows(table):
            assert b"unreadable" not in block
            assert b"unreadable".hex().encode() not in block
    assert (await resident.call("DELETE", resident.path)).status_code == 204
    for table in ("addresses", "address_claims", "address_sends"):
        assert await rows(city, table, known) == 0
    assert not {"addresses", "address_claims", "address_sends"} & set(await records.withdrawn(datetime.now(UTC)))


async def test_tries_and_codes_are_counted_where_they_cannot_be_passed_by(city: City, resident: Resident) -> None:
    path, address = f"{resident.path}/addresses/email", "limits@example.org"
    assert (await resident.call("PUT", path, json={"address": address})).status_code == 202
    for _ in range(MOST_TRIES):
        assert (await resident.call("POST", f"{path}/confirm", json={"code": "wrong"})).status_code == 422
    code = {"code": city.mail.code(address)}
    assert (await resident.call("POST", f"{path}/confirm", json=code)).status_code == 422
    again = await resident.call("PUT", path, json={"address": address})
    assert (again.status_code, 0 < int(again.headers["retry-after"]) <= PAUSE.seconds) == (429, True)
    for _ in range(MOST_CODES - 1):
        await resident.call("DELETE", path)
        assert (await resident.call("PUT", path, json={"address": address})).status_code == 202
    await resident.call("DELETE", path)
    over = await resident.call("PUT", path, json={"address": "else@example.org"})
    assert (over.status_code, int(over.headers["retry-after"]) > PAUSE.seconds) == (429, True)
    else_where = city.resident()
    elsewhere = await else_where.call("PUT", f"{else_where.path}/addresses/email", json={"address": address})
    assert elsewhere.status_code == 429


async def test_codes_by_text_message_have_a_limit_for_everybody_together(city: City) -> None:
    now = datetime.now(UTC)
    async with city.stores.database.begin() as connection:
        query = text("SELECT count(*), min(time) FROM address_sends WHERE means = 'sms' AND time > :since")
        before, oldest = (await connection.execute(query, {"since": now - HOUR})).one()
    records = AddressRecords(city.stores.database, texted=before + 2)

    async def claimed(number: int, means: Means = Means.SMS) -> datetime | None:
        who = city.resident()
        await who.decide(PURPOSE)
        mark = f"{who.id}{number}".encode()
        return await records.claim(
            await pseudonym(city, who.id), Claim(means, b"sealed", mark, b"code", now, now + CODE_LASTS)
        )

    assert [await claimed(n) for n in range(2)] == [None, None]
    assert await claimed(2) == (oldest or now) + HOUR
    assert await claimed(3, Means.EMAIL) is None


async def test_what_is_over_and_what_no_consent_uses_is_swept(city: City, resident: Resident) -> None:
    await give(city, resident, "swept@example.org")
    known, records, now = await pseudonym(city, resident.id), AddressRecords(city.stores.database), datetime.now(UTC)
    await records.sweep(now)
    assert await rows(city, "addresses", known) == 1
    await records.sweep(now + WINDOW + timedelta(minutes=1))
    assert await rows(city, "address_sends", known) == 0
    await resident.decide(PURPOSE)
    await records.sweep(now + UNUSED + timedelta(days=1))
    assert await rows(city, "addresses", known) == 1
    await resident.decide(PURPOSE, granted=False)
    await records.sweep(datetime.now(UTC) + UNUSED + timedelta(days=1))
    assert await rows(city, "addresses", known) == 0


async def test_a_scanner_that_follows_the_link_ends_nothing_and_one_click_ends_it_at_once(
    city: City, resident: Resident
) -> None:
    await resident.decide(PURPOSE)
    await resident.decide("marketing_library_sms")
    known = await pseudonym(city, resident.id)
    # Another process made the link: it holds by the key in the house's home.
    link = stop_links(city.settings).link(known, "library", "email", "c-1", datetime.now(UTC))
    assert (await city.http.get(link, headers={"Accept": "text/html"})).status_code == 200
    assert await permit(city, resident.id) is not None
    for _ in range(2):
        stopped = await city.http.post(link, data={"List-Unsubscribe": "One-Click"})
        assert stopped.status_code == 200
        assert await permit(city, resident.id) is None
    flags = await city.stores.online.consents(known)
    assert flags is not None
    assert not flags.grants[PURPOSE].granted
    said = (await resident.call("GET", f"{resident.path}/consents")).json()
    assert [one["purpose"] for one in said["items"] if one["granted"]] == ["marketing_library_sms"]
    assert [one["granted"] for one in said["history"] if one["purpose"] == PURPOSE] == [True, False]
    assert (await city.http.post(link, data={"scope": "all"})).status_code == 200
    said = (await resident.call("GET", f"{resident.path}/consents")).json()
    assert [one["purpose"] for one in said["items"] if one["granted"]] == []


async def test_after_an_erasure_a_link_tells_nothing_and_does_no_harm(city: City, resident: Resident) -> None:
    await resident.decide(PURPOSE)
    known = await pseudonym(city, resident.id)
    link = stop_links(city.settings).link(known, "library", "email", "c-1", datetime.now(UTC))
    before = await city.http.get(link)
    await resident.call("DELETE", resident.path)
    assert (await city.http.get(link)).text == before.text
    for scope in ("topic", "all"):
        assert (await city.http.post(link, data={"scope": scope})).status_code == 200
    assert await city.stores.residents.pseudonym(resident.id) is None
