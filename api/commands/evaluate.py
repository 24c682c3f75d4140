"""`vinkki evaluate`: what the recommender would have suggested on a split, as a run for any judge, and a report."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from api.commands.evaluation_report import write_report
from api.commands.parts import say
from models.calibration import of_run
from models.embedding import BundledE5
from models.logged import estimates, read_log
from models.report import report as judged
from models.runs import read_run, write_run
from models.splits import Subset, read_split
from models.trial import popular, suggested


def run(  # noqa: PLR0913 - what is judged, where it goes, and how
    folder: Path, out: Path, subset: Subset, report: Path | None, beside: Sequence[Path], *, embedding: bool
) -> None:
    """Learn what was known at each fold's start, rank its catalogue for everybody asked about, and write the run.

    Parameters
    ----------
    report
        Where a page goes that compares the run with what is popular, and with the runs of `beside`.
    embedding
        Whether what offers mean is read by the extra's embedding.

    Raises
    ------
    Misconfigured
        The embedding is not installed.
    """
    meanings = BundledE5() if embedding else None
    began = time.monotonic()

    def told(sentence: str) -> None:
        say(f"{time.monotonic() - began:5.0f} s  {sentence}")

    told(f"Reading {folder}")
    split = read_split(folder)
    others = {path.name: read_run(path, split) for path in beside}
    lists, odds = suggested(split, subset, told, meanings)
    write_run(out, split, lists)
    told(f"Wrote {out}: {len(lists):,} lists")
    if report is not None:
        runs = {"Vinkki": lists, "popular": popular(split, subset), **others}
        write_report(report, judged(split, runs, subset, calibration=of_run(split, lists, odds)))
        told(f"Wrote {report}")


def run_logged(log: Path) -> None:
    """Tell what the judged policy of a log would have earned, by each way to estimate it."""
    table = Table("method", "reward a row", "95 % interval", "against what was earned", "what it says")
    for value in estimates(read_log(log)):
        found, gain = value.estimate, value.gain
        interval = f"{found.low:.4f} to {found.high:.4f}"
        table.add_row(str(value.method), f"{found.value:.4f}", interval, f"{gain.value:+.4f}", value.words)
    Console().print(table)
