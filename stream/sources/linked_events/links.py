"""Web addresses and pictures of a record."""

from engine.language import Language, Localized
from engine.offers import Image, Licence
from stream.sources.linked_events.fields import objects, web_address
from stream.sources.linked_events.texts import fill, localized, plain

_ENROLMENT = {"registration", "enrolment", "enrollment", "ilmoittautuminen", "anmälan"}


def read_link(value: object) -> Localized:
    """Return the web addresses of a text in several languages."""
    return localized(value, web_address)


def read_enrolment_link(record: dict[str, object]) -> Localized:
    """Return where to enrol or buy a ticket: the registration's page, else a link of that name, else the offer's."""
    found = Localized()
    for registration in objects(record.get("registration")):
        found = fill(found, read_link(registration.get("signup_url")))
    for link in objects(record.get("external_links")):
        name, language = link.get("name"), link.get("language")
        if isinstance(name, str) and name.strip().lower() in _ENROLMENT:
            code = language if language in tuple(Language) else Language.FI
            found = fill(found, Localized(**{str(code): web_address(link.get("link"))}))
    return found or _ticket_link(record.get("offers"))


def read_image(value: object) -> Image | None:
    """Return the first picture; a licence that is not clearly `cc_by` lets it be shown with its event only."""
    for image in objects(value):
        if (url := web_address(image.get("url"))) is not None:
            licence = Licence.CC_BY if image.get("license") == Licence.CC_BY else Licence.EVENT_ONLY
            credit = plain(image.get("photographer_name"), 200)
            return Image(url=url, licence=licence, alt=localized(image.get("alt_text")), credit=credit)
    return None


def _ticket_link(value: object) -> Localized:
    found = Localized()
    for offer in objects(value):
        found = fill(found, read_link(offer.get("info_url")))
    return found
