"""Files as somebody who looks for leaks reads them: all of a home, whatever holds it, in blocks."""

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import IO
from zipfile import ZipFile, is_zipfile

SERVERS_OWN = frozenset({"postgres/data", "kafka/data", "valkey/data", "jars"})
"""Folders of the embedded servers in a home: what they hold is looked through by asking the servers."""
INVENTED = "personas.json"
"""The demo's log-in page knows the residents that it has made up."""
BLOCK, OVERLAP = 1 << 20, 1 << 12
_UNPACK: dict[bytes, Callable[[IO[bytes]], BufferedIOBase]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
"""What opens a packed file, by its first bytes: its name need not tell."""


def paths(root: Path) -> Iterator[Path]:
    """Yield `root` and every file and folder below it, but for what is looked through otherwise; follows no link."""
    yield root
    for path in sorted(root.rglob("*")):
        own = path.relative_to(root).as_posix()
        if (
            not path.is_symlink()
            and own != INVENTED
            and not any(own.startswith(f"{folder}/") for folder in SERVERS_OWN)
        ):
            yield path


def blocks(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks that overlap, so that nothing is cut; of an archive the names and each content, unpacked.

    Raises
    ------
    OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error, RuntimeError
        It cannot be read, is cut off, or is locked by a password.
    """
    with path.open("rb") as file:
        yield from _overlapping(file.read)
        file.seek(0)
        head = file.read(8)
        file.seek(0)
        for begins, unpack in _UNPACK.items():
            if head.startswith(begins):
                yield from _overlapping(unpack(file).read)
        if is_zipfile(file):
            yield from _archive(file)


def _archive(file: IO[bytes]) -> Iterator[bytes]:
    with ZipFile(file) as archive:
        for name in archive.namelist():
            yield name.encode("utf-8", "replace")
            with archive.open(name) as member:
                yield from _overlapping(member.read)


def _overlapping(read: Callable[[int], bytes]) -> Iterator[bytes]:
    kept = b""
    while block := read(BLOCK):
        yield kept + block
        kept = block[-OVERLAP:]
