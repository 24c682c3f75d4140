"""What administrators keep: departments, programmes, webhooks; each in versions, and audited."""

import secrets
from datetime import datetime
from typing import Any

import msgspec

from campaigns.audit import Act, Detail, changes
from campaigns.desk import Official
from engine.errors import InvalidInput, NotFound, Outdated


class Keeper:
    """Writes what administrators keep, of one kind.

    Parameters
    ----------
    records
        Where they lie (`campaigns.records.documents`).
    kind
        What they are called in the trail.
    """

    def __init__(self, records: Any, kind: str) -> None:  # noqa: ANN401 - of departments or of programmes
        self.records = records
        self._kind = kind

    async def found(self, id_: str) -> Any:  # noqa: ANN401 - as above
        """Return one.

        Raises
        ------
        NotFound
            There is none of this id.
        """
        if (found := await self.records.get(id_)) is None:
            raise NotFound(f"There is no {self._kind} of this id; the list tells those there are.", field=self._kind)
        return found

    async def create(self, form: Any, draft: Any, official: Official, now: datetime, id_: str | None = None) -> Any:  # noqa: ANN401 - as above
        """Write a new one.

        Raises
        ------
        InvalidInput
            The id is taken.
        """
        its = form(id=id_ or secrets.token_hex(8), version=1, draft=draft, changed=now)
        try:
            await self.records.write(its, self._act(its, official, "create", now, Detail()))
        except Outdated:
            raise InvalidInput(f"There is a {self._kind} of this id; choose another.", field="id") from None
        return its

    async def replace(self, last: Any, seen: int | None, draft: Any, official: Official, now: datetime) -> Any:  # noqa: ANN401 - as above
        """Write one anew, on the version that was seen.

        Raises
        ------
        Outdated
            There is a later one.
        """
        if seen not in (None, last.version):
            raise Outdated
        its = msgspec.structs.replace(last, version=last.version + 1, draft=draft, changed=now)
        detail = Detail(tuple(changes(msgspec.to_builtins(last.draft), msgspec.to_builtins(draft))))
        await self.records.write(its, self._act(its, official, "edit", now, detail))
        return its

    def _act(self, its: Any, official: Official, what: str, now: datetime, detail: Detail) -> Act:  # noqa: ANN401 - as above
        return Act(
            time=now, who=official.name, what=what, subject=f"{self._kind}:{its.id}", version=its.version, detail=detail
        )
