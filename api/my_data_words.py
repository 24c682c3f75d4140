"""The words of the view of one's own data, in Finnish, Swedish and English."""

from collections.abc import Mapping
from datetime import datetime

from api.parameters import HELSINKI
from engine.choices import POPULAR, Choice
from engine.consent import Purpose, declared
from engine.language import Language, Localized

TITLES: Mapping[str, Localized] = {
    "taste": Localized("Mitä toimintasi kertoo", "Vad det du gör berättar", "What your activity tells"),
    "activity": Localized("Mitä olet tehnyt", "Vad du har gjort", "What you have done"),
    "interests": Localized("Mitä olet kertonut", "Vad du har berättat", "What you have told us"),
    "addresses": Localized("Mihin viestit tulevat", "Vart meddelandena kommer", "Where messages come"),
    "shown": Localized("Mitä sinulle on ehdotettu", "Vad du har fått förslag på", "What has been suggested to you"),
    "followed": Localized(
        "Viesteistä avaamasi linkit", "Länkar du öppnat i meddelanden", "Links you followed in messages"
    ),
    "audiences": Localized("Kohderyhmät, joissa olet", "Målgrupper du ingår i", "Audiences you are in"),
    "messages": Localized("Sinulle lähetetyt viestit", "Meddelanden till dig", "Messages sent to you"),
}
SOURCES: Mapping[str, Localized] = {
    "taste": Localized(
        "Päättelemme tämän siitä, mitä olet katsonut, tallentanut ja arvioinut. Vahvimmat ovat ensin.",
        "Vi sluter oss till detta av vad du har tittat på, sparat och betygsatt. De starkaste står först.",
        "We work this out from what you have looked at, saved and rated. The strongest come first.",
    ),
    "activity": Localized(
        "Palvelu, jota käytit, lähetti nämä meille. Näytämme uusimmat.",
        "Tjänsten som du använde skickade dessa till oss. Vi visar de senaste.",
        "The service you used sent these to us. We show the latest.",
    ),
    "interests": Localized("Kerroit tämän itse.", "Det här har du själv berättat.", "You told us this yourself."),
    "addresses": Localized(
        "Annoit nämä itse. Voit muuttaa ja poistaa ne sivulla Viestit.",
        "Dessa har du själv gett. Du kan ändra och ta bort dem på sidan Meddelanden.",
        "You gave these yourself. You can change and remove them on the page Messages.",
    ),
    "shown": Localized(
        "Kirjasimme, mitä ehdotuksia sait. Näytämme uusimmat.",
        "Vi antecknade vilka förslag du fick. Vi visar de senaste.",
        "We noted which suggestions you were given. We show the latest.",
    ),
    "followed": Localized(
        "Kirjasimme, mitä linkkejä avasit viesteistämme. Jos olet sallinut myös oppia siitä, mitä teet, ne vaikuttavat "
        "siihen, mitä viestejä saat. Näytämme uusimmat.",
        "Vi antecknade vilka länkar du öppnade i våra meddelanden. Om du också låter oss lära av det du gör påverkar "
        "de vilka meddelanden du får. Vi visar de senaste.",
        "We noted which links of our messages you followed. If you also let us learn from what you do, they have a say "
        "in which messages you get. We show the latest.",
    ),
    "audiences": Localized(
        "Kohderyhmä lasketaan joka lähetyksellä uudelleen siitä, minkä olet sallinut. Hallintokunta voi pitää "
        "luetteloa esimerkiksi kurssin osallistujista: ne, joissa olet, ovat tässä. Pyydä hallintokuntaa poistamaan "
        "sinut.",
        "En målgrupp räknas ut på nytt vid varje utskick av det som du har tillåtit. En förvaltning kan hålla en lista "
        "över till exempel kursdeltagare: de som du finns på står här. Be förvaltningen ta bort dig.",
        "An audience is worked out anew at each sending from what you allow. A department may hold a list, for "
        "example of a course's participants: those that you are on are here. Ask the department to take you off.",
    ),
    "messages": Localized(
        "Kirjasimme, mitä viestejä sinulle lähetettiin. Näytämme uusimmat.",
        "Vi antecknade vilka meddelanden som skickades till dig. Vi visar de senaste.",
        "We noted which messages were sent to you. We show the latest.",
    ),
}
EMPTY: Mapping[str, Localized] = {
    "taste": Localized(
        "Emme ole päätelleet mitään.", "Vi har inte slutit oss till något.", "We have worked out nothing."
    ),
    "activity": Localized(
        "Emme tiedä mitään tekemisistäsi.", "Vi vet ingenting om vad du har gjort.", "We know of nothing you have done."
    ),
    "interests": Localized("Et ole kertonut mitään.", "Du har inte berättat något.", "You have told us nothing."),
    "addresses": Localized("Et ole antanut osoitetta.", "Du har inte gett någon adress.", "You have given no address."),
    "shown": Localized("Emme ole kirjanneet mitään.", "Vi har inte antecknat något.", "We have noted nothing."),
    "followed": Localized("Emme ole kirjanneet mitään.", "Vi har inte antecknat något.", "We have noted nothing."),
    "audiences": Localized(
        "Et ole missään luettelossa.", "Du finns inte på någon lista.", "You are on no department's list."
    ),
    "messages": Localized("Yhtään viestiä ei ole lähetetty.", "Inget meddelande har skickats.", "None has been sent."),
}
SERVICE = Localized("Palvelun viesti", "Meddelande från en tjänst", "Message of a service")
DELIVERIES: Mapping[str, Localized] = {
    "accepted": Localized("Odottaa", "Väntar", "Waiting"),
    "sent": Localized("Lähetetty", "Skickat", "Sent"),
    "deferred": Localized("Odottaa", "Väntar", "Waiting"),
    "claimed": Localized("Odottaa", "Väntar", "Waiting"),
    "handed": Localized("Lähtemässä", "På väg", "On its way"),
    "skipped": Localized("Ei lähetetty", "Inte skickat", "Not sent"),
    "failed": Localized("Ei mennyt perille", "Kom inte fram", "Did not arrive"),
}
"""What became of a message."""
FEATURES: Mapping[str, Localized] = {
    "keyword": Localized("Aihe", "Ämne", "Topic"),
    "audience": Localized("Kohderyhmä", "Målgrupp", "Audience"),
    "place": Localized("Paikka", "Plats", "Place"),
    "district": Localized("Alue", "Område", "Area"),
    "neighborhood": Localized("Alue", "Område", "Area"),
    "kind": Localized("Millaista tekemistä", "Slags utbud", "Kind"),
    "when": Localized("Ajankohta", "Tidpunkt", "Time"),
    "organiser": Localized("Järjestäjä", "Arrangör", "Organiser"),
    "language": Localized("Kieli", "Språk", "Language"),
    "access": Localized("Esteettömyystarve", "Tillgänglighetsbehov", "Access need"),
    "birth_year": Localized("Syntymävuosi", "Födelseår", "Year of birth"),
}
AVOIDED: Mapping[str, Localized] = {
    "keyword": Localized("Aihe, joka ei kiinnosta", "Ämne som inte intresserar", "Topic of no interest"),
    "kind": Localized("Tekeminen, joka ei kiinnosta", "Utbud som inte intresserar", "Kind of no interest"),
    "place": Localized("Paikka, joka ei kiinnosta", "Plats som inte intresserar", "Place of no interest"),
}
ACTS: Mapping[str, Localized] = {
    "view": Localized("Näit", "Du såg", "You saw"),
    "open": Localized("Avasit", "Du öppnade", "You opened"),
    "save": Localized("Tallensit", "Du sparade", "You saved"),
    "unsave": Localized("Poistit tallennetuista", "Du tog bort bland sparade", "You removed from saved"),
    "share": Localized("Jaoit", "Du delade", "You shared"),
    "register": Localized("Ilmoittauduit", "Du anmälde dig till", "You registered for"),
    "cancel": Localized("Peruit", "Du avbokade", "You cancelled"),
    "attend": Localized("Osallistuit", "Du deltog i", "You attended"),
    "dismiss": Localized("Hylkäsit", "Du avfärdade", "You dismissed"),
    "rate": Localized("Annoit arvosanan", "Du betygsatte", "You rated"),
}
BASES: Mapping[str, Localized] = {
    "personal": Localized("Toimintasi perusteella", "Utifrån det du gör", "From your activity"),
    "stated": Localized("Kertomasi perusteella", "Utifrån det du berättat", "From what you told us"),
    "popular": Localized("Suosittua", "Populärt", "Popular"),
}
MEANS: Mapping[str, tuple[Localized, Localized]] = {
    "email": (
        Localized("Sähköposti", "E-post", "E-mail"),
        Localized("Sähköposti, odottaa koodia", "E-post, väntar på koden", "E-mail, waits for its code"),
    ),
    "sms": (
        Localized("Tekstiviesti", "Textmeddelande", "Text message"),
        Localized(
            "Tekstiviesti, odottaa koodia", "Textmeddelande, väntar på koden", "Text message, waits for its code"
        ),
    ),
}
"""What an address is for: of one that is confirmed, and of one that is not."""
BROWSER = Localized(
    "Selain, joka näyttää ilmoituksia", "Webbläsare som visar notiser", "A browser that shows notifications"
)
REASONS: Mapping[str, Localized] = {
    "topic": Localized("Aiheet, jotka kiinnostavat minua", "Ämnen som intresserar mig", "Topics that interest me"),
    "group": Localized("Kohderyhmä", "Målgruppen", "Whom it is meant for"),
    "place": Localized("Paikat, joissa käyn", "Platser där jag rör mig", "Places I go to"),
    "area": Localized("Alueeni kaupungissa", "Mitt område i staden", "My part of the city"),
    "kind": Localized("Millaisesta tekemisestä pidän", "Vilket slags utbud jag gillar", "The kinds of things I like"),
    "time": Localized("Ajat, jotka sopivat minulle", "Tider som passar mig", "Times that suit me"),
    "organiser": Localized("Järjestäjät, joista pidän", "Arrangörer jag gillar", "Organisers I like"),
    POPULAR: Localized("Mikä on suosittua", "Vad som är populärt", "What is popular"),
    "alike": Localized(
        "Mitä samoja asioita valinneet valitsevat",
        "Vad de väljer som valt samma saker",
        "What those choose who chose the same",
    ),
}
"""The families of reasons that can be turned off, as switches name them."""
_MORE = Localized("ja {} muuta", "och {} andra", "and {} more")
_GONE = Localized("tarjonta, jota ei enää ole", "ett utbud som inte längre finns", "an offer that is gone")
_DOCUMENT = Localized("Tietoni Vinkissä", "Mina uppgifter i Vinkki", "My data in Vinkki")
_MADE = Localized("Koottu {}", "Sammanställt {}", "Made {}")
_DECISIONS = Localized("Päätökseni", "Mina beslut", "My decisions")
_PARTNERS = Localized("Kumppanit, joille annoin luvan", "Partner som jag gett lov", "Partners I have allowed")
_ACCESSES = Localized("Kuka on katsonut tietojani", "Vem som har sett mina uppgifter", "Who has seen my data")
_COLUMNS = {
    "what": Localized("Mikä", "Vad", "What"),
    "detail": Localized("Tarkemmin", "Närmare", "Detail"),
    "when": Localized("Milloin", "När", "When"),
    "decision": Localized("Päätös", "Beslut", "Decision"),
    "who": Localized("Kuka", "Vem", "Who"),
    "purpose": Localized("Mihin", "Varför", "What for"),
}
_YES = Localized("Sallittu", "Tillåtet", "Allowed")
_NO = Localized("Ei sallittu", "Inte tillåtet", "Not allowed")
_PAUSE = Localized("Tauko kaikessa", "Paus i allt", "Pause of everything")
_BEGUN = Localized("Alkoi", "Började", "Begun")
_ENDED = Localized("Päättyi", "Slutade", "Ended")
_REASON = Localized("Ehdotusten syy: {}", "Orsak till förslag: {}", "Reason for suggestions: {}")
_OFF = Localized("Pois käytöstä", "Används inte", "Turned off")
_ON = Localized("Käytössä", "Används", "Turned on")
_PARTNER = Localized("Kumppani: {}", "Partner: {}", "Partner: {}")


_UNTIL = Localized("Säilytetään {} asti", "Sparas till {}", "Kept until {}")


def more(count: int, language: Language) -> str:
    """Say that there are so many more.

    Examples
    --------
    >>> more(17, Language.SV)
    'och 17 andra'
    """
    return _MORE.pick(language).format(count)


def until(moment: datetime, language: Language) -> str:
    """Say until when a list is kept."""
    return _UNTIL.pick(language).format(moment.astimezone(HELSINKI).date().isoformat())


def gone(language: Language) -> str:
    """Say that an offer is not known any more."""
    return _GONE.pick(language)


def decision(word: str, partner: str | None, *, granted: bool, language: Language) -> tuple[str, str]:
    """Return what a word in the ledger is on, and what it says of that.

    Parameters
    ----------
    word
        A purpose, a choice, or ``partner:`` with the partner's id.
    partner
        The partner's name.

    Examples
    --------
    >>> decision("without_area", None, granted=True, language=Language.EN)
    ('Reason for suggestions: My part of the city', 'Turned off')
    """
    if word == Choice.PAUSE:
        return _PAUSE.pick(language), (_BEGUN if granted else _ENDED).pick(language)
    if word in _CHOICES:
        said = REASONS[Choice(word).family].pick(language)
        return _REASON.pick(language).format(said), (_OFF if granted else _ON).pick(language)
    state = (_YES if granted else _NO).pick(language)
    if word in _PURPOSES:
        return declared().declaration(word).notice.title.pick(language), state
    return _PARTNER.pick(language).format(partner or word.rpartition(":")[2]), state


_CHOICES, _PURPOSES = frozenset(map(str, Choice)), frozenset(map(str, Purpose))


def document(language: Language) -> Mapping[str, str]:
    """Return the words of the document that is downloaded."""
    words = {
        "title": _DOCUMENT,
        "made": _MADE,
        "decisions": _DECISIONS,
        "partners": _PARTNERS,
        "accesses": _ACCESSES,
        **_COLUMNS,
    }
    return {name: said.pick(language) for name, said in words.items()}
