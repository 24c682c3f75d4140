"""What the frame of a message says by itself, in each language that messages may be written in."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Words(NamedTuple):
    """The frame's own words."""

    stop: str
    choose: str
    why: str
    service: str
    for_you: str
    free: str
    sender: str
    left_to_right: bool = True


_TEXT = (Path(__file__).parent / "templates" / "wording.toml").read_text("utf-8")
WORDS: Mapping[str, Words] = {language: Words(**words) for language, words in tomllib.loads(_TEXT).items()}
