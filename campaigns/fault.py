"""One thing that is wrong with a campaign, as its author is told."""

import msgspec


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong.

    Attributes
    ----------
    where
        The field, as a path with dots: ``message.texts.sv.body``.
    line
        The line of that text, from 1 on; None where a line would tell nothing.
    says
        What is wrong, naming the variable, tag or address, and what to do.
    """

    where: str
    line: int | None
    says: str

    def __str__(self) -> str:
        return self.says if self.line is None else f"Line {self.line}: {self.says}"
