from datetime import UTC, datetime, timedelta

import httpx
import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey

from api.keys import DiscoveredKeys, IssuerUnavailable

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER = "https://tunnistus.test/realm"
FIRST, SECOND = (RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True) for _ in range(2))


class Issuer:
    """A provider whose keys can be changed and which can be away."""

    def __init__(self):
        self.published, self.named, self.away, self.asked = [FIRST], ISSUER, False, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.away:
            raise httpx.ConnectError("refused")
        if request.url.path == "/realm/.well-known/openid-configuration":
            return httpx.Response(200, json={"issuer": self.named, "jwks_uri": "https://tunnistus.test/keys"})
        return httpx.Response(200, json=KeySet(self.published).as_dict(private=False))


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
async def keys(issuer):
    found = DiscoveredKeys(ISSUER, httpx.AsyncClient(transport=httpx.MockTransport(issuer)))
    yield found
    await found.close()


async def kids(keys, now, **how):
    return {key.kid for key in await keys.keys(now, **how)}


async def test_keys_are_read_once_and_kept_for_an_hour(keys, issuer):
    for minutes in (0, 1, 59):
        assert await kids(keys, NOW + timedelta(minutes=minutes)) == {FIRST.kid}
    assert len(issuer.asked) == 2
    issuer.published = [SECOND]
    assert await kids(keys, NOW + timedelta(minutes=60)) == {SECOND.kid}


async def test_an_unknown_key_makes_them_be_read_again_but_not_at_once(keys, issuer):
    await keys.keys(NOW)
    issuer.published = [FIRST, SECOND]
    assert await kids(keys, NOW + timedelta(seconds=10), renew=True) == {FIRST.kid}
    assert await kids(keys, NOW + timedelta(seconds=31), renew=True) == {FIRST.kid, SECOND.kid}
    await keys.keys(NOW + timedelta(seconds=32), renew=True)
    assert len(issuer.asked) == 4


async def test_known_keys_go_on_while_the_issuer_is_away(keys, issuer):
    await keys.keys(NOW)
    issuer.away = True
    assert await kids(keys, NOW + timedelta(hours=5)) == {FIRST.kid}
    issuer.away, issuer.published = False, [SECOND]
    assert await kids(keys, NOW + timedelta(hours=5, minutes=1)) == {SECOND.kid}


async def test_without_any_keys_the_issuer_is_said_to_be_away_and_asked_again_soon(keys, issuer):
    issuer.away = True
    with pytest.raises(IssuerUnavailable, match="repeat in a moment"):
        await keys.keys(NOW)
    issuer.away = False
    assert await kids(keys, NOW + timedelta(seconds=2)) == {FIRST.kid}


async def test_another_issuers_document_is_not_believed(keys, issuer):
    issuer.named = "https://elsewhere.test"
    with pytest.raises(IssuerUnavailable):
        await keys.keys(NOW)


async def test_only_rsa_keys_for_signatures_are_used(keys, issuer):
    issuer.published = [
        FIRST,
        RSAKey.generate_key(2048, {"use": "enc"}, auto_kid=True),
        ECKey.generate_key("P-256", auto_kid=True),
    ]
    assert await kids(keys, NOW) == {FIRST.kid}
