"""`vinkki token`: a bearer token of the demo's issuer."""

from uuid import UUID

from api import wiring
from api.commands.parts import last_port
from api.issuer import DemoIssuer, address
from engine.errors import InvalidInput, Misconfigured
from engine.settings import Settings


def run(settings: Settings, kind: str, name: str, scopes: list[str], subject: str | None) -> None:
    """Print the token.

    Raises
    ------
    Misconfigured
        Another issuer is set: only that one can give tokens.
    InvalidInput
        No such kind of token, or an id that is no UUID.
    """
    if settings.issuer is not None:
        raise Misconfigured("VINKKI_ISSUER is set, so tokens come from there; unset it to use the demo's issuer.")
    base = wiring.base(settings.model_copy(update={"port": last_port(settings)}))
    issuer, now = DemoIssuer(settings.home, address(base), settings.audience), wiring.utc_now()
    if kind == "resident":
        print(issuer.resident(_uuid(name), now))
    elif kind == "service":
        print(issuer.service(name, scopes, now, _uuid(subject) if subject else None))
    elif kind == "staff":
        print(issuer.staff(name, now, scopes=scopes))
    else:
        raise InvalidInput("A token is for a `resident`, a `service` or `staff`.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(f"`{text[:60]}` is not a UUID; `uuidgen` makes one.") from error
