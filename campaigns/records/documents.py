"""Campaigns, departments and programmes in SQL: each in its last version, written together with its act."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import msgspec
from sqlalchemy import text

from campaigns.audit import Act
from campaigns.campaign import Campaign, Move, State
from campaigns.departments import Department, Programme
from campaigns.records import trail, webhooks
from campaigns.webhooks import Webhook
from engine.errors import Outdated
from engine.records.database import Database


class Document(Protocol):
    """What is kept in versions."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def version(self) -> int:
        """From 1 on."""

    @property
    def changed(self) -> datetime:
        """When this version was written."""


T = TypeVar("T", Campaign, Department, Programme, Webhook)
KINDS: dict[type, str] = {
    Campaign: "campaign", Department: "department", Programme: "programme", Webhook: "webhook",
}  # fmt: skip
CHANNEL = "campaigns"
"""The notification that something was written; its payload is the subject."""
_SILENT = ("create", Move.EDIT)
"""What is written without a campaign coming to another state by anybody's decision."""
_GET = text("SELECT content FROM documents WHERE kind = :kind AND id = :id")
_ALL = text("SELECT content FROM documents WHERE kind = :kind ORDER BY id LIMIT 1000")
_PAGE = text("""
    SELECT seq, content FROM documents
    WHERE kind = :kind AND seq < :before AND department = ANY(:departments)
        AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY seq DESC LIMIT :most
""")
_IN_STATES = text("SELECT content FROM documents WHERE kind = :kind AND state = ANY(:states) ORDER BY seq")
_ADD = text("""
    INSERT INTO documents (kind, id, version, state, department, content, changed)
    VALUES (:kind, :id, :version, :state, :department, :content, :changed) ON CONFLICT DO NOTHING
""")
_REPLACE = text("""
    UPDATE documents SET version = :version, state = :state, department = :department, content = :content,
        changed = :changed
    WHERE kind = :kind AND id = :id AND version = :version - 1
""")


class DocumentRecords(Generic[T]):
    """Reads and writes what is of one form.

    Parameters
    ----------
    form
        `Campaign`, `Department`, `Programme` or `Webhook`.
    """

    def __init__(self, database: Database, form: type[T]) -> None:
        self._database = database
        self._decode: Callable[[str], T] = msgspec.json.Decoder(form).decode
        self.kind = KINDS[form]

    async def get(self, id_: str) -> T | None:
        """Return one, or None."""
        async with self._database.begin() as connection:
            found = (await connection.execute(_GET, {"kind": self.kind, "id": id_})).scalar_one_or_none()
        return None if found is None else self._decode(found)

    async def all(self) -> Sequence[T]:
        """Return all, by id; a thousand at most."""
        async with self._database.begin() as connection:
            return [self._decode(row.content) for row in await connection.execute(_ALL, {"kind": self.kind})]

    async def page(
        self, departments: Collection[str], state: State | None, before: int, most: int
    ) -> Sequence[tuple[int, T]]:
        """Return (number, campaign) of departments, those with a number below `before`, the newest first."""
        asked = {
            "kind": self.kind, "departments": list(departments), "state": state, "before": before, "most": most,
        }  # fmt: skip
        async with self._database.begin() as connection:
            return [(row.seq, self._decode(row.content)) for row in await connection.execute(_PAGE, asked)]

    async def in_states(self, states: Collection[State]) -> Sequence[T]:
        """Return every campaign in one of the states, the oldest first."""
        async with self._database.begin() as connection:
            found = await connection.execute(_IN_STATES, {"kind": self.kind, "states": list(states)})
            return [self._decode(row.content) for row in found]

    async def write(self, document: T, act: Act) -> None:
        """Write the next version of one, and the act; both or neither are kept.

        Raises
        ------
        Outdated
            Somebody has written that version already.
        """
        content = msgspec.json.encode(document).decode()
        values = {
            "kind": self.kind,
            "id": document.id,
            "version": document.version,
            "state": _state(document),
            "department": document.draft.department if isinstance(document, Campaign | Webhook) else None,
            "content": content,
            "changed": document.changed,
        }
        async with self._database.begin() as connection:
            written = await connection.execute(_ADD if document.version == 1 else _REPLACE, values)
            if written.rowcount != 1:
                raise Outdated
            await trail.append(connection, act, content)
            if isinstance(document, Campaign) and act.what not in _SILENT:
                await webhooks.announce(connection, document, f"campaign.{document.state}")
            await connection.execute(
                text("SELECT pg_notify(:channel, :subject)"), {"channel": CHANNEL, "subject": act.subject}
            )


def _state(document: Document) -> str | None:
    """Return what a document is looked up by beside its id."""
    if isinstance(document, Campaign):
        return document.state
    if isinstance(document, Webhook):
        return document.draft.direction if document.draft.enabled else "off"
    return None
