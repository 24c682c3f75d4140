"""`vinkki evaluate`: what the recommender would have suggested on a split, as a run for any judge."""

import time
from pathlib import Path

from api.commands.parts import say
from models.runs import write_run
from models.splits import Subset, read_split
from models.trial import suggested


def run(folder: Path, out: Path, subset: Subset) -> None:
    """Learn what was known at each fold's start, rank its catalogue for everybody asked about, and write the run."""
    began = time.monotonic()

    def told(sentence: str) -> None:
        say(f"{time.monotonic() - began:5.0f} s  {sentence}")

    told(f"Reading {folder}")
    split = read_split(folder)
    lists = suggested(split, subset, told)
    write_run(out, split, lists)
    told(f"Wrote {out}: {len(lists):,} lists")
