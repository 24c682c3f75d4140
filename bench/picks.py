"""`picks_mail_ratio`: a mail with five offers picked for its reader, against Jinja2 alone writing that same mail.

Ours is all that such a mail takes beside sending it: the state of some residents from Redis in one round trip, permits
of that moment, the ranking, the reasons, cards, and what is a person's own put into HTML and text. Jinja2 is given the
picked offers and the reasons, and its templates say the rest, as those of a mailing tool do; what it writes must be the
same to the letter. Beside it is told what it takes where even the words on each offer are ready before.
"""

import statistics
import time
from collections.abc import Mapping, Sequence

from jinja2 import Environment, Template

from api import wiring
from api.speech import Suggesting
from bench.figures import Figure, Promise
from bench.ground import Ground
from campaigns.cards import Card
from campaigns.message import Fallback, Form, Message, Picks, Rendered, Text
from campaigns.schedule import HELSINKI
from campaigns.wording import WORDS
from engine.catalogue import Catalogue
from engine.consent import Purpose, Register
from engine.ledger import ConsentLedger
from engine.offers import Offer
from engine.scenario import Scenario
from engine.steering import CitySteering
from engine.suggestion import Suggester

RATIO = Promise(name="picks_mail_ratio", unit="ratio", bound=3, better="lower")
PEOPLE, HANDFUL, PICKS = 320, 32, 5
_BODY = "<h2>Tällä viikolla</h2>" + "<p>Kirjastossa on kielikahvila, satutunti ja korjauspaja. Tervetuloa!</p>" * 4
_STOP, _WHY = "https://vinkki.example/stop/" + "x" * 120, "Uutisia kirjastosta: sähköposti"
_ROW = Card("id", "@@name@@", "@@facts@@", "", "", "https://@@url@@", "@@why@@")
_DAYS = ("ma", "ti", "ke", "to", "pe", "la", "su")
_SAID = """\
{%- set offer, why = pick -%}
{%- set name = offer.name.fi or offer.name.en or offer.name.sv or '' -%}
{%- set link = offer.link.fi or offer.link.en or offer.link.sv
    or offer.enrolment_link.fi or offer.enrolment_link.en or offer.enrolment_link.sv or '' -%}
{%- set url = link if link.startswith('https://') else '' -%}
{%- set at = offer.starts.astimezone(helsinki) if offer.starts else none -%}
{%- set when = days[at.weekday()] ~ ' ' ~ at.day ~ '.' ~ at.month ~ '.' ~ at.year ~ ' ' ~ at.strftime('%H.%M')
    if at else '' -%}
{%- set place = offer.place.name if offer.place else none -%}
{%- set where = (place.fi or place.en or place.sv or '') if place else '' -%}
{%- set price = free if offer.free else (offer.price.fi or offer.price.en or offer.price.sv or '') -%}
{%- set facts = [when, where, price] | select -%}
"""
"""What a template says of an offer and why it was picked."""


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
    bare, ready = _Bare(form), _Ready(form)
    by_id, residents = {offer.id: offer for offer in offers}, [person.pseudonym for person in people]
    runs, costs = list[float](), list[Sequence[float]]()
    for turn in range(ground.size.rounds + 1):
        clock = _Clock()
        for first in range(0, len(residents), HANDFUL):
            some = residents[first : first + HANDFUL]
            clock.start()
            picked = await suggesting.pick(some, asked, "fi", wiring.utc_now())
            ours = [form.fill(stop=_STOP, why=_WHY, picks=cards or ()) for cards in picked]
            clock.lap(0)
            own = [[(by_id[card.id], card.why) for card in cards or ()] for cards in picked]
            clock.start()
            theirs = [bare.render(picks) for picks in own]
            clock.lap(1)
            for cards in picked:
                ready.render(cards or ())
            clock.lap(2)
            _same(ours, theirs)
        if turn > 0:  # in the first round loops are compiled, and cards read
            runs.append(clock.spent[0] / clock.spent[1])
            costs.append([spent / len(residents) * 1e6 for spent in clock.spent])
    mine, its, least = (statistics.median(column) for column in zip(*costs, strict=True))
    reference = (
        f"compiled Jinja2 templates of the same mail to the letter (HTML and text), from the offers: {its:.0f} us; "
        f"picked among {len(offers):,} offers and filled in: {mine:.0f} us, {HANDFUL} residents at a time; consent to "
        f"activity, no model. Jinja2 where the words on each offer are ready before: {least:.0f} us"
    )
    ground.say(f"{RATIO.name}: {reference}")
    return [RATIO.measured(runs, reference)]


class _Clock:
    """CPU seconds of this thread, summed up for each of three."""

    def __init__(self) -> None:
        self.spent, self._began = [0.0, 0.0, 0.0], 0.0

    def start(self) -> None:
        """Begin."""
        self._began = time.thread_time()

    def lap(self, which: int) -> None:
        """Give one what was spent since, and begin anew."""
        self.spent[which] += time.thread_time() - self._began
        self.start()


class _Bare:
    """The same mail as two templates of Jinja2, each compiled once, that are given offers and why they were picked."""

    def __init__(self, form: Form) -> None:
        facts = ("{{ facts | join(' · ') }}", "{{ facts | join(', ') }}")
        words = {"name": "{{ name }}", "url": "{{ url }}", "why": "{{ why }}"}
        self._both = _templates(form, _SAID, words, facts)
        self._given = {"stop": _STOP, "because": _WHY, "days": _DAYS, "helsinki": HELSINKI, "free": WORDS["fi"].free}

    def render(self, picks: Sequence[tuple[Offer, str]]) -> list[str]:
        """Return HTML and text."""
        return [template.render(picks=picks, **self._given) for template in self._both]


class _Ready:
    """The same, given cards whose words are ready."""

    def __init__(self, form: Form) -> None:
        facts = [sep.join(f"{{{{ pick.{name} }}}}" for name in ("when", "where", "price")) for sep in (" · ", ", ")]
        self._both = _templates(form, "", {name: f"{{{{ pick.{name} }}}}" for name in ("name", "url", "why")}, facts)

    def render(self, cards: Sequence[Card]) -> list[str]:
        """Return HTML and text."""
        return [template.render(picks=cards, stop=_STOP, because=_WHY) for template in self._both]


def _templates(form: Form, said: str, words: Mapping[str, str], facts: Sequence[str]) -> tuple[Template, Template]:
    """Return a mail as templates for HTML and text, in which a row goes through `picks`."""
    whole = form.fill(stop="{{ stop }}", why="{{ because }}", picks=[_ROW])
    if whole.html is None:
        raise RuntimeError("The mail has no HTML.")
    at = whole.html.index("@@name@@")
    first, last = whole.html.rindex("<tr", 0, at), whole.html.index("</tr>", at) + len("</tr>")
    html = _looped(whole.html, first, last, said, {**words, "facts": facts[0]}, "")
    at, end = whole.text.index("- @@name@@"), "https://@@url@@"
    last = whole.text.index(end, at) + len(end)
    text = _looped(whole.text, at, last, said, {**words, "facts": facts[1]}, "{{ '\\n' if not loop.last }}")
    rich, plain = Environment(autoescape=True), Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 - plain text
    return rich.from_string(html), plain.from_string(text)


def _looped(whole: str, first: int, last: int, said: str, words: Mapping[str, str], between: str) -> str:  # noqa: PLR0913 - a cut and what goes in
    row = whole[first:last].replace("https://@@url@@", "@@url@@")
    for name, its in words.items():
        row = row.replace(f"@@{name}@@", its)
    return f"{whole[:first]}{{% for pick in picks %}}{said}{row}{between}{{% endfor %}}{whole[last:]}"


def _same(ours: Sequence[Rendered], theirs: Sequence[Sequence[str]]) -> None:
    """Refuse to compare what is not the same mail.

    Raises
    ------
    RuntimeError
        They differ.
    """
    for mail, both in zip(ours, theirs, strict=True):
        if [mail.html, mail.text] != list(both):
            raise RuntimeError("The templates write another mail than ours.")
