"""`picks_mail_ratio`: a mail with five offers picked for its reader, against Jinja2 alone writing that same mail.

Ours is all that such a mail takes beside sending it: the state of some residents from Redis in one round trip, permits
of that moment, the ranking, the reasons, cards, and what is a person's own put into HTML and text. Jinja2 is given the
picked offers and the reasons, and its templates say the rest, as those of a mailing tool do; what it writes must be the
same to the letter. Beside it is told what it takes where even the words on each offer are ready before.
"""

import statistics
import time
from collections.abc import Mapping, Sequence

import numpy as np
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
_SAID_WORDS = {
    "name": "{{ name }}",
    "url": "{{ url }}",
    "why": "{{ why }}",
    "facts": "{{ facts | join('@@between@@') }}",
}
_READY_WORDS = {
    **{name: f"{{{{ pick.{name} }}}}" for name in ("name", "url", "why")},
    "facts": "{{ pick.when }}@@between@@{{ pick.where }}@@between@@{{ pick.price }}",
}
_GIVEN = {"stop": _STOP, "because": _WHY, "days": _DAYS, "helsinki": HELSINKI, "free": WORDS["fi"].free}


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
    bare, ready = _templates(form, _SAID, _SAID_WORDS), _templates(form, "", _READY_WORDS)
    by_id, residents = {offer.id: offer for offer in offers}, [person.pseudonym for person in people]
    runs, costs = list[float](), list[list[float]]()
    for turn in range(ground.size.rounds + 1):
        spent = np.zeros(3)
        for first in range(0, len(residents), HANDFUL):
            moments = [time.thread_time()]
            picked = await suggesting.pick(residents[first : first + HANDFUL], asked, "fi", wiring.utc_now())
            ours = [form.fill(stop=_STOP, why=_WHY, picks=cards or ()) for cards in picked]
            own = [[(by_id[card.id], card.why) for card in cards or ()] for cards in picked]
            moments.append(time.thread_time())
            theirs = [_rendered(bare, picks) for picks in own]
            moments.append(time.thread_time())
            for cards in picked:
                _rendered(ready, cards or ())
            moments.append(time.thread_time())
            spent += np.diff(moments)
            _same(ours, theirs)
        if turn > 0:  # in the first round loops are compiled, and cards read
            runs.append(spent[0] / spent[1])
            costs.append((spent / len(residents) * 1e6).tolist())
    mine, its, least = (statistics.median(column) for column in zip(*costs, strict=True))
    reference = (
        f"compiled Jinja2 templates of the same mail to the letter (HTML and text), from the offers: {its:.0f} us; "
        f"picked among {len(offers):,} offers and filled in: {mine:.0f} us, {HANDFUL} residents at a time; consent to "
        f"activity, no model. Jinja2 where the words on each offer are ready before: {least:.0f} us"
    )
    ground.say(f"{RATIO.name}: {reference}")
    return [RATIO.measured(runs, reference)]


def _templates(form: Form, said: str, words: Mapping[str, str]) -> Sequence[Template]:
    """Return a mail as templates for HTML and text, each compiled once, in which a row goes through `picks`.

    Parameters
    ----------
    said
        What comes before each row.
    words
        What stands in its place of each of `_ROW`'s marks; between facts is what the form puts there.
    """
    whole = form.fill(stop="{{ stop }}", why="{{ because }}", picks=[_ROW])
    if whole.html is None:
        raise RuntimeError("The mail has no HTML.")
    at = whole.html.index("@@name@@")
    first, last = whole.html.rindex("<tr", 0, at), whole.html.index("</tr>", at) + len("</tr>")
    html = _looped(whole.html, first, last, {**words, "between": " · "}, "{% for pick in picks %}" + said)
    at, end = whole.text.index("- @@name@@"), "https://@@url@@"
    last = whole.text.index(end, at) + len(end)
    line = "{% for pick in picks %}{{ '\\n' if not loop.first }}" + said
    text = _looped(whole.text, at, last, {**words, "between": ", "}, line)
    rich, plain = Environment(autoescape=True), Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 - plain text
    return rich.from_string(html), plain.from_string(text)


def _looped(whole: str, first: int, last: int, words: Mapping[str, str], begins: str) -> str:
    row = whole[first:last].replace("https://@@url@@", "@@url@@")
    for name, its in words.items():
        row = row.replace(f"@@{name}@@", its)
    return f"{whole[:first]}{begins}{row}{{% endfor %}}{whole[last:]}"


def _rendered(templates: Sequence[Template], picks: Sequence[object]) -> list[str]:
    """Return what templates write of picks."""
    return [template.render(picks=picks, **_GIVEN) for template in templates]


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
