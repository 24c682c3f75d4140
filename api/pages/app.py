"""The reference app: ``/app`` for the suggestions, ``/oma-data`` for one's own data, ``/viestit`` for messages.

Beside it stands ``/naytto/{place}``, what the infoscreens of a place show. Their modules in ``static/js`` call the
public API as anybody's app would. They run under a policy that lets them load nothing but what this server gives; to
sign in, they ask the issuer that the page names.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import FileSystemLoader, StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment
from starlette.types import Scope

from api.pages.texts import day, negotiate, texts
from engine.language import Language
from engine.offers import Access, Kind

HERE = Path(__file__).parent
CLIENT_ID = "vinkki-app"
LANGUAGE_COOKIE = "vinkki_lang"
REMEMBERED_SECONDS = 365 * 24 * 3600

LANGUAGE_NAMES = {Language.FI: "Suomi", Language.SV: "Svenska", Language.EN: "English"}
SPOKEN = ("fi", "sv", "en", "ar", "es", "et", "fa", "ru", "so", "uk", "zh")
"""Languages to choose from, ISO 639-1: the page's own first, then those most spoken in the city."""
MAJOR_DISTRICTS = (
    "eteläinen", "läntinen", "keskinen", "pohjoinen", "koillinen", "kaakkoinen", "itäinen", "östersundom",
)  # fmt: skip
RADII_METRES = (1000, 2000, 3000, 5000, 10_000)
SKELETON_CARDS = 6
OPEN_PARTS = ("control", "allowed")
"""Parts of ``/oma-data`` that are of use to who is not signed in."""
PARTS = (
    "control", "known", "allowed", "reasons", "messages", "partners", "accesses", "family", "download", "erase",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its address, its template, and the module that runs it."""

    path: str
    template: str
    script: str


PAGES = (
    Page("/app", "app.html", "main.js"),
    Page("/oma-data", "data.html", "mydata.js"),
    Page("/viestit", "messages.html", "viestit.js"),
)
WORKERS = ("pushworker.js", "screenworker.js")


class Files(StaticFiles):
    """Static files that a browser asks about before it uses its copy, so that a new version is seen at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, or 304 where the browser's copy is the newest."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def environment() -> SandboxedEnvironment:
    """Return the template environment: sandboxed, strict about unknown names, escaping everything."""
    return SandboxedEnvironment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def policy(issuer: str) -> str:
    """Return the page's Content-Security-Policy: this server alone, and the issuer for signing in.

    Examples
    --------
    >>> policy("https://id.example.org/realms/city").split("; ")[1]
    "connect-src 'self' https://id.example.org"
    """
    parts = urlsplit(issuer)
    return "; ".join((
        "default-src 'self'",
        f"connect-src 'self' {parts.scheme}://{parts.netloc}",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ))  # fmt: skip


def install(app: FastAPI, *, issuer: str, clock: Callable[[], datetime]) -> None:
    """Let `app` answer the pages, the files under ``/app/static``, and the icon that browsers ask every site for.

    Parameters
    ----------
    issuer
        The OpenID issuer that residents sign in with; its configuration is under ``/.well-known/openid-configuration``.
    clock
        Returns the time; the app names the day.
    """

    def worker(name: str) -> Callable[[], Awaitable[FileResponse]]:
        async def answer() -> FileResponse:
            return FileResponse(HERE / "static" / "js" / name, headers={"Cache-Control": "no-cache"})

        return answer

    async def favicon() -> FileResponse:
        return FileResponse(HERE / "static" / "icon.svg", headers={"Cache-Control": "max-age=86400"})

    templates = environment()
    for page in PAGES:
        endpoint = _endpoint(page, templates.get_template(page.template), issuer, clock)
        app.add_api_route(page.path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)
    screen = _screen(templates.get_template("screen.html"), issuer)
    app.add_api_route("/naytto/{place}", screen, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/favicon.ico", favicon, methods=["GET", "HEAD"], include_in_schema=False)
    for name in WORKERS:
        # At the root, since a worker serves the pages beneath its own address.
        app.add_api_route(f"/{name}", worker(name), methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/app/static", Files(directory=HERE / "static"), name="app-static")


def _headers(issuer: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy(issuer),
        "Cache-Control": "no-cache",
        "Vary": "Accept-Language, Cookie",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _screen(template: Template, issuer: str) -> Callable[[Request, str], Awaitable[HTMLResponse]]:
    """Return what answers an infoscreen: nobody signs in there, and no cookie is read or set."""
    headers = _headers(issuer)

    async def answer(request: Request, place: str) -> HTMLResponse:
        language = negotiate(request.query_params.get("lang"), None, request.headers.get("accept-language", ""))
        html = template.render(t=texts(language), lang=language, place=place)
        return HTMLResponse(html, headers={**headers, "Content-Language": language})

    return answer


def _endpoint(
    page: Page, template: Template, issuer: str, clock: Callable[[], datetime]
) -> Callable[[Request], Awaitable[HTMLResponse]]:
    headers = _headers(issuer)

    async def answer(request: Request) -> HTMLResponse:
        asked = request.query_params.get("lang")
        language = negotiate(asked, request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))
        html = template.render(_context(page, language, issuer, clock()))
        response = HTMLResponse(html, headers={**headers, "Content-Language": language})
        if asked == language:
            response.set_cookie(
                LANGUAGE_COOKIE, language, max_age=REMEMBERED_SECONDS, path="/", httponly=True, samesite="lax"
            )
        return response

    return answer


def _context(page: Page, language: Language, issuer: str, now: datetime) -> dict[str, object]:
    return {
        "t": texts(language),
        "lang": language,
        "path": page.path,
        "script": page.script,
        "parts": PARTS,
        "open_parts": OPEN_PARTS,
        "languages": LANGUAGE_NAMES,
        "spoken": SPOKEN,
        "kinds": list(Kind),
        "access": list(Access),
        "districts": MAJOR_DISTRICTS,
        "radii": RADII_METRES,
        "skeletons": SKELETON_CARDS,
        "day": day(now, language),
        "issuer": issuer,
        "client_id": CLIENT_ID,
    }
