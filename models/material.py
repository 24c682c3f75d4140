"""What a training is given: offers, who chose which, and which can be suggested now; and its split for a trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.counts import LEAST
from engine.errors import TooLittle
from engine.offers import Offer
from models.choices import Choices
from models.concepts import Concepts
from models.embedding import Embedding
from models.impressions import Lists, Shown
from models.item import Item, item
from models.lessons import HORIZON
from models.matrix import DAY, Interactions
from models.report import LEAST_RESIDENTS
from models.splits import Fold, Split

SHARE_HELD_OUT = 0.2
"""Of a journal shorter than five horizons, the newest fifth is held out."""

MOST_ASKED = 20_000
"""Of more residents than this who chose something in what is held out, as many are drawn: intervals are narrow then."""

LEAST_CHOOSERS = 5
"""Of an offer that fewer residents chose nothing is learned: it would tell of them. To the model it is new."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is learned from.

    Attributes
    ----------
    chosen
        Who chose what; the offers are numbers in `items`.
    people
        How many residents there are in it.
    live
        Numbers of the offers that can be suggested now.
    shown
        What residents were shown, and what followed; None where that teaches nothing.
    concepts
        What the deployer has loaded of a vocabulary, as far as the offers speak of it (`models.vocabulary`).
    embedding
        By which is told what offers mean; None where their words alone are to count.
    """

    items: tuple[Item, ...]
    chosen: Interactions
    people: int
    live: NDArray[np.int32]
    shown: Shown | None = None
    concepts: Concepts = field(default_factory=Concepts)
    embedding: Embedding | None = None

    @classmethod
    def of(
        cls,
        choices: Choices,
        past: Mapping[str, Offer],
        live: Sequence[Offer],
        lists: Lists | None = None,
        seats: Mapping[str, Sequence[tuple[float, int]]] | None = None,
    ) -> "Material":
        """Return the material that choices and offers make.

        Parameters
        ----------
        past
            The offers of the choices by id, those that are over or gone too; choices of others are left out.
        lists
            What residents were shown, under the numbers of the choices.
        seats
            How many seats were left when, by offer (`Item.seats`).
        """
        offers = {offer.id: offer for offer in (*past.values(), *live)}
        items = tuple(item(offer, (seats or {}).get(offer.id, ())) for offer in offers.values())
        numbers = {own_id: number for number, own_id in enumerate(offers)}
        chosen = choices.interactions()
        new = np.array([numbers.get(own_id, -1) for own_id in choices.offers], np.int32)
        renumbered = new[chosen.offers]
        known = chosen.taken(renumbered >= 0)
        who, people = np.unique(known.people, return_inverse=True)
        told = Interactions(people.astype(np.int32), renumbered[renumbered >= 0], known.times, known.weights)
        shown = None if lists is None or (its := lists.shown(chosen)) is None else its.renumbered(who, new)
        return cls(items, told, len(who), np.array([numbers[offer.id] for offer in live], np.int32), shown)

    @property
    def begins(self) -> float:
        """When the first choice was made, in Unix seconds."""
        return float(self.chosen.times.min())

    @property
    def ends(self) -> float:
        """When the last choice was over, in Unix seconds."""
        return float(self.chosen.times.max()) + 1.0

    @property
    def horizon(self) -> float:
        """How far ahead a ranking is to be right, in seconds."""
        return min(HORIZON, SHARE_HELD_OUT * (self.ends - self.begins))

    def check(self) -> None:
        """See that there is something to learn from.

        Raises
        ------
        TooLittle
            There is not; it says what is missing.
        """
        if not len(self.chosen):
            raise TooLittle("The journal holds nothing that may be learned from yet; nothing was published.")
        if self.people <= LEAST:
            raise TooLittle(
                f"A model is made of more than {LEAST} residents, and fewer allow it and have chosen something; "
                "nothing was published."
            )
        if len(np.unique(self.chosen.offers)) < 2:  # noqa: PLR2004 - to tell one from another
            raise TooLittle("All that was chosen is one offer, which tells nothing of others; nothing was published.")

    def split(self) -> Split:
        """Return the material split by time: the last horizon is held out, and everybody who chose in it asked about.

        Raises
        ------
        TooLittle
            Nothing was done before, or too few did something within it.
        """
        cut = self.ends - self.horizon
        before = self.chosen.before(cut)
        pairs = np.unique(before.offers.astype(np.int64) * self.people + before.people) // self.people
        if np.bincount(pairs, minlength=1).max() < LEAST_CHOOSERS:
            raise TooLittle(
                f"All offers are new: none had been chosen by {LEAST_CHOOSERS} residents by the time that is held out; "
                "nothing was published."
            )
        after = self.chosen.taken(self.chosen.times >= cut)
        asked = np.unique(after.people)
        if len(asked) < LEAST_RESIDENTS:
            raise TooLittle(
                f"In the last {self.horizon / DAY:.1f} days fewer than {LEAST_RESIDENTS} residents chose something, "
                "too few to judge a model by; nothing was published."
            )
        if len(asked) > MOST_ASKED:
            asked = np.sort(np.random.default_rng(0).choice(asked, MOST_ASKED, replace=False))
        fold = self._fold(cut, before, after, asked)
        names = tuple(f"{person:09d}" for person in range(self.people))
        return Split(name="journal", folds=(fold,), people=names, items=self.items, train=before)

    def _fold(self, cut: float, before: Interactions, after: Interactions, asked: NDArray[np.int32]) -> Fold:
        starts = np.array([np.nan if told.starts is None else told.starts for told in self.items])
        heard = np.unique(np.concatenate([before.offers, self.live]))
        ahead = np.union1d(np.flatnonzero(starts >= cut), heard[np.isnan(starts[heard])])
        truth = after.matrix(self.people, len(self.items))
        return Fold(
            number=0,
            starts=cut,
            ends=self.ends,
            candidates=np.union1d(ahead, after.offers).astype(np.int32),
            people=asked,
            queries=tuple(f"0|{person}" for person in asked),
            truth={int(n): truth.indices[truth.indptr[n] : truth.indptr[n + 1]].astype(np.int32) for n in asked},
            cold=np.bincount(before.offers, minlength=len(self.items)) == 0,
        )
