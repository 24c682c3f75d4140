"""By what a push service knows the house: a signature with the house's own key (VAPID, RFC 8292)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from py_vapid import Vapid02, VapidException
from py_vapid.utils import b64urlencode, num_to_bytes

from engine.errors import Misconfigured

_HOLDS = timedelta(hours=12)
_RENEWED = timedelta(hours=1)
_MOST_SERVICES = 100


class Signer:
    """Signs for push services; a signature is made once for each service and hour.

    Parameters
    ----------
    pem
        A private key of P-256, as PEM.
    contact
        ``mailto:...`` or ``https://...``, where a push service reaches who runs this.

    Raises
    ------
    Misconfigured
        The key is none.
    """

    def __init__(self, pem: bytes, contact: str) -> None:
        try:
            self._vapid = Vapid02.from_pem(pem)
            numbers = self._vapid.public_key.public_numbers()
        except (VapidException, ValueError, AttributeError, TypeError) as error:
            raise Misconfigured("VINKKI_PUSH_KEY holds no private key of P-256 in PEM.") from error
        self.public: str = b64urlencode(b"\x04" + num_to_bytes(numbers.x, 32) + num_to_bytes(numbers.y, 32))
        """The public key in base64url, which browsers subscribe with."""
        self._contact = contact
        self._signed: dict[str, tuple[datetime, Mapping[str, str]]] = {}

    def headers(self, endpoint: str, now: datetime) -> Mapping[str, str]:
        """Return the header `Authorization` for a push service."""
        parts = urlsplit(endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        known = self._signed.get(origin)
        if known is None or now - known[0] >= _RENEWED:
            if len(self._signed) >= _MOST_SERVICES:
                self._signed.clear()
            claims = {"aud": origin, "exp": int((now + _HOLDS).timestamp()), "sub": self._contact}
            known = self._signed[origin] = now, {"Authorization": self._vapid.sign(claims)["Authorization"]}
        return known[1]


def make_key() -> bytes:
    """Return a new private key as PEM."""
    vapid = Vapid02()
    vapid.generate_keys()
    return bytes(vapid.private_pem())
