"""What the house encrypts for itself: AES-256-GCM under a key that is kept in a file, apart from the database.

The file holds a key a line; the first encrypts, the others, older ones, only open.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.key_file import keep
from engine.errors import Misconfigured
from engine.settings import Settings

_NONCE_BYTES, _KEY_BYTES = 12, 32


class Vault:
    """Encrypts for one use; what was sealed for another does not open.

    Parameters
    ----------
    keys
        Secrets of 32 bytes; the first encrypts.
    use
        What for.
    """

    def __init__(self, keys: Sequence[bytes], use: str) -> None:
        derived = [hmac.digest(key, f"vinkki {use}".encode(), "sha256") for key in keys]
        self._secret = hmac.digest(keys[0], f"vinkki digest {use}".encode(), "sha256")
        self._ciphers = [AESGCM(key) for key in derived]

    def seal(self, content: bytes, about: str) -> bytes:
        """Return the content encrypted and bound to what it is about: 28 bytes longer."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, content, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """Return the content, or None where it was not sealed by the house for this use and about this."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for cipher in self._ciphers if len(nonce) == _NONCE_BYTES else ():
            try:
                return cipher.decrypt(nonce, rest, about.encode())
            except InvalidTag:
                continue
        return None

    def digest(self, content: bytes, about: str) -> bytes:
        """Return a keyed hash (32 bytes) of the content and what it is about."""
        return hmac.digest(self._secret, about.encode() + b"\0" + content, "sha256")


def keys(settings: Settings) -> Sequence[bytes]:
    """Return the keys of a house: those of the file that is set, else one of the demo's own, made in its home.

    Raises
    ------
    Misconfigured
        Production has no file set, or the file holds no such key.
    """
    path = settings.message_key
    if path is None:
        if settings.environment == "production":
            raise Misconfigured(
                "Production encrypts addresses with a key that is kept: set VINKKI_MESSAGE_KEY to its file."
            )
        return _parsed(keep(settings.home / "messages.key", _make))
    try:
        return _parsed(path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"VINKKI_MESSAGE_KEY: the file {path} cannot be read: {error.strerror}.") from error


def _parsed(raw: bytes) -> Sequence[bytes]:
    try:
        found = [
            base64.b64decode(line + b"=" * (-len(line) % 4), altchars=b"-_", validate=True) for line in raw.split()
        ]
    except binascii.Error:
        found = []
    if not found or any(len(key) != _KEY_BYTES for key in found):
        raise Misconfigured("The key of addresses and stop links is no list of 32 bytes in base64, one a line.")
    return found


def _make() -> bytes:
    return secrets.token_urlsafe(_KEY_BYTES).encode()
