"""Logout tokens at the door, and the tokens that end with them."""

import math
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import RSAKey

from api.access import LEEWAY_SECONDS
from api.ended import Ended
from api.logout_token import EVENT, LONGEST_ID, OLDEST
from engine.logouts import KEPT, Logout

PATH = "/logout/backchannel"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SESSION = "9f86d081884c7d65"


def told(door, **changed):
    """Return a logout token of the resident's session."""
    usual = {"sub": str(door.me), "sid": SESSION, "events": {EVENT: {}}}
    return sign(door, **{**usual, **changed})


def sign(door, **claims):
    now = door.now
    frame = {"iss": door.issuer.issuer, "aud": door.issuer.audience, "iat": now, "exp": now + timedelta(minutes=2)}
    whole = {name: value for name, value in {**frame, "jti": uuid4().hex, **claims}.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": door.issuer._key.kid}, whole, door.issuer._key, algorithms=["RS256"])


async def end(door, token):
    return await door.client.post(PATH, data={"logout_token": token})


async def knock(door, token):
    return (await door.get("/v1/residents/me/consents", token)).status_code


def bearer(door, session=SESSION, ago=60.0, **claims):
    """Return a resident's token of some time ago."""
    issued = door.now - timedelta(seconds=ago)
    return sign(
        door, sub=str(door.me), sid=session, iat=issued.timestamp(), exp=door.now + timedelta(hours=1), **claims
    )


async def test_a_session_that_ended_opens_nothing_even_if_its_token_is_remembered(door):
    token, other = bearer(door), bearer(door, "another")
    assert [await knock(door, one) for one in (token, other)] == [200, 200]
    got = await end(door, told(door))
    assert (got.status_code, got.content, got.headers["cache-control"]) == (200, b"", "no-store")
    assert [await knock(door, one) for one in (token, other)] == [401, 200]


async def test_a_logout_without_a_session_ends_all_of_the_subject_and_of_nobody_else(door):
    tokens = [bearer(door), bearer(door, "another"), bearer(door, None)]
    stranger = door.issuer.resident(uuid4(), door.now - timedelta(minutes=1))
    assert (await end(door, told(door, sid=None))).status_code == 200
    assert [await knock(door, one) for one in tokens] == [401, 401, 401]
    assert await knock(door, stranger) == 200


async def test_a_token_that_names_no_session_ends_with_any_session_of_its_subject(door):
    token = bearer(door, None)
    assert await knock(door, token) == 200
    await end(door, told(door))
    assert await knock(door, token) == 401


async def test_a_session_alone_can_be_ended_by_its_id(door):
    token, sessionless = bearer(door), bearer(door, None)
    assert (await end(door, told(door, sub=None))).status_code == 200
    assert [await knock(door, one) for one in (token, sessionless)] == [401, 200]


async def test_who_logs_in_again_is_let_in(door):
    await end(door, told(door, sid=None))
    assert await knock(door, bearer(door, ago=0)) == 401
    assert await knock(door, bearer(door, ago=0.9)) == 401
    assert await knock(door, bearer(door, ago=-1)) == 200


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"iss": "https://elsewhere.test"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"iat": None}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iat": "future"}, "iat"),
        ({"iat": "old"}, "too old"),
        ({"exp": "past"}, "expired"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"events": None}, "events"),
        ({"events": EVENT}, "events"),
        ({"events": [EVENT]}, "events"),
        ({"events": {}}, "events"),
        ({"events": {EVENT: True}}, "events"),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, "events"),
        ({"sub": None, "sid": None}, "subject"),
        ({"sub": 7}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sid": ["x"]}, "sid"),
        ({"sid": "x" * (LONGEST_ID + 1)}, "sid"),
        ({"nonce": "n"}, "nonce"),
        ({"nonce": ""}, "nonce"),
    ],
)
async def test_each_fault_of_a_logout_token_is_named_and_nothing_ends(door, changed, said):
    times = {
        "future": door.now + timedelta(minutes=5),
        "old": door.now - OLDEST,
        "past": door.now - timedelta(seconds=LEEWAY_SECONDS),
    }
    token = bearer(door)
    meant = {name: times.get(value, value) if isinstance(value, str) else value for name, value in changed.items()}
    got = await end(door, told(door, **meant))
    assert (got.status_code, got.json()["code"], got.headers["cache-control"]) == (400, "invalid_logout", "no-store")
    assert said in got.json()["detail"]
    assert (await knock(door, token), door.memory.logouts) == (200, [])


async def test_no_other_signature_ends_anything(door):
    forger = RSAKey.generate_key(2048, {"kid": door.issuer._key.kid})
    claims = jwt.decode(told(door), door.issuer.public_keys).claims
    forged = jwt.encode({"alg": "RS256", "kid": forger.kid}, claims, forger)
    for token in (forged, told(door)[:-4], told(door).rpartition(".")[0] + ".", "x", "x" * 17_000):
        assert (await end(door, token)).status_code == 400
    assert door.memory.logouts == []


async def test_a_logout_token_is_good_once(door):
    token = told(door)
    assert [(await end(door, token)).status_code for _ in range(2)] == [200, 400]
    assert len(door.memory.logouts) == 1


async def test_a_logout_token_lets_nobody_in_and_a_bearer_token_ends_nothing(door):
    assert await knock(door, told(door)) == 401
    assert (await end(door, bearer(door))).status_code == 400


async def test_while_the_store_is_away_nothing_ends_and_the_same_token_may_come_again(door):
    token, logout = bearer(door), told(door)
    door.memory.away = True
    got = await end(door, logout)
    assert (got.status_code, "retry-after" in got.headers) == (503, True)
    door.memory.away = False
    assert await knock(door, token) == 200
    assert (await end(door, logout)).status_code == 200


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"json": {"logout_token": "x"}},
        {"data": {"token": "x"}},
        {"data": {"logout_token": ["x", "y"]}},
        {"data": {f"f{n}": "x" for n in range(100)}},
        {"data": {"logout_token": "x" * 20_000}},
        {"content": b"logout_token=%FF\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": b"logout_token=%00", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ],
)
async def test_anything_but_a_form_with_one_token_is_refused(door, how):
    got = await door.client.post(PATH, **how)
    assert (got.status_code, got.headers["content-type"]) == (400, "application/problem+json")


async def test_other_fields_of_the_form_are_passed_over(door):
    got = await door.client.post(PATH, data={"logout_token": told(door), "state": "x"})
    assert got.status_code == 200


async def test_what_is_kept_names_nobody(door):
    await end(door, told(door))
    (kept,) = door.memory.logouts
    names = [str(door.me), door.me.hex, SESSION]
    assert not any(name in repr(kept) for name in names)
    assert not any(door.me.bytes in mark for mark in (*kept.marks, kept.token))
    assert {len(mark) for mark in (*kept.marks, kept.token)} == {32}


async def test_no_token_is_older_than_the_memory_of_ends(door):
    age = KEPT.total_seconds()
    assert await knock(door, bearer(door, ago=age - 1)) == 200
    assert await knock(door, bearer(door, ago=age)) == 401
    assert await knock(door, sign(door, sub=str(door.me), exp=door.now + timedelta(hours=1), iat=None)) == 401


def logout(ended, subject, session, issued, until):
    return Logout(b"", ended.of_logout(subject, session), issued, until)


@given(st.text(max_size=20), st.text(max_size=20), st.floats(1e9, 2e9), st.floats(1e9, 2e9))
def test_a_later_end_never_takes_an_earlier_one_back(subject, session, first, second):
    ended, claims = Ended(b"a secret"), {"sub": subject, "sid": session}
    for issued in (first, second):
        ended.add([logout(ended, subject, session, issued, NOW + KEPT)], NOW)
    marks = ended.of_token(claims)
    latest = max(first, second)
    assert ended.over(marks, latest)
    assert not ended.over(marks, math.floor(latest) + 1)


def test_an_end_is_forgotten_when_every_token_is_over():
    ended = Ended(b"a secret")
    ended.add([logout(ended, "a", None, NOW.timestamp(), NOW + KEPT)], NOW)
    ended.add([logout(ended, "b", None, NOW.timestamp(), NOW + 2 * KEPT)], NOW + KEPT)
    assert not ended.over(ended.of_token({"sub": "a"}), 0)
    assert ended.over(ended.of_token({"sub": "b"}), 0)
    assert len(ended._ends) == 1


def test_marks_of_one_house_mean_nothing_to_another_and_kinds_do_not_meet():
    one, other = Ended(b"a secret"), Ended(b"another")
    assert not set(one.of_logout("x", "x")) & set(other.of_logout("x", "x"))
    assert len({one.mark(kind, "x") for kind in ("sub", "sid", "session-less", "jti")}) == 4
