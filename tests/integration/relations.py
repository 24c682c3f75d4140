"""Histories of families and partners: guardians who speak for a child, and a partner that reads what it is granted."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from engine.choices import Choice
from engine.consent import Purpose, partner_purpose
from engine.errors import LastGuardian, NotFound
from engine.family import Family
from engine.language import Localized
from engine.partners import Field, Partner, new_id, new_key
from engine.records.family import FamilyRecords
from engine.records.partners import PartnerRecords
from engine.sharing import Shared, show
from tests.integration.forgetting import House, Person

_T = TypeVar("_T")
AGE_YEARS = 8
FIELDS = (Field.INTERESTS, Field.TASTE)


@dataclass
class Child(Person):
    """What may be known of a child under 13: guardians alone open anything, and anybody may close it.

    Attributes
    ----------
    guardians
        Their pseudonyms.
    said, pauses
        Each guardian's own word by purpose, and since when each has a pause on.
    """

    guardians: set[str] = field(default_factory=set)
    said: dict[str, dict[str, bool]] = field(default_factory=dict)
    pauses: dict[str, datetime] = field(default_factory=dict)

    def lose(self, guardian: str) -> None:
        """A guardian is one no more; what the words came to stays until somebody speaks."""
        self.guardians.discard(guardian)
        self.pauses.pop(guardian, None)
        for words in self.said.values():
            words.pop(guardian, None)

    def speak(self, guardian: str | None, purpose: str, granted: bool) -> bool | None:
        """Return what a word comes to; None for one that is not heard."""
        if guardian is None:
            return None if granted else False
        self.said.setdefault(purpose, {})[guardian] = granted
        return granted and all(self.said[purpose].values())


class Relations:
    """The part of a history that is about who speaks for whom and who reads what."""

    house: House
    now: datetime
    people: list[Person]
    ids: dict[str, UUID]
    by_name: dict[str, Person]

    def _found(self) -> None:
        """Let two residents have a child, and a partner register."""
        self.family = Family(FamilyRecords(self.house.stores.database), self.house.residents, self.house.ledger)
        self.partners = PartnerRecords(self.house.stores.database)
        words = Localized("Kerromme.", "Vi berättar.", "We tell.")
        self.partner = Partner(new_id(), "Seura ry", words, FIELDS, self.house.start + timedelta(days=365))
        self._do(self.partners.register(self.partner, new_key(), self.now))
        self.word = partner_purpose(self.partner.id)
        self.handles, self.read = list[tuple[str, str]](), dict[str, int]()
        self.born = date(self.house.start.year - AGE_YEARS, 1, 31)
        self._bear(uuid4(), self.people[0])
        self._join(self.people[1])

    def tie(self, random: Random) -> None:
        """Somebody becomes a guardian by a code, or a guardian leaves, who is not the last."""
        for adult in random.sample(self._adults, 1):
            if adult.pseudonym not in self.child.guardians:
                self._join(adult)
                return
            if len(self.child.guardians) == 1:
                with pytest.raises(LastGuardian):
                    self._do(self.family.leave(self.ids[adult.pseudonym], self.ids[self.child.pseudonym], self.now))
                return
            self._do(self.family.leave(self.ids[adult.pseudonym], self.ids[self.child.pseudonym], self.now))
            self.child.lose(adult.pseudonym)

    def grant_or_end(self, random: Random) -> None:
        """Somebody grants the partner, or withdraws: either is in force at once."""
        person = random.choice(self.people)
        granted, guardian = not person.allows(self.word), self._voice(person, random)
        self._do(
            self.house.ledger.record_partner(
                person.pseudonym, self.partner.id, granted=granted, now=self.now, guardian=guardian
            )
        )
        self._heard(person, guardian, self.word, granted)
        self._partner_sees_what_it_may(person)

    def partner_reads(self, random: Random) -> None:
        """The partner reads somebody, and whatever it has ever known somebody by."""
        self._partner_sees_what_it_may(random.choice(self.people))
        for pseudonym, handle in random.sample(self.handles, min(2, len(self.handles))):
            if handle != self._handle(pseudonym):
                with pytest.raises(NotFound):
                    self._show(handle)

    @property
    def child(self) -> Child:
        """The child that there is now."""
        return next(person for person in self.people if isinstance(person, Child))

    @property
    def _adults(self) -> list[Person]:
        return [person for person in self.people if not isinstance(person, Child)]

    def _bear(self, id_: UUID, guardian: Person) -> None:
        """A resident registers a child; one that returns is somebody new."""
        self._do(self.family.register(self.ids[guardian.pseudonym], self.born, self.now, dependant=id_))
        child = Child(self._do(self.house.residents.enrol(id_)), guardians={guardian.pseudonym})
        assert child.pseudonym not in self.by_name
        self.people.append(child)
        self.ids[child.pseudonym], self.by_name[child.pseudonym] = id_, child

    def _join(self, adult: Person) -> None:
        """An adult becomes a guardian, by another one's code; once."""
        child, by = self.ids[self.child.pseudonym], self.ids[min(self.child.guardians)]
        code = self._do(self.family.invite(by, child, self.now)).code
        assert self._do(self.family.accept(self.ids[adult.pseudonym], code, self.now)) == child
        with pytest.raises(NotFound):
            self._do(self.family.accept(self.ids[adult.pseudonym], code, self.now))
        self.child.guardians.add(adult.pseudonym)

    def _orphaned(self, gone: Person) -> list[Person]:
        """Return who is erased with somebody: the child, where that was its last guardian."""
        if isinstance(gone, Child):
            return []
        child = self.child
        child.lose(gone.pseudonym)
        return [] if child.guardians else [child]

    def _voice(self, person: Person, random: Random) -> str | None:
        """Return the guardian who speaks for a child; now and then it tries alone."""
        return random.choice([*sorted(person.guardians) * 3, None]) if isinstance(person, Child) else None

    def _heard(self, person: Person, guardian: str | None, purpose: Any, granted: bool) -> None:
        """Tell the model of a word."""
        came_to = person.speak(guardian, purpose, granted) if isinstance(person, Child) else granted
        if came_to is not None:
            person.decide(purpose, came_to, self.now)

    def _pause(self, person: Person, random: Random) -> None:
        """Pause everything, or end the pause: of a child it holds while one guardian has it on."""
        ledger, begins = self.house.ledger, not person.paused(self.now)
        guardian = random.choice(sorted(person.guardians)) if isinstance(person, Child) else None
        if begins:
            self._do(ledger.pause(person.pseudonym, self.now, guardian))
        else:
            self._do(ledger.choose(person.pseudonym, Choice.PAUSE, on=False, now=self.now, guardian=guardian))
        person.unheard = False
        if isinstance(person, Child) and guardian is not None:
            person.pauses.pop(guardian, None)
            if not begins and person.pauses:
                return
            person.pauses |= {guardian: self.now} if begins else {}
        person.pause = (begins, max(self.now, person.pause[1]) if person.pause else self.now)

    def _partner_sees_what_it_may(self, person: Person) -> None:
        """What is read is allowed now, and was told or done since; each reading is in the log."""
        handle = self._handle(person.pseudonym)
        assert (handle is not None) is person.allows(self.word)
        if handle is None:
            return
        if (person.pseudonym, handle) not in self.handles:
            self.handles.append((person.pseudonym, handle))
        if not person.may(self.word, self.now) or person.paused(self.now):
            with pytest.raises(NotFound):
                self._show(handle)
            return
        shared = self._show(handle)
        self.read[person.pseudonym] = self.read.get(person.pseudonym, 0) + 1
        told = person.told[0].keywords if person.told and person.may(Purpose.INTERESTS, self.now) else None
        if told is not None and person.told[1] < person.since(Purpose.INTERESTS):
            told = None
        assert (shared.interests.keywords if shared.interests else None) == told
        assert {topic.id for topic in shared.taste or ()} <= self._done(person)

    def _done(self, person: Person) -> set[str]:
        """Return the topics of all that somebody did under the leave given now."""
        if not person.may(Purpose.ACTIVITY, self.now):
            return set()
        since = person.since(Purpose.ACTIVITY)
        its = [event.offer for batch, event in person.journal.values() if batch.accepted >= since]
        return {keyword.id for offer in its for keyword in self.house.offers[offer].keywords}

    def _show(self, handle: str) -> Shared:
        return self._do(show(self.partners, self.partner, handle, "read", self.now))

    def _handle(self, pseudonym: str) -> str | None:
        query = "SELECT handle FROM partner_handles WHERE partner = :p AND resident = :r"
        found = self._do(self.house.column(query, p=self.partner.id, r=pseudonym))
        return found[0] if found else None

    async def _relations_hold(self) -> None:
        """The child's birth date is in force, its guardians are those there should be, and every reading is noted."""
        flags = await self.house.ledger.consents(self.child.pseudonym)
        assert flags.born == self.born
        query = "SELECT guardian FROM guardians WHERE dependant = :child"
        assert set(await self.house.column(query, child=self.child.pseudonym)) == self.child.guardians
        for person in self.people:
            noted = await self.house.column("SELECT count(*) FROM accesses WHERE resident = :r", r=person.pseudonym)
            assert noted == [self.read.get(person.pseudonym, 0)]

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.house.run(work)
