"""Whom a tree means: the algebra of sets over an index.

The set of a group is made of the sets of what is in it; ``none`` is everybody but those of ``any``. De Morgan's laws
hold, as `tests/unit/campaigns/test_evaluation.py` shows against plain Python.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pyroaring import BitMap

from campaigns.audience import (
    CHOOSING,
    Active,
    Age,
    All,
    Any_,
    Did,
    District,
    Everyone,
    Followed,
    HasDependant,
    Interest,
    Leaf,
    Learned,
    Member,
    Near,
    Needs,
    None_,
    PrefersKind,
    Speaks,
    Tree,
    Wants,
    WasSent,
)
from campaigns.facts import followed, member, sent
from campaigns.index import Index
from engine.ages import age, today

SLOW = Learned | Near | Did | Active
"""Predicates that look through what everybody did."""
_DAY = 86_400
Narrower = Mapping[str, Collection[str]]
"""By keyword, all keywords that are narrower than it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Finds whom trees mean at one moment.

    Parameters
    ----------
    index, now
        Who there is, and the time.
    narrower
        What is narrower than a keyword; without it, a keyword means itself alone.
    wanting
        By predicate, the numbers of those who would want the offer: it takes time, and is worked out before.
    """

    index: Index
    now: datetime
    narrower: Narrower = field(default_factory=dict)
    wanting: Mapping[Wants, BitMap] = field(default_factory=dict)

    def members(self, tree: Tree) -> BitMap:
        """Return the numbers of those whom a tree means."""
        return self._of(tree) & self.index.live

    def _of(self, tree: Tree) -> BitMap:
        """Return the same, perhaps with dead numbers among them."""
        match tree:
            case All():
                return _common(sorted(map(self._of, tree.of), key=len))
            case Any_():
                return BitMap.union(*map(self._of, tree.of))
            case None_():
                return self.index.live - BitMap.union(*map(self._of, tree.of))
            case _:
                found: BitMap = getattr(self, _LEAVES[type(tree)])(tree)
                return found

    def _everyone(self, _: Everyone) -> BitMap:
        return self.index.live

    def _interest(self, leaf: Interest) -> BitMap:
        names = self._keywords(leaf.keyword, narrower=leaf.narrower)
        if len(names) == 1:
            return self.index.marked(f"interest:{leaf.keyword}")
        return self.index.marked_any(f"interest:{name}" for name in names)

    def _learned(self, leaf: Learned) -> BitMap:
        offers = self.index.subjects.named(keywords=self._keywords(leaf.keyword, narrower=leaf.narrower))
        found = self.index.log.who(*self._within(leaf.within_days), acts=CHOOSING, offers=offers, least=leaf.least)
        return found - self.index.marked("off:keyword")

    def _prefers(self, leaf: PrefersKind) -> BitMap:
        return self.index.marked(f"kind:{leaf.kind}")

    def _district(self, leaf: District) -> BitMap:
        return self.index.marked(f"district:{leaf.district}")

    def _near(self, leaf: Near) -> BitMap:
        offers = self.index.subjects.near(leaf.lat, leaf.lon, leaf.km)
        found = self.index.log.who(*self._within(leaf.within_days), acts=CHOOSING, offers=offers, placed=True)
        return found - self.index.marked_any(("off:place", "off:district"))

    def _speaks(self, leaf: Speaks) -> BitMap:
        return self.index.marked(f"{'first' if leaf.first else 'language'}:{leaf.language}")

    def _age(self, leaf: Age) -> BitMap:
        year = today(self.now).year
        return self.index.marked_any(f"born:{year - age_}" for age_ in range(leaf.youngest, leaf.oldest + 1))

    def _needs(self, leaf: Needs) -> BitMap:
        return self.index.marked(f"access:{leaf.need}")

    def _dependant(self, leaf: HasDependant) -> BitMap:
        def fits(born: date) -> bool:
            return leaf.youngest <= age(born, self.now) <= leaf.oldest

        return self.index.guardians(filter(fits, self.index.births))

    def _did(self, leaf: Did) -> BitMap:
        named = {"ids": leaf.offer, "places": leaf.place, "kinds": leaf.kind}
        offers = self.index.subjects.named(**{name: [its] for name, its in named.items() if its is not None})
        found = self.index.log.who(
            *self._within(leaf.within_days),
            acts=leaf.acts,
            offers=offers if any(named.values()) else None,
            placed=leaf.place is not None,
            least=leaf.least,
        )
        off = "off:place" if leaf.place is not None else "off:kind" if leaf.kind is not None else ""
        return found - self.index.marked(off)

    def _active(self, leaf: Active) -> BitMap:
        return self.index.log.who(*self._within(leaf.within_days), least=leaf.least)

    def _wants(self, leaf: Wants) -> BitMap:
        return self.wanting[leaf]

    def _was_sent(self, leaf: WasSent) -> BitMap:
        return self.index.marked_any(sent(leaf.campaign, day) for day in self._days(leaf.within_days))

    def _followed(self, leaf: Followed) -> BitMap:
        return self.index.marked_any(followed(leaf.campaign, day) for day in self._days(leaf.within_days))

    def _member(self, leaf: Member) -> BitMap:
        return self.index.marked(member(leaf.of))

    def _keywords(self, keyword: str, *, narrower: bool) -> Collection[str]:
        return {keyword, *self.narrower.get(keyword, ())} if narrower else {keyword}

    def _days(self, before: int) -> Iterator[date]:
        """Yield today, in Helsinki, and so many days before."""
        day = today(self.now)
        return (day - timedelta(n) for n in range(before + 1))

    def _within(self, days: int) -> tuple[int, int]:
        now = int(self.now.timestamp())
        return now - days * _DAY, now


def _common(sets: Sequence[BitMap]) -> BitMap:
    """Return what is in all sets: half as long as `BitMap.intersection` takes, which copies first."""
    if len(sets) == 1:
        return sets[0]
    found = sets[0] & sets[1]
    for one in sets[2:]:
        found &= one
    return found


_LEAVES: Mapping[type[Leaf], str] = {
    Everyone: "_everyone",
    Interest: "_interest",
    Learned: "_learned",
    PrefersKind: "_prefers",
    District: "_district",
    Near: "_near",
    Speaks: "_speaks",
    Age: "_age",
    Needs: "_needs",
    HasDependant: "_dependant",
    Did: "_did",
    Active: "_active",
    Wants: "_wants",
    WasSent: "_was_sent",
    Followed: "_followed",
    Member: "_member",
}
