"""The key by which push services know the house: of a file that is set, else the demo's own, kept in its home."""

from api.key_file import keep
from campaigns.channels.vapid import Signer, make_key
from engine.errors import Misconfigured
from engine.settings import Settings


def signer(settings: Settings) -> Signer | None:
    """Return what signs for push services; None where production has no key: then there is no push.

    Raises
    ------
    Misconfigured
        The file cannot be read, or holds no such key.
    """
    contact = f"mailto:{settings.mail_from}"
    if settings.push_key is None:
        if settings.environment == "production":
            return None
        return Signer(keep(settings.home / "push.pem", make_key), contact)
    try:
        return Signer(settings.push_key.read_bytes(), contact)
    except OSError as error:
        raise Misconfigured(
            f"VINKKI_PUSH_KEY: the file {settings.push_key} cannot be read: {error.strerror}."
        ) from error
