"""The desk: what officials do with campaigns, departments and programmes: by right, on a version, and audited."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from campaigns import campaign as campaigns
from campaigns import checking
from campaigns.audience import Audience, Member, Wants, walk
from campaigns.audit import Act, Detail, Entry, changes
from campaigns.campaign import MOVES, Campaign, CampaignKind, Draft, Move
from campaigns.departments import Department, Programme, Rights, Role
from campaigns.errors import RoleNeeded, Unfit
from campaigns.fault import Fault
from engine.errors import NotFound, Outdated

_N = TypeVar("_N")
HOUSE = "vinkki"
"""Who starts and finishes campaigns."""


class Official(NamedTuple):
    """Who acts: by name, and in which AD groups."""

    name: str
    groups: frozenset[str]


class Documents(Protocol):
    """Where campaigns lie (`campaigns.records.documents`)."""

    async def get(self, id_: str) -> Campaign | None:
        """Return one, or None."""

    async def write(self, document: Campaign, act: Act) -> None:
        """Write the next version of one, and the act."""


class Departments(Protocol):
    """Where departments lie."""

    async def get(self, id_: str) -> Department | None:
        """Return one, or None."""


class Programmes(Protocol):
    """Where programmes lie."""

    async def get(self, id_: str) -> Programme | None:
        """Return one, or None."""


class Trail(Protocol):
    """Where acts are read (`campaigns.records.trail`)."""

    async def of(self, subject: str, after: int = 0, most: int = 1000) -> Sequence[Entry]:
        """Return the entries of a subject, the oldest first."""


class Offers(Protocol):
    """Which offers there are."""

    async def existing(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that offers have."""

    async def places(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that places of offers have."""


class Audiences(Protocol):
    """Where audiences lie (`campaigns.records.audiences`)."""

    async def get(self, id_: str) -> Audience | None:
        """Return one, or None."""


class Lists(Protocol):
    """Where lists of residents lie (`campaigns.records.lists`)."""

    async def kept(self, ids: Collection[str], now: datetime) -> Mapping[str, str]:
        """Return the departments of those of some lists that there are."""


class Desk:
    """Writes and moves campaigns.

    Parameters
    ----------
    records, departments, programmes, trail, offers, audiences, lists
        Where they lie.
    rights
        What officials may do.
    """

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        records: Documents,
        departments: Departments,
        programmes: Programmes,
        trail: Trail,
        offers: Offers,
        rights: Rights,
        audiences: Audiences,
        lists: Lists,
    ) -> None:
        self._records = records
        self._departments = departments
        self._programmes = programmes
        self._trail = trail
        self._offers = offers
        self._audiences = audiences
        self._lists = lists
        self.rights = rights

    async def permit(self, department: str, official: Official, *roles: Role) -> None:
        """Refuse an official who has none of the roles in a department, or no role at all.

        Raises
        ------
        RoleNeeded
            They have not; said of a department that there is not in the same words.
        """
        found = await self._departments.get(department)
        if found is None:
            raise RoleNeeded
        self.rights.require(found, official.groups, *roles)

    async def read(self, id_: str, official: Official) -> Campaign:
        """Return a campaign.

        Raises
        ------
        NotFound
            There is none of this id.
        RoleNeeded
            The official has no role in its department.
        """
        found = await self._found(id_)
        await self.permit(found.draft.department, official)
        return found

    async def trail(self, id_: str, official: Official) -> Sequence[Entry]:
        """Return what was done with a campaign, the oldest act first.

        Raises
        ------
        NotFound, RoleNeeded
            As in `read`.
        """
        return await self._trail.of(_subject((await self.read(id_, official)).id))

    async def create(self, draft: Draft, official: Official, now: datetime) -> Campaign:
        """Write a new campaign, as a draft.

        Raises
        ------
        RoleNeeded
            The official edits nothing in this department.
        Unfit
            Something in it is wrong.
        """
        await self.permit(draft.department, official, Role.EDITOR)
        await self._check(draft, None, now)
        its = campaigns.new(draft, official.name, now)
        await self._records.write(its, _act(its, official, "create", now))
        return its

    async def replace(self, id_: str, seen: int | None, draft: Draft, official: Official, now: datetime) -> Campaign:
        """Write a campaign anew; what was approved goes back to review.

        Parameters
        ----------
        seen
            The version that the official has seen; None for whichever is the last.

        Raises
        ------
        NotFound, RoleNeeded, Unfit
            As in `read` and `create`.
        Outdated
            Somebody has changed it meanwhile; the error says who, and what.
        IllegalMove
            It runs, or is over.
        """
        last = await self._seen(id_, seen, official, Role.EDITOR)
        if draft.department != last.draft.department:
            await self.permit(draft.department, official, Role.EDITOR)
        its = last.edited(draft, official.name, now)
        await self._check(draft, last.draft, now)
        detail = Detail(tuple(changes(msgspec.to_builtins(last.draft), msgspec.to_builtins(draft))))
        return await self._write(its, _act(its, official, Move.EDIT, now, detail))

    async def move(  # noqa: PLR0913 - an act has so many parts
        self, id_: str, seen: int | None, move: Move, official: Official, now: datetime, reason: str | None = None
    ) -> Campaign:
        """Move a campaign to another state.

        Raises
        ------
        NotFound, RoleNeeded, Outdated, IllegalMove
            As in `replace`.
        SecondPersonNeeded
            Whoever wrote or last changed it would approve it.
        Unfit
            Something is missing, or its start has passed.
        """
        if not MOVES[move].roles:
            raise RoleNeeded
        its = (await self._seen(id_, seen, official, *MOVES[move].roles)).moved(move, official.name, now)
        if move in (Move.SUBMIT, Move.APPROVE, Move.SCHEDULE):
            await self._check_complete(its.draft, now)
        return await self._write(its, _act(its, official, move, now, Detail(reason=reason)))

    async def advance(self, id_: str, move: Move, now: datetime) -> Campaign:
        """Start or finish a campaign, as the house does by itself.

        Raises
        ------
        NotFound, IllegalMove, Outdated
            It is gone, or not in a state for it (any more).
        """
        if MOVES[move].roles:
            raise RoleNeeded
        its = (await self._found(id_)).moved(move, HOUSE, now)
        return await self._write(its, _act(its, Official(HOUSE, frozenset()), move, now))

    async def looked_at(self, draft: Draft, now: datetime) -> tuple[list[Fault], list[Fault]]:
        """Return what a campaign still needs before it can go to review, and what may be a slip and is allowed."""
        audience = await self._audience(draft)
        return await self._missing(draft, audience), await self._doubts(draft, audience, now)

    async def _audience(self, draft: Draft) -> Audience | None:
        """Return the audience that a campaign names, where its department has it."""
        found = None if draft.audience is None else await self._audiences.get(draft.audience)
        return found if found is not None and found.department == draft.department else None

    async def _missing(self, draft: Draft, audience: Audience | None) -> list[Fault]:
        found = [*campaigns.missing(draft), *checking.missing(draft.message, draft.languages, draft.channels)]
        unknown = await self._unknown_offers(draft.message.offers)
        found += [
            Fault(f"message.offers.{n}", None, "No offer has this id; correct it, or leave it out.")
            for n, id_ in enumerate(draft.message.offers)
            if id_ in unknown
        ]
        if draft.audience is not None and audience is None:
            found.append(Fault("audience", None, "The department has no audience of this id."))
        elif await self._unknown_offers([node.offer for node in _nodes(audience, Wants)]):
            found.append(Fault("audience", None, "Its audience would want an offer that there is not; mend it."))
        return found

    async def _doubts(self, draft: Draft, audience: Audience | None, now: datetime) -> list[Fault]:
        known = await self._offers.places(draft.places) if draft.places else set()
        found = [
            Fault(f"places.{n}", None, "No offer was ever at a place of this id; look whether it is the right one.")
            for n, id_ in enumerate(draft.places)
            if id_ not in known
        ]
        lists = {node.of for node in _nodes(audience, Member)}
        if lists and len(await self._lists.kept(lists, now)) < len(lists):
            told = "Its audience speaks of a list that has ended, on which nobody is any more; renew or leave it out."
            found.append(Fault("audience", None, told))
        return found

    async def _unknown_offers(self, ids: Sequence[str]) -> set[str]:
        return set(ids) - await self._offers.existing(ids) if ids else set()

    async def _check(self, draft: Draft, last: Draft | None, now: datetime) -> None:
        # What began in the past may be mended otherwise without another beginning.
        timed = last is None or (last.schedule, last.kind) != (draft.schedule, draft.kind)
        found = [fault for fault in campaigns.faults(draft, now) if timed or not fault.where.startswith("schedule.")]
        found += checking.faults(draft.message, draft.languages, draft.channels)
        if draft.programme is not None:
            found += await self._faults_of_programme(draft, draft.programme)
        if found:
            raise Unfit(found)

    async def _faults_of_programme(self, draft: Draft, id_: str) -> list[Fault]:
        programme = await self._programmes.get(id_)
        if programme is None:
            return [Fault("programme", None, "There is no programme of this id.")]
        if draft.department not in programme.draft.departments:
            return [Fault("programme", None, "The department does not take part in this programme.")]
        lacking = [code for code in programme.draft.languages if code not in draft.languages]
        return [Fault("languages", None, f"The programme speaks {', '.join(lacking)} too.")] if lacking else []

    async def _check_complete(self, draft: Draft, now: datetime) -> None:
        found = await self._missing(draft, await self._audience(draft))
        starts = draft.schedule.starts
        if draft.kind is CampaignKind.ONE_OFF and starts is not None and starts <= now:
            found.append(Fault("schedule.starts", None, "The start has passed meanwhile; give one to come."))
        if draft.schedule.ends is not None and draft.schedule.ends <= now:
            found.append(Fault("schedule.ends", None, "The end has passed meanwhile; give one to come."))
        if found:
            raise Unfit(found)

    async def _found(self, id_: str) -> Campaign:
        if (found := await self._records.get(id_)) is None:
            raise NotFound("There is no campaign of this id; the list tells those there are.", field="campaign")
        return found

    async def _seen(self, id_: str, seen: int | None, official: Official, *roles: Role) -> Campaign:
        last = await self._found(id_)
        await self.permit(last.draft.department, official, *roles)
        if seen not in (None, last.version):
            await self._outdated(last.id, seen or 0)
        return last

    async def _write(self, its: Campaign, act: Act) -> Campaign:
        try:
            await self._records.write(its, act)
        except Outdated:
            await self._outdated(its.id, its.version - 1)
        return its

    async def _outdated(self, id_: str, seen: int) -> None:
        """Say what was done since the version that somebody has seen."""
        since = [entry for entry in await self._trail.of(_subject(id_)) if entry.version > seen]
        told = "; ".join(f"version {each.version}: {_told(each)}" for each in since[-5:])
        raise Outdated(f"{told or 'It was changed meanwhile'}. Read it anew, and send its `ETag` as `If-Match`.")


def _nodes(audience: Audience | None, of: type[_N]) -> list[_N]:
    """Return the nodes of one kind in an audience's tree; none where there is no audience."""
    return [node for _, node, _ in walk(audience.tree) if isinstance(node, of)] if audience is not None else []


def _told(entry: Entry) -> str:
    changed: Sequence[str] = msgspec.json.decode(entry.detail, type=Detail).changed
    what = f" ({', '.join(changed[:8])})" if changed else ""
    return f"{entry.what} by {entry.who} at {entry.time:%Y-%m-%d %H:%M:%S} UTC{what}"


def _subject(id_: str) -> str:
    return f"campaign:{id_}"


def _act(its: Campaign, official: Official, what: str, now: datetime, detail: Detail | None = None) -> Act:
    return Act(
        time=now, who=official.name, what=str(what), subject=_subject(its.id), version=its.version,
        detail=detail or Detail(),
    )  # fmt: skip
