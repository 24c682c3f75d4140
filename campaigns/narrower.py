"""Which keywords are narrower than others, as a file of an ontology such as YSO says it."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

from engine.errors import Misconfigured

_YSO = re.compile(r"<?https?://www\.yso\.fi/onto/yso/(p\d+)>?")


def read(path: Path | None) -> Mapping[str, Collection[str]]:
    """Return, by keyword, all that are narrower, however far down; without a file, nothing is narrower.

    A line of the file is a keyword, a tab, and one that is broader, as ids such as ``yso:p965`` or URIs of YSO. Lines
    of another form are passed over.

    Raises
    ------
    Misconfigured
        The file cannot be read, or no line of it is of the form.
    """
    if path is None:
        return {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"VINKKI_NARROWER: {path} cannot be read ({error}).") from error
    pairs = [parts for line in lines if len(parts := [_tag(part) for part in line.split("\t")]) == 2]  # noqa: PLR2004
    below: dict[str, set[str]] = defaultdict(set)
    for narrower, broader in pairs:
        if ":" in narrower and ":" in broader:
            below[broader].add(narrower)
    if not below:
        raise Misconfigured(f"VINKKI_NARROWER: no line of {path} is a keyword, a tab and a broader keyword.")
    return {keyword: _all_below(keyword, below) for keyword in below}


def _tag(part: str) -> str:
    return _YSO.sub(r"yso:\1", part.strip())


def _all_below(keyword: str, below: Mapping[str, Collection[str]]) -> Collection[str]:
    """Return everything below a keyword; a circle in the file ends where it began."""
    found, left = set[str](), list(below[keyword])
    while left:
        if (one := left.pop()) not in found:
            found.add(one)
            left += below.get(one, ())
    return frozenset(found - {keyword})
