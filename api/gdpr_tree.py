"""What is held of a person as the node tree of the Helsinki GDPR API: keys in capitals, every value a string."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec

from engine.accesses import Accessed
from engine.addresses import Address
from engine.records.personal import Decision, Deed, Known, Listed, Personal, Shown
from engine.residents import Interests
from engine.subscriptions import Browser


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value under its key, or children."""

    key: str
    value: str | None = None
    children: Sequence["Node"] | None = None


def tree(personal: Personal) -> Node:
    """Return everything in one tree; sections of which nothing is held are left out."""
    sections = (
        Node("CONSENTS", children=[_decision(one) for one in personal.decisions]),
        Node("ADDRESSES", children=[_address(one) for one in personal.addresses]),
        Node("BROWSERS", children=[_browser(one) for one in personal.browsers]),
        Node("INTERESTS", children=[*_interests(personal.interests)]),
        Node("INTERACTIONS", children=[_deed(one) for one in personal.deeds]),
        Node("SUGGESTIONS_SHOWN", children=[_shown(one) for one in personal.shown]),
        Node("PARTNERS", children=[_known(one) for one in personal.partners]),
        Node("ACCESSES", children=[_accessed(one) for one in personal.accesses]),
        Node("FAMILY", children=[*_family(personal)]),
        Node("MESSAGES", children=[*_messages(personal)]),
        Node("LISTS", children=[_listed(one) for one in personal.lists]),
    )
    return Node("VINKKI", children=[section for section in sections if section.children])


def _messages(personal: Personal) -> Iterable[Node]:
    for one in personal.messages:
        yield _group(
            "MESSAGE",
            PURPOSE=one.purpose,
            CHANNEL=one.channel,
            STATE=one.state,
            TIME=one.time,
            SUBJECT=one.subject,
            READ=one.read,
        )
    for followed in personal.followed:
        yield _group("LINK_FOLLOWED", LINK=followed.link, TIME=followed.time)
    for address in personal.suppressed:
        yield _group("ADDRESS_NOT_USED", CHANNEL=address.channel, REASON=address.reason, TIME=address.time)
    for its in personal.happened:
        group = _group("MAY_BE_SPOKEN_OF", KIND=its.kind, TIME=its.time)
        yield Node(group.key, children=[*(group.children or ()), *(Node("OFFER", offer) for offer in its.offers)])


def _listed(one: Listed) -> Node:
    return _group(
        "LIST",
        NAME=one.name,
        DEPARTMENT=one.department,
        PURPOSE=one.purpose,
        BASIS=one.basis,
        SINCE=one.added,
        UNTIL=one.until,
    )


def _decision(decision: Decision) -> Node:
    return _group(
        "CONSENT",
        PURPOSE=decision.purpose,
        GRANTED=decision.granted,
        NOTICE_VERSION=decision.notice,
        TIME=decision.time,
    )


def _address(held: Address) -> Node:
    return _group(
        "ADDRESS", CHANNEL=held.means, ADDRESS=held.address, CONFIRMED=held.confirmed, CODE_HOLDS_UNTIL=held.until
    )


def _browser(held: Browser) -> Node:
    return _group("BROWSER", PUSH_ENDPOINT=held.endpoint, GIVEN=held.given)


def _interests(told: Interests) -> Iterable[Node]:
    many = {
        "KEYWORD": told.keywords,
        "KIND": told.kinds,
        "DISTRICT": told.districts,
        "LANGUAGE": told.languages,
        "ACCESS_NEED": told.access,
        "AVOIDED_KEYWORD": told.avoided.keywords,
        "AVOIDED_KIND": told.avoided.kinds,
        "AVOIDED_PLACE": told.avoided.places,
    }
    yield from (Node(key, _text(value)) for key, values in many.items() for value in values)
    if told.birth_year is not None:
        yield Node("BIRTH_YEAR", _text(told.birth_year))


def _deed(deed: Deed) -> Node:
    return _group(
        "INTERACTION",
        TYPE=deed.type,
        OFFER=deed.offer,
        OFFER_NAME=deed.name,
        TIME=deed.time,
        RATING=deed.value,
        SUGGESTION=deed.suggestion,
        CONTEXT=None if not deed.context else msgspec.json.encode(deed.context).decode(),
    )


def _shown(shown: Shown) -> Node:
    group = _group(
        "SUGGESTION",
        TIME=shown.time,
        BASIS=shown.basis,
        TRIED_PLACE=shown.tried_place,
        TRIED_PROPENSITY=shown.tried_propensity,
        MODEL=shown.model,
    )
    return Node(group.key, children=[*(group.children or ()), *(Node("OFFER", offer) for offer in shown.offers)])


def _known(known: Known) -> Node:
    return _group("PARTNER", NAME=known.partner, HANDLE=known.handle)


def _accessed(access: Accessed) -> Node:
    group = _group(
        "ACCESS",
        TIME=access.time,
        WHO=access.who,
        CAPACITY=access.capacity,
        PURPOSE=access.purpose,
        OPERATION=access.what,
    )
    return Node(group.key, children=[*(group.children or ()), *(Node("FIELD", field) for field in access.fields)])


def _family(personal: Personal) -> Iterable[Node]:
    if personal.born is not None:
        yield Node("BIRTH_DATE", _text(personal.born))
    for kin in personal.kin:
        actions = None if kin.actions is None else ", ".join(kin.actions)
        yield _group(
            kin.role, PERSON=kin.person, BIRTH_DATE=kin.born, ACTIONS=actions, SINCE=kin.since, UNTIL=kin.until
        )
    for said in personal.said:
        yield _group(said.role, PURPOSE=said.purpose, GRANTED=said.granted, NOTICE_VERSION=said.notice, TIME=said.time)


def _group(key: str, **values: Any) -> Node:  # noqa: ANN401 - whatever `_text` can write
    return Node(key, children=[Node(name, _text(value)) for name, value in values.items() if value is not None])


def _text(value: Any) -> str:  # noqa: ANN401 - a time, a date, a number, a word or a truth
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)
