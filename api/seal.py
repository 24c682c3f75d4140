"""The house's own signature: Ed25519 in a JWS, on consent receipts and on checkpoints of the ledger."""

import hmac
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from api.key_file import keep
from engine.errors import Misconfigured, VinkkiError
from engine.settings import Settings

ALGORITHM = "Ed25519"
RECEIPT = "vinkki-receipt+jws"
"""The `typ` of a receipt's header; a signature made for one purpose is good for no other."""
CHECKPOINT = "vinkki-checkpoint+jws"


class Forged(VinkkiError):
    """The signature does not hold: this was not signed by the house, or was changed since."""

    code = "forged"


class Seal:
    """Signs, and checks what was signed.

    Parameters
    ----------
    keys
        The first signs; the others, older ones, only check.

    Attributes
    ----------
    public, jwks
        The public halves, to check with and as anybody may read them.
    """

    def __init__(self, keys: list[OKPKey]) -> None:
        self._key = keys[0]
        self.jwks: Mapping[str, Any] = {"keys": [_public(key) for key in keys]}
        self.public = KeySet([OKPKey.import_key(key) for key in self.jwks["keys"]])

    @classmethod
    def of(cls, settings: Settings) -> "Seal":
        """Return the seal of a house: the key that is set, else one of the demo's own, made in its home.

        Raises
        ------
        Misconfigured
            Production has no key set, or the file holds no Ed25519 key with its private part.
        """
        path = settings.receipt_key
        if path is not None:
            found = read_keys(path)
            if not found[0].is_private:
                raise Misconfigured(f"VINKKI_RECEIPT_KEY: {path} holds a public key; signing needs the private one.")
            return cls(found)
        if settings.environment == "production":
            raise Misconfigured(
                "Production signs receipts with a key that is kept: set VINKKI_RECEIPT_KEY to its file."
            )
        return cls(_keys(keep(settings.home / "receipts.json", _make_key)))

    @cached_property
    def secret(self) -> bytes:
        """A secret that belongs to the signing key, for ids that tell nothing to others."""
        private = json.dumps(self._key.as_dict(private=True)["d"]).encode()
        return hmac.digest(private, b"vinkki ids", "sha256")

    def sign(self, content: bytes, kind: str) -> str:
        """Return the compact JWS of `content`; the same content gives the same signature."""
        header = {"alg": ALGORITHM, "kid": self._key.kid, "typ": kind}
        return jws.serialize_compact(header, content, self._key, algorithms=[ALGORITHM])


def opened(signed: str, keys: KeySet, kind: str) -> bytes:
    """Return what was signed.

    Raises
    ------
    Forged
        The signature is not by one of `keys`, or is for another purpose than `kind`.
    """
    try:
        found = jws.deserialize_compact(signed, keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError, RecursionError) as error:
        raise Forged from error
    if found.headers().get("typ") != kind:
        raise Forged("The signature holds, but it was given for something else.")
    return bytes(found.payload or b"")


def read_keys(path: Path) -> list[OKPKey]:
    """Return the keys in a file: PEM, JWK or JWKS, private or public.

    Raises
    ------
    Misconfigured
        It cannot be read, or holds no Ed25519 key.
    """
    try:
        return _keys(path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"The key file {path} cannot be read: {error.strerror}.") from error
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise Misconfigured(f"The file {path} holds no Ed25519 key, as PEM, JWK or JWKS.") from error


def _keys(raw: bytes) -> list[OKPKey]:
    if raw.lstrip().startswith(b"-----"):
        found = [OKPKey.import_key(raw)]
    else:
        value = json.loads(raw)
        found = [OKPKey.import_key(one) for one in value.get("keys", [value])]
    if not found or any(key.curve_name != ALGORITHM for key in found):
        raise ValueError("no key of the right kind")
    for key in found:
        key.ensure_kid()
    return found


def _public(key: OKPKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": ALGORITHM}


def _make_key() -> bytes:
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return msgspec.json.encode(key.as_dict(private=True))
