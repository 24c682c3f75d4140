"""What the demo's mail server took, on a page: there alone, since it shows everybody's mail to anybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.html import Node, el, page, table
from engine.errors import NotFound

PATH = "/demo/mail"
FOLDER = "mail"
"""In the home of the demo."""
SHOWN = 200
SHOWN_HEADERS = ("From", "To", "Date", "Subject", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post")
_POLICY = "default-src 'none'; style-src 'self' 'unsafe-inline'"
"""What a mail brings along is shown and neither runs nor loads anything."""


@dataclass(frozen=True, slots=True)
class DemoMailRoutes:
    """Shows the mails in a folder.

    Parameters
    ----------
    folder
        Where `api.embedded.mailbox` keeps them.
    """

    folder: Path

    def routes(self) -> list[Route]:
        """Return its routes."""
        return [Route(PATH, self.all), Route(f"{PATH}/{{name}}", self.one)]

    async def all(self, _: Request) -> Response:
        """Answer `GET /demo/mail`: the newest first."""
        names = sorted((path.name for path in self.folder.glob("*.eml")), reverse=True)
        rows: list[tuple[Node | str, ...]] = []
        for name in names[:SHOWN]:
            mail = _read(self.folder / name)
            subject = el("a", str(mail["Subject"] or "(no subject)"), href=f"{PATH}/{name}")
            rows.append((str(mail["Date"]), str(mail["To"]), subject))
        caption = f"{len(names)} mails, the newest first" if names else "No mail has arrived yet."
        about = el("p", "The demo's mail server takes every mail and delivers it to nobody. Everybody here is made up.")
        return _guarded(page("Mail that arrived", el("h1", "Mail that arrived"), about, _table(caption, rows)))

    async def one(self, request: Request) -> Response:
        """Answer `GET /demo/mail/{name}`: the headers, and every part as it would be read."""
        paths: Mapping[str, Path] = {path.name: path for path in self.folder.glob("*.eml")}
        if (path := paths.get(request.path_params["name"])) is None:
            raise NotFound("There is no such mail; it may have made room for newer ones.")
        mail = _read(path)
        subject = str(mail["Subject"] or "(no subject)")
        headers: list[tuple[Node | str, ...]] = [(name, str(mail[name])) for name in SHOWN_HEADERS if mail[name]]
        parts = [_part(part) for part in mail.walk() if not part.is_multipart()]
        back = el("p", el("a", "All mails", href=PATH))
        return _guarded(page(subject, back, el("h1", subject), table("Headers", ("Name", "Value"), headers), *parts))


def _table(caption: str, rows: list[tuple[Node | str, ...]]) -> Node:
    return table(caption, ("Date", "To", "Subject"), rows)


def _part(part: EmailMessage) -> Node:
    kind, said = part.get_content_type(), part.get_content()
    if kind == "text/html":
        frame = el(
            "iframe", srcdoc=str(said), sandbox="", title="HTML", style="width:100%;height:40rem;border:1px solid"
        )
        return el("section", el("h2", "HTML"), frame)
    return el("section", el("h2", kind), el("pre", str(said), tabindex="0"))


def _read(path: Path) -> EmailMessage:
    return message_from_bytes(path.read_bytes(), policy=policy.default)


def _guarded(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer
