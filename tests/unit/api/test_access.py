import base64
import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from api.access import LEEWAY_SECONDS, REMEMBERED_SECONDS, Caller, Scope, Standing, TokenVerifier, parse_resident
from api.errors import Forbidden, Unauthenticated
from api.keys import FixedKeys
from engine.errors import InvalidInput

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER, AUDIENCE = "https://tunnistus.test/auth/realms/helsinki", "vinkki-api"
KEY = RSAKey.generate_key(2048, auto_kid=True)
PERSON = uuid.uuid4()


class CountingKeys(FixedKeys):
    def __init__(self, *keys):
        super().__init__(KeySet([RSAKey.import_key(key.as_dict(private=False)) for key in keys]))
        self.asked, self.renewed = 0, 0

    async def keys(self, now, *, renew=False):
        self.asked += 1
        self.renewed += renew
        return await super().keys(now, renew=renew)


@pytest.fixture
def keys():
    return CountingKeys(KEY)


@pytest.fixture
def verifier(keys):
    return TokenVerifier(ISSUER, AUDIENCE, keys)


def claims(**changed):
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(PERSON), "exp": NOW + timedelta(minutes=5), "iat": NOW}
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def token(key=KEY, alg="RS256", kid=None, **changed):
    return jwt.encode({"alg": alg, "kid": kid or key.kid}, claims(**changed), key, algorithms=[alg])


async def refused(verifier, text, now=NOW):
    with pytest.raises(Unauthenticated) as caught:
        await verifier.verify(text, now)
    return caught.value.reason


async def test_a_uuid_as_subject_alone_makes_a_resident(verifier):
    caller = await verifier.verify(token(scope="openid profile"), NOW)
    assert (caller.standing, caller.person, caller.scopes) == (Standing.RESIDENT, PERSON, frozenset())


async def test_keycloak_permissions_make_a_service(verifier):
    permissions = {"permissions": [{"scopes": ["interactions:write", "unheard-of"]}, {"rsname": "x"}]}
    caller = await verifier.verify(token(sub="app-backend", authorization=permissions), NOW)
    assert (caller.standing, caller.person) == (Standing.SERVICE, None)
    assert caller.scopes == {Scope.INTERACTIONS_WRITE}


async def test_a_plain_scope_makes_a_service_even_if_the_subject_is_a_person(verifier):
    caller = await verifier.verify(token(scope="openid gdprquery"), NOW)
    assert (caller.standing, caller.person, caller.scopes) == (Standing.SERVICE, PERSON, {Scope.GDPR_QUERY})


async def test_a_service_without_any_scope_may_nothing(verifier):
    caller = await verifier.verify(token(sub="app-backend"), NOW)
    assert caller == Caller(Standing.SERVICE, name="app-backend")


async def test_ad_groups_make_staff(verifier):
    caller = await verifier.verify(token(ad_groups=["marketing"]), NOW)
    assert (caller.standing, caller.groups) == (Standing.STAFF, {"marketing"})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": ISSUER + "/"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "vinkki"}, "aud"),
        ({"aud": ["vinkki", "vinkki-api-2"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": NOW - timedelta(seconds=LEEWAY_SECONDS)}, "expired"),
        ({"nbf": NOW + timedelta(minutes=5)}, "nbf"),
        ({"iat": NOW + timedelta(minutes=5)}, "iat"),
    ],
)
async def test_a_wrong_claim_is_refused_and_named(verifier, changed, reason):
    assert await refused(verifier, token(**changed)) == reason


async def test_our_audience_may_be_one_of_several(verifier):
    assert (await verifier.verify(token(aud=["other", AUDIENCE]), NOW)).person == PERSON


async def test_a_token_that_expired_within_the_leeway_still_holds(verifier):
    assert await verifier.verify(token(exp=NOW - timedelta(seconds=LEEWAY_SECONDS - 1)), NOW)


async def test_a_signature_by_another_key_of_the_same_name_is_refused(verifier):
    forger = RSAKey.generate_key(2048)
    assert await refused(verifier, token(forger, kid=KEY.kid)) == "signature"


def part(value):
    return (
        base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode().rstrip("=")
    )


def by_hand(alg):
    moment = int(NOW.timestamp())
    return f"{part({'alg': alg, 'kid': KEY.kid})}.{part(claims(exp=moment + 300, iat=moment))}"


@pytest.mark.parametrize("alg", ["none", "None", ""])
async def test_alg_none_is_refused(verifier, alg):
    assert await refused(verifier, by_hand(alg) + ".") == "signature"


async def test_the_public_key_as_an_hmac_secret_is_refused(verifier):
    signed = by_hand("HS256")
    signature = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    assert await refused(verifier, f"{signed}.{part(signature)}") == "signature"


async def test_another_rsa_algorithm_is_refused(verifier):
    assert await refused(verifier, token(alg="RS512")) == "signature"


@given(st.text(max_size=200))
async def test_any_text_is_refused_as_a_token(text):
    assert await refused(TokenVerifier(ISSUER, AUDIENCE, CountingKeys(KEY)), text) in {"signature", "key"}


async def test_a_token_that_is_far_too_long_is_refused_unread(verifier, keys):
    assert await refused(verifier, "a" * 20_000) == "too_long"
    assert keys.asked == 0


async def test_an_unknown_key_is_asked_for_anew(verifier, keys):
    assert await refused(verifier, token(RSAKey.generate_key(2048, auto_kid=True))) == "key"
    assert keys.renewed == 1


async def test_a_checked_token_is_remembered_for_a_minute_and_not_longer(verifier, keys):
    text = token()
    for seconds in (0, 1, REMEMBERED_SECONDS - 1):
        await verifier.verify(text, NOW + timedelta(seconds=seconds))
    assert keys.asked == 1
    await verifier.verify(text, NOW + timedelta(seconds=REMEMBERED_SECONDS))
    assert keys.asked == 2


async def test_a_remembered_token_does_not_outlive_its_expiry(verifier):
    text = token(exp=NOW + timedelta(seconds=10))
    await verifier.verify(text, NOW)
    assert await refused(verifier, text, NOW + timedelta(seconds=10 + LEEWAY_SECONDS)) == "expired"


async def test_the_memory_is_bounded(keys):
    verifier = TokenVerifier(ISSUER, AUDIENCE, keys, remembered=2)
    for n in range(5):
        await verifier.verify(token(jti=str(n)), NOW)
    assert len(verifier._held) == 2


async def test_what_is_remembered_and_shown_names_nobody(verifier):
    text = token(ad_groups=["marketing"])
    caller = await verifier.verify(text, NOW)
    assert text.encode() not in verifier._held
    assert str(PERSON) not in repr(caller) + repr(await verifier.verify(token(), NOW))


ME, OTHER = uuid.uuid4(), uuid.uuid4()
RESIDENT = Caller(Standing.RESIDENT, ME)
SERVICE = Caller(Standing.SERVICE, scopes=frozenset({Scope.CONSENTS_READ}))


def test_a_resident_reaches_only_themself():
    assert RESIDENT.resident("me", Scope.CONSENTS_READ) == ME
    assert RESIDENT.resident(str(ME).upper(), Scope.CONSENTS_WRITE) == ME
    with pytest.raises(Forbidden):
        RESIDENT.resident(str(OTHER), Scope.CONSENTS_READ)


def test_a_service_reaches_whom_its_scope_allows():
    assert SERVICE.resident(str(OTHER), Scope.CONSENTS_READ) == OTHER
    with pytest.raises(Forbidden) as caught:
        SERVICE.resident(str(OTHER), Scope.CONSENTS_WRITE)
    assert caught.value.scope == "consents:write"
    with pytest.raises(Forbidden):
        SERVICE.resident("me", Scope.CONSENTS_READ)


def test_a_service_with_a_token_about_one_person_reaches_only_that_person():
    caller = Caller(Standing.SERVICE, ME, frozenset({Scope.CONSENTS_READ}))
    assert caller.resident(str(ME), Scope.CONSENTS_READ) == ME
    with pytest.raises(Forbidden):
        caller.resident(str(OTHER), Scope.CONSENTS_READ)


def test_staff_reach_no_resident():
    with pytest.raises(Forbidden):
        Caller(Standing.STAFF, groups=frozenset({"marketing"})).resident(str(ME), Scope.CONSENTS_READ)


@given(st.uuids())
def test_a_resident_is_named_by_a_uuid_in_its_usual_form(person):
    assert parse_resident(str(person)) == person
    for other in (person.hex, f"{{{person}}}", person.urn, str(person)[:-1], f"{person} "):
        with pytest.raises(InvalidInput):
            parse_resident(other)
