"""The second half of an import: records -> groups -> offers -> what changed, published."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from engine.districts import Divisions
from engine.events import GONE, OfferChange
from engine.offers import Offer, encode
from engine.records.imports import Imports, Run
from engine.records.source_records import Group
from stream.sources.linked_events import references
from stream.sources.linked_events.folding import fold, group_key, offer_id
from stream.sources.linked_events.mapping import SYSTEM, Draft, Role
from stream.sources.linked_events.progress import Progress
from stream.sources.linked_events.reading import decode

_NOWHERE = Divisions()


class Publishing:
    """Folds what has been read and publishes the difference; each step can be repeated."""

    def __init__(
        self,
        run: Run,
        imports: Imports,
        publish: Callable[[Sequence[OfferChange]], Awaitable[None]],
        divisions: Divisions,
        now: datetime,
    ) -> None:
        self._run, self._imports, self._publish, self._divisions, self._now = run, imports, publish, divisions, now

    async def group(self) -> None:
        """Put each record that is new or changed into its group."""
        while batch := await self._imports.records.stale(SYSTEM):
            drafts = [decode(record.content) for record in batch]
            parents = [decode(record.parent) if record.parent else None for record in batch]
            told = await references.known(self._imports, [*drafts, *(p for p in parents if p)])
            await self._imports.records.key(
                SYSTEM,
                {
                    draft.id: group_key(told.complete(draft, _NOWHERE), parent and told.complete(parent, _NOWHERE))
                    for draft, parent in zip(drafts, parents, strict=True)
                },
            )

    async def fold(self, progress: Progress) -> None:
        """Make the offer of each group whose records changed, and publish those that are not as they were."""
        done = 0
        while groups := await self._imports.records.dirty(SYSTEM):
            offers = await self._offers(groups)
            digests = {key: _digest(offer) for key, offer in offers.items()}
            before = await self._imports.records.digests(SYSTEM, [offer.id for offer in offers.values()])
            changed = [offer for key, offer in offers.items() if before.get(offer.id) != digests[key]]
            if changed:
                await self._publish([self._change(offer.id, offer) for offer in changed])
            folded: dict[str, tuple[str, str] | None] = {group.key: None for group in groups}
            folded |= {key: (offer.id, digests[key]) for key, offer in offers.items()}
            await self._imports.records.settle(SYSTEM, folded)
            self._run.counts.published += len(changed)
            self._run.counts.unchanged += len(offers) - len(changed)
            await self._imports.keep(self._run, ())
            progress.folded(done := done + len(groups))

    async def withdraw(self) -> None:
        """Publish that offers are gone whose records all went."""
        while gone := await self._imports.records.withdrawn(SYSTEM):
            await self._publish([self._change(id_, None) for id_ in gone])
            await self._imports.records.forget(SYSTEM, gone)
            self._run.counts.withdrawn += len(gone)

    async def _offers(self, groups: Sequence[Group]) -> dict[str, Offer]:
        members = {
            group.key: [(run, decode(content)) for run, content in group.members] for group in groups if group.members
        }
        drafts = [draft for group in members.values() for _, draft in group]
        told = await references.known(self._imports, drafts)
        umbrellas = await self._umbrellas(drafts)
        kept = {group.key: group.offer for group in groups}
        return {
            key: fold(
                [told.complete(draft, self._divisions) for _, draft in group], offer_id(group, kept[key]), umbrellas
            )
            for key, group in members.items()
        }

    async def _umbrellas(self, drafts: Sequence[Draft]) -> set[str]:
        parents: Mapping[str, str] = await self._imports.records.known(
            SYSTEM, sorted({draft.parent for draft in drafts if draft.parent})
        )
        return {id_ for id_, content in parents.items() if decode(content).role == Role.UMBRELLA}

    def _change(self, id_: str, offer: Offer | None) -> OfferChange:
        content = GONE if offer is None else msgspec.Raw(encode(offer))
        return OfferChange(id=id_, source=SYSTEM, time=self._now, offer=content)


def _digest(offer: Offer) -> str:
    return hashlib.blake2b(encode(offer), digest_size=16).hexdigest()
