"""Leaks of every kind are planted in the real stores, and each must be found; where all is well, none is."""

import asyncio
import bz2
import gzip
import lzma
from base64 import b32encode, b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID, uuid4
from zipfile import ZIP_DEFLATED, ZipFile

import httpx
import pytest
import uvicorn

from api.embedded.home import free_port
from api.leaks import Leaks, Search
from engine.consent import Purpose
from engine.erasure import Eraser
from engine.events import Impression, InteractionType
from engine.leaks import Finder
from engine.records.erasures import ErasureRecords
from engine.records.journal import Row
from engine.residents import Interests
from tests.factories import in_force

NOW = datetime.now(UTC)
LATER = NOW + timedelta(minutes=5)
ENCODINGS = {
    "as it is": str,
    "upper case, without hyphens": lambda p: p.hex.upper(),
    "base64": lambda p: b64encode(p.bytes).decode(),
    "base32": lambda p: b32encode(p.bytes).decode().rstrip("="),
    "percent-encoded": lambda p: quote(str(p).replace("-", "%2d")),
    "in base64 of JSON": lambda p: b64encode(b'{"sub": "%s"}' % str(p).encode()).decode(),
}


@pytest.fixture
async def person(own) -> UUID:
    """Somebody who allows everything, and of whom something of every kind is held."""
    person = uuid4()
    resident = await own.residents.enrol(person)
    for purpose in Purpose:
        consents = await own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=NOW)
    soon = NOW + timedelta(seconds=1)
    await own.residents.tell(consents.permit(Purpose.INTERESTS, soon), Interests(keywords=("yso:p1",)), soon)
    await own.journal.write([Row(resident, str(uuid4()), "test:1", InteractionType.SAVE, soon, soon)])
    await own.journal.impressions([Impression(f"s-{resident}", resident, soon, "popular", ("test:1",))])
    return person


async def search(own, person: UUID | None = None, *, sql=True, redis=True, files=(), metrics=()) -> list[str]:
    found = Leaks(lambda _: None)
    people = [person] if person else await own.leaks.people()
    words = await own.leaks.pseudonyms()
    looked = Search(Finder(people, digests=person is not None), Finder(people, words), found)
    if sql:
        await looked.sql(own.leaks, LATER)
    if redis:
        await looked.redis(own.online, own.records, LATER)
    looked.files(files)
    await looked.metrics(metrics)
    for place in found.places:
        assert str(person) not in place
    return found.places


async def test_where_all_is_well_nobody_is_found(own, person, tmp_path):
    (tmp_path / "vinkki.log").write_text(f"request {uuid4()} took 3 ms\n")
    for looked_for in (None, person):
        assert await search(own, looked_for, files=[tmp_path]) == []


PLANTED = {
    "journal": "UPDATE journal SET context = jsonb_build_object('note', '{}'::text)",
    "impressions": "UPDATE impressions SET offers = ARRAY['{}']",
    "notes": "CREATE TABLE notes AS SELECT '{}'::text AS note",
    "popularity": "INSERT INTO popularity VALUES ('{}', 1, 1)",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_an_id_in_any_table_is_found(own, person, encoding):
    written = ENCODINGS[encoding](person).replace("%", "%%")
    await own.sql(*(planting.replace("{}", written) for planting in PLANTED.values()))
    for looked_for in (None, person):
        found = await search(own, looked_for, redis=False)
        assert len(found) == len(PLANTED)
        assert all(any(table in place for place in found) for table in PLANTED)


@pytest.mark.parametrize("column", ["uuid", "bytea"])
async def test_an_id_in_a_column_of_its_own_type_is_found(own, person, column):
    value = f"'{person}'::uuid" if column == "uuid" else f"'\\x{person.hex}'::bytea"
    await own.sql(f"CREATE TABLE side AS SELECT 1 AS n, {value} AS who")
    assert await search(own, redis=False) == ["SQL: table public.side"]


@pytest.mark.parametrize("kind", ["key", "string", "bytes", "hash", "list", "set", "zset", "stream"])
async def test_an_id_anywhere_in_redis_is_found_whatever_holds_it(own, person, kind):
    redis, name = own.online._redis, str(person)
    plant = {
        "key": lambda: redis.set(f"seen:{name}", 1),
        "string": lambda: redis.set("v:here", name.upper()),
        "bytes": lambda: redis.set("v:here", b"\x00\x01" + person.bytes + b"\xff"),
        "hash": lambda: redis.hset("v:here", name, "1"),
        "list": lambda: redis.rpush("v:here", "a", person.hex),
        "set": lambda: redis.sadd("v:here", b64encode(person.bytes)),
        "zset": lambda: redis.zadd("v:here", {name: 1}),
        "stream": lambda: redis.xadd("v:here", {"who": name}),
    }
    await plant[kind]()
    for looked_for in (None, person):
        found = await search(own, looked_for, sql=False)
        assert found == [f"Redis: a key of the kind {'seen' if kind == 'key' else 'v'}:"]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_an_id_in_a_log_an_artefact_or_a_name_is_found(own, person, encoding, tmp_path):
    written = ENCODINGS[encoding](person)
    (tmp_path / "models").mkdir()
    (tmp_path / "old.log.gz").write_bytes(gzip.compress(f"GET /{written}\n".encode()))
    (tmp_path / "vinkki.log").write_text("x" * (1 << 20) + f" {written} " + "x" * 100)
    (tmp_path / "models" / "model.bin").write_bytes(b"\x93NUMPY" + person.bytes)
    (tmp_path / "models" / written.replace("/", "_")).write_text("empty")
    found = await search(own, person, sql=False, redis=False, files=[tmp_path])
    assert {place.rpartition("/")[2] for place in found} >= {"old.log.gz", "vinkki.log", "model.bin"}
    assert any(place == f"file: a name in {tmp_path / 'models'}" for place in found) or "/" in written


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zip", "a name in a zip"])
async def test_an_id_in_a_packed_file_is_found_whatever_the_file_is_called(own, person, kind, tmp_path):
    content, path = b"x" * (3 << 20) + person.bytes + b"x" * (1 << 20), tmp_path / "artefact"
    if "zip" in kind.split():
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            archive.writestr("factors.npy" if kind == "zip" else f"{person}.npy", content if kind == "zip" else b"")
    else:
        pack = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}[kind]
        path.write_bytes(pack(content))
    assert await search(own, sql=False, redis=False, files=[tmp_path]) == [f"file: {path}"]


async def test_an_id_in_a_folders_name_is_found_and_never_shown(own, person, tmp_path):
    inner = tmp_path / "export" / f"of-{person}" / "deep"
    inner.mkdir(parents=True)
    (inner / "content.txt").write_text(str(person))
    found = await search(own, person, sql=False, redis=False, files=[tmp_path])
    assert found == [f"file: a name in {tmp_path / 'export'}", f"file: {tmp_path / 'export'}"]


async def test_a_packed_file_that_is_cut_off_stops_nothing(own, person, tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x" * 100_000)[:-20])
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and no more PK\x05\x06" + b"\0" * 18)
    (tmp_path / "c.xz").write_bytes(lzma.compress(b"x" * 100_000)[:-20])
    (tmp_path / "d.log").write_text(str(person))
    assert await search(own, sql=False, redis=False, files=[tmp_path]) == [f"file: {tmp_path / 'd.log'}"]


@pytest.mark.parametrize("line", ["folded for {}\n", "taste_{}.json", "t:{}", "a-{}-b"])
async def test_a_pseudonym_in_a_log_is_found_too_whatever_it_is_glued_to(own, person, line, tmp_path):
    (tmp_path / "vinkki.log").write_text(line.format(await own.residents.pseudonym(person)))
    assert await search(own, sql=False, redis=False, files=[tmp_path]) == [f"file: {tmp_path / 'vinkki.log'}"]


async def test_an_id_in_metrics_is_found_and_who_does_not_answer_stops_nothing(own, person):
    async def app(scope, _, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        body = b'requests{resident="%s"} 1\n' % str(person).encode()
        await send({"type": "http.response.body", "body": body})

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_level="error"))

    serving = asyncio.create_task(server.serve())
    url, nobody = f"http://127.0.0.1:{port}/metrics", f"http://127.0.0.1:{free_port()}/metrics"
    async with httpx.AsyncClient() as client:
        for _ in range(100):
            try:
                await client.get(url)
                break
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
    assert await search(own, sql=False, redis=False, metrics=[nobody, url]) == [f"metrics: {url}"]
    server.should_exit = True
    await serving


async def test_what_a_withdrawal_should_have_deleted_is_found(own, person):
    resident = await own.residents.pseudonym(person)
    for purpose in (Purpose.ACTIVITY, Purpose.INTERESTS, Purpose.MEASUREMENT):
        await own.ledger.record(resident, purpose, granted=False, notice=None, now=NOW + timedelta(seconds=2))
    redis = own.online._redis
    await redis.set(f"t:{resident}", b"12345678")
    await redis.set(f"i:{resident}", b"\x80")
    found = await search(own)
    for place in ("journal,", "journal_ids,", "interests,", "impressions,", "t: of", "i: of"):
        assert any(place in one for one in found), place
    await own.records.forget(LATER, LATER, resident)
    await redis.delete(f"t:{resident}", f"i:{resident}")
    assert await search(own) == []


OLD = {
    "journal": "UPDATE journal SET time = now() - interval '402 days'",
    "impressions": "UPDATE impressions SET time = now() - interval '402 days'",
    "accesses": """
        INSERT INTO accesses (resident, time, who, capacity, purpose, what, fields)
        SELECT pseudonym, now() - interval '732 days', 'somebody', 'service', 'x', 'y', '{}' FROM residents
    """,
}


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("table", OLD)
async def test_what_is_older_than_promised_is_found(own, table):
    assert await search(own, redis=False) == []
    await own.sql(OLD[table])
    assert f"SQL: table {table}, 1 rows that are older than promised" in await search(own, redis=False)


async def test_progress_is_told_of_every_place(own, person, tmp_path):
    for number in range(150):
        (tmp_path / f"{number}.log").write_text("quiet")
    said = []
    looked = Search(Finder([person]), Finder([person]), Leaks(said.append))
    await looked.sql(own.leaks, LATER)
    await looked.redis(own.online, own.records, LATER)
    looked.files([tmp_path])
    for start in ("SQL: public.journal", "SQL: public.ledger", "Redis: ", "files: 100"):
        assert any(line.startswith(start) for line in said), start
    assert not any(str(person) in line for line in said)


async def test_flags_that_allow_more_than_the_ledger_are_found(own, person):
    resident = await own.residents.pseudonym(person)
    before = await own.ledger.consents(resident)
    await own.ledger.record(resident, Purpose.LOCATION, granted=False, notice=None, now=NOW + timedelta(seconds=2))
    await own.online._redis.delete(f"c:{resident}")
    await own.online.enforce(before)
    assert await search(own, sql=False) == ["Redis: c: allows what the ledger does not"]


async def test_of_an_erased_person_nothing_is_found(own, person, tmp_path):
    await Eraser(ErasureRecords(own.database), own.online, own.residents, timedelta(days=9)).erase(person, LATER)
    for looked_for in (None, person):
        assert await search(own, looked_for, files=[tmp_path]) == []
    await own.sql("INSERT INTO consents SELECT resident, 'activity', true, 1, now(), 1 FROM erasures")
    assert any("consents" in place for place in await search(own))
    await own.sql("DELETE FROM consents", "INSERT INTO residents SELECT gen_random_uuid(), resident FROM erasures")
    assert await search(own, redis=False) == ["SQL: table residents, 1 rows of residents who no longer allow it"]
