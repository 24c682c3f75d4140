"""Ties and invitations in memory, as `engine.records.family` and `engine.records.invitations` keep them."""

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID, uuid5

from engine.ages import Stage, birthday
from engine.invitations import Invited
from engine.ties import Dependant, Guardian, Help, Helper, Tie, Ties, Word

_SPACE = UUID(int=0)


def alias(resident: str) -> UUID:
    """Stand for the person of a pseudonym: what this memory tells need only be stable."""
    return uuid5(_SPACE, resident)


@dataclass
class Kin:
    born: dict[str, date] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    guardians: dict[tuple[str, str], object] = field(default_factory=dict)
    said: dict[tuple[str, str, str], Word] = field(default_factory=dict)
    helps: dict[tuple[str, str], Help] = field(default_factory=dict)
    codes: dict[bytes, tuple] = field(default_factory=dict)
    invitations: list = field(default_factory=list)
    asked: list = field(default_factory=list)

    async def tie(self, actor, subject):
        self.asked.append((actor, subject))
        born, grown = self.born.get(subject), self.done.get(subject, 0)
        return Tie(born, grown, (actor, subject) in self.guardians, self.helps.get((subject, actor)))

    async def ties(self, resident, viewer, now):
        def over(child):
            return birthday(self.born[child], Stage.ADULT) <= now

        pairs = {(g, d): since for (g, d), since in self.guardians.items() if not over(d)}
        return Ties(
            [
                Dependant(alias(d), self.born[d], since, sum(of == d for _, of in pairs))
                for (g, d), since in pairs.items()
                if g == resident
            ],
            [Guardian(g == viewer, since) for (g, d), since in pairs.items() if d == resident],
            [self._helper(h, r, h) for r, h in self.helps if r == resident and self.helps[r, h].until > now],
            [self._helper(r, r, h) for r, h in self.helps if h == resident and self.helps[r, h].until > now],
        )

    def _helper(self, told, resident, helper):
        given = self.helps[resident, helper]
        return Helper(alias(told), sorted(given.actions), given.since, given.until)

    async def words(self, dependant, viewer):
        found: dict[str, list] = {}
        for (guardian, of, purpose), word in self.said.items():
            if of == dependant:
                found.setdefault(purpose, []).append(Word(guardian == viewer, word.granted, word.notice, word.since))
        return found

    def say(self, guardian, dependant, purpose, *, granted, notice, time):
        """Keep a guardian's word, and return what all of them come to."""
        self.said[guardian, dependant, purpose] = Word(True, granted, notice, time)
        its = [word for (_, of, about), word in self.said.items() if (of, about) == (dependant, purpose)]
        return all(word.granted for word in its)

    async def add(self, guardian, dependant, born, grown, now, most):
        if self.born.get(dependant, born) != born or sum(g == guardian for g, _ in self.guardians) >= most:
            return False
        self.born[dependant], self.done[dependant] = born, grown
        self.guardians[guardian, dependant] = now
        return True

    async def untold(self, _):
        return []

    async def tell(self, dependant): ...

    async def put_code(self, digest, guardian, dependant, until):
        self.codes[digest] = (guardian, dependant, until)

    async def use_code(self, digest, guardian, now, most):
        by, dependant, until = self.codes.get(digest, (guardian, None, now))
        if by == guardian or until <= now or len(self.guardians) >= most:
            return None
        del self.codes[digest]
        self.guardians[guardian, dependant] = now
        return alias(dependant)

    async def leave(self, guardian, dependant, now):
        alone = sum(d == dependant for _, d in self.guardians) == 1
        if alone and birthday(self.born[dependant], Stage.TEEN) > now:
            return False
        del self.guardians[guardian, dependant]
        return True

    async def put_helper(self, resident, helper, given, most):
        if sum(r == resident for r, _ in self.helps) >= most:
            return False
        self.helps[resident, helper] = given
        return True

    async def end_help(self, resident, helper):
        self.helps.pop((resident, helper), None)

    async def grown(self, now, limit):
        stages = [(r, born, a) for r, born in self.born.items() for a in Stage if a > self.done[r]]
        return [(r, born, a) for r, born, a in stages if birthday(born, a) <= now][:limit]

    async def grow(self, resident, reached):
        self.done[resident] = max(self.done[resident], reached)
        self.said = {key: word for key, word in self.said.items() if key[1] != resident}
        if reached >= Stage.ADULT:
            self.guardians = {key: since for key, since in self.guardians.items() if key[1] != resident}
        turn = birthday(self.born[resident], reached)
        self.helps = {k: h for k, h in self.helps.items() if k[0] != resident or h.since >= turn}

    async def tidy(self, now):
        self.helps = {key: given for key, given in self.helps.items() if given.until > now}

    async def put(self, invitation, _):
        self.invitations.append(invitation)

    async def of(self, guardian, now):
        children = [d for g, d in self.guardians if g == guardian and birthday(self.born[d], Stage.ADULT) > now]
        found = [(i, [alias(d) for d in children if self.born[d].year == i.birth_year]) for i in self.invitations]
        return [Invited(invitation, its) for invitation, its in found if its and invitation.until > now]
