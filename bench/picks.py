"""`picks_mail_ratio`: a mail with five offers picked for its reader, against Jinja2 alone writing that same mail.

Ours is all that such a mail takes beside sending it: the state of some residents from Redis in one round trip, permits
of that moment, the ranking, the reasons, cards, and what is a person's own put into HTML and text.
"""

import statistics
import time
from collections.abc import Sequence

from jinja2 import Environment

from api import wiring
from api.speech import Suggesting
from bench.figures import Figure, Promise
from bench.ground import Ground
from campaigns.cards import Card
from campaigns.message import Fallback, Form, Message, Picks, Text
from engine.catalogue import Catalogue
from engine.consent import Purpose, Register
from engine.ledger import ConsentLedger
from engine.scenario import Scenario
from engine.steering import CitySteering
from engine.suggestion import Suggester

RATIO = Promise(name="picks_mail_ratio", unit="ratio", bound=3, better="lower")
PEOPLE, HANDFUL, PICKS, TIMES = 320, 32, 5, 5
_BODY = "<h2>Tällä viikolla</h2>" + "<p>Kirjastossa on kielikahvila, satutunti ja korjauspaja. Tervetuloa!</p>" * 4
_STOP, _WHY = "https://vinkki.example/stop/" + "x" * 120, "Uutisia kirjastosta: sähköposti"
_ROW = Card("id", "@@name@@", "@@when@@", "@@where@@", "@@price@@", "https://u@@", "@@why@@")


async def measure(ground: Ground) -> Sequence[Figure]:
    """Pick and fill, and render, in turn."""
    people = await ground.active(min(PEOPLE, ground.size.residents), (Purpose.ACTIVITY,))
    stores, now = await ground.stores(), wiring.utc_now()
    catalogue = Catalogue()
    offers = await ground.offers()
    for first in range(0, len(offers), 1_000):
        catalogue.apply({offer.id: offer for offer in offers[first : first + 1_000]})
    ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
    suggester = Suggester(catalogue, stores.online, ledger, steering=CitySteering(catalogue, 0.02))
    suggester.warm_up(now)

    async def nothing() -> None:
        """Open nothing: the catalogue is there."""

    asked = Picks(scenario=Scenario.EMAIL, n=PICKS, fallback=Fallback.POPULAR)
    suggesting = Suggesting(suggester, stores.offers, nothing)
    text = Text(subject="Kirjaston viikko", preheader="Tule mukaan", body=_BODY)
    form = Form.of(Message(texts={"fi": text}, picks=asked), "fi", "email", ())
    bare = _Bare(form)
    residents = [person.pseudonym for person in people]
    runs, costs = [], []
    for _ in range(ground.size.rounds):
        ours = theirs = 0.0
        for first in range(0, len(residents), HANDFUL):
            some = residents[first : first + HANDFUL]
            began = time.thread_time()
            picked = await suggesting.pick(some, asked, "fi", wiring.utc_now())
            for cards in picked:
                form.fill(stop=_STOP, why=_WHY, picks=cards or ())
            ours += time.thread_time() - began
            began = time.thread_time()
            for cards in picked:
                bare.render(cards or ())
            theirs += time.thread_time() - began
        runs.append(ours / theirs)
        costs.append((ours / len(residents) * 1e6, theirs / len(residents) * 1e6))
    mine, its = (statistics.median(column) for column in zip(*costs, strict=True))
    reference = (
        f"compiled Jinja2 templates, escaped, of the same mail (HTML and text): {its:.0f} us; picked among "
        f"{len(offers):,} offers and filled in: {mine:.0f} us, {HANDFUL} residents at a time; "
        "consent to activity, no model"
    )
    ground.say(f"{RATIO.name}: {reference}")
    return [RATIO.measured(runs, reference)]


class _Bare:
    """The same mail as two templates of Jinja2, each compiled once."""

    def __init__(self, form: Form) -> None:
        whole = form.fill(stop="@@stop@@", why="@@because@@", picks=[_ROW])
        html, text = Environment(autoescape=True), Environment(autoescape=False)  # noqa: S701 - plain text
        if whole.html is None:
            raise RuntimeError("The mail has no HTML.")
        at = whole.html.index("@@name@@")
        first, last = whole.html.rindex("<tr", 0, at), whole.html.index("</tr>", at) + len("</tr>")
        self._html = html.from_string(_template(whole.html, first, last))
        at = whole.text.index("- @@name@@")
        last = whole.text.index("https://u@@", at) + len("https://u@@")
        self._text = text.from_string(_template(whole.text, at, last))

    def render(self, cards: Sequence[Card]) -> tuple[str, str]:
        """Return both."""
        given = {"cards": cards, "stop": _STOP, "because": _WHY}
        return self._html.render(given), self._text.render(given)


def _template(whole: str, first: int, last: int) -> str:
    """Return a text whose row goes through the cards, and whose marks are variables."""
    row = whole[first:last].replace("https://u@@", "{{ card.url }}")
    for name in ("name", "when", "where", "price", "why"):
        row = row.replace(f"@@{name}@@", f"{{{{ card.{name} }}}}")
    its = f"{whole[:first]}{{% for card in cards %}}{row}{{% endfor %}}{whole[last:]}"
    return its.replace("@@stop@@", "{{ stop }}").replace("@@because@@", "{{ because }}")
