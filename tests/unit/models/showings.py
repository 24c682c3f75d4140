"""Showings of a made-up town in which it is known how much less lower places are looked at."""

import numpy as np

from models.matrix import DAY, Interactions

LISTED, OFFERS, VISITS = 12, 50, 8


def showings(power, people=1_500, drift=0.0, seed=0):
    """Return people, offers, lists, places and times of showings in the order of time, and what was chosen.

    A place is looked at with a chance of ``place ** -power``, and then an offer chosen as it suits. Offers change place
    from visit to visit; by `drift`, every second one rises a little each time. What is chosen is shown no more.
    """
    rng = np.random.default_rng(seed)
    shown, chosen = [], []
    for person in range(people):
        suits, taken = rng.normal(size=OFFERS), np.zeros(OFFERS, bool)
        chances = 0.5 / (1 + np.exp(2 - suits))
        for visit in range(VISITS):
            told = suits + rng.normal(size=OFFERS) + drift * visit * (np.arange(OFFERS) % 2)
            best = np.argsort(-np.where(taken, -np.inf, told))[:LISTED]
            for place, offer in enumerate(best.tolist(), 1):
                shown.append((person, offer, person * VISITS + visit, place, visit * DAY / 2))
                if rng.random() < place**-power * chances[offer]:
                    taken[offer] = True
                    chosen.append((person, offer, visit * DAY / 2 + 60.0))
    columns = [np.array(column) for column in zip(*shown, strict=True)]
    return columns, Interactions.of(*zip(*chosen, strict=True))
