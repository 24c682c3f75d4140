"""What an offer with few seats costs in score, so that 12 seats are not shown to 5,000 people as their first.

Nobody is in this: shows are counted, and seats as the source tells them. A show counts by its place in a list
(`engine.exposure`), so the rate of uptake is that of a show in the first place, and lower down by as much less::

    expected = rate * pending       seats that will be found taken when they are told anew
    price    = min(MOST_PRICE, SLOPE * max(0, expected / seats - FREE_LOAD))

`pending` are the shows since the seats were last told. Half of them settle each `HALF_LIFE_SECONDS`, since what they
led to would have been told by then: so an offer that nobody takes comes up again though its seats stay the same. When
the seats are told anew, all settle. `rate` begins at the usual one and turns into the offer's own, which is the seats
that were taken over the shows that have settled.

The price is what the offer's score loses for everybody: while half of the seats are spoken for by expectation only
those whom it suits best still see it high up, and nobody does once all of them are.
"""

from typing import NamedTuple

HALF_LIFE_SECONDS = 86_400.0
USUAL_RATE = 0.02
"""Seats taken by a show in the first place."""
PRIOR_SHOWS = 250.0
"""How many settled shows weigh as much as the usual rate."""
FREE_LOAD, SLOPE, MOST_PRICE = 0.5, 2.0, 2.0


class Uptake(NamedTuple):
    """What is known of one offer's seats; `at` in Unix seconds.

    Attributes
    ----------
    seats
        Left, as last told.
    pending, settled
        Shows since then, and before.
    taken
        Seats that the settled shows are taken to have led to.
    """

    seats: int
    pending: float = 0.0
    settled: float = 0.0
    taken: float = 0.0
    at: float = 0.0


def told(its: Uptake, seats: int, shows: float, now: float) -> Uptake:
    """Return what is known after some more shows of an offer that has so many seats left.

    Parameters
    ----------
    now
        Unix seconds.
    """
    left = its.pending * 0.5 ** (max(0.0, now - its.at) / HALF_LIFE_SECONDS)
    settled, taken = its.settled + its.pending - left, its.taken
    if seats != its.seats:
        settled, taken, left = settled + left, taken + max(0, its.seats - seats), 0.0
    return Uptake(seats, left + shows, settled, taken, max(now, its.at))


def rate(its: Uptake, usual: float = USUAL_RATE) -> float:
    """Return how many seats a show in the first place takes.

    Examples
    --------
    >>> rate(Uptake(12)), rate(Uptake(12, settled=750.0, taken=25.0))
    (0.02, 0.03)
    """
    return (its.taken + PRIOR_SHOWS * usual) / (its.settled + PRIOR_SHOWS)


def load(its: Uptake, usual: float = USUAL_RATE) -> float:
    """Return the share of the seats that is expected to be taken."""
    return rate(its, usual) * its.pending / max(1, its.seats)


def price(its: Uptake, usual: float = USUAL_RATE) -> float:
    """Return what the offer's score loses.

    Examples
    --------
    >>> [price(Uptake(12, pending=shows)) for shows in (0.0, 300.0, 450.0, 600.0, 100_000.0)]
    [0.0, 0.0, 0.5, 1.0, 2.0]
    """
    return min(MOST_PRICE, SLOPE * max(0.0, load(its, usual) - FREE_LOAD))
