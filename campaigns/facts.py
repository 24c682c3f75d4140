"""What is known of one resident for audiences: marks, acts and children, each under a permit asked for here and now.

A mark is a short text that stands for a predicate, such as ``interest:yso:p965`` or ``marketing_library_email``.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from engine.ages import Stage, birthday, stage
from engine.choices import left_out
from engine.consent import Consents, Permit, Purpose
from engine.events import Interaction, Pseudonym
from engine.reach import LANGUAGES, OTHER_LANGUAGE, UNKNOWN_LANGUAGE
from engine.residents import Interests

MINOR = "minor"
_NOTHING = Interests()
_MARKETING = [purpose for purpose in Purpose if purpose.marketing]


class Act(msgspec.Struct, frozen=True, array_like=True):
    """Something done with an offer; `time` in Unix seconds, `placed` where its place may be used."""

    time: int
    offer: str
    type: str
    placed: bool


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What may be used of one resident.

    Attributes
    ----------
    marks
        Predicates that hold.
    acts
        What they did, within the consent that they give now.
    children
        Birth dates of children who are under 18 and whose own consent to `interests` holds.
    off
        Families of features that may not count (`engine.choices.left_out`).
    until
        When something of this changes though nobody says a word; None for never.
    """

    resident: Pseudonym
    marks: frozenset[str]
    acts: Sequence[Act] = ()
    children: Sequence[date] = ()
    off: frozenset[str] = frozenset()
    until: datetime | None = None


class Told(msgspec.Struct, frozen=True):
    """What the stores hold of one resident, before anybody asked whether it may be used.

    `children` are birth dates with the consents of the child.
    """

    consents: Consents
    interests: Interests | None = None
    acts: Sequence[Interaction] = ()
    children: Sequence[tuple[date, Consents]] = ()


def known(held: Told, now: datetime) -> Facts:
    """Ask for each permit, and take what it opens."""
    consents = held.consents
    interests, activity, location = (
        _permit(consents, purpose, now) for purpose in (Purpose.INTERESTS, Purpose.ACTIVITY, Purpose.LOCATION)
    )
    off = left_out(consents.off)
    told = (held.interests or _NOTHING) if interests is not None else _NOTHING
    marks = {str(purpose) for purpose in _MARKETING if _permit(consents, purpose, now) is not None}
    marks.update(_stated(told, located=location is not None, off=off))
    if consents.born is not None and stage(consents.born, now) < Stage.ADULT:
        marks.add(MINOR)
    return Facts(
        resident=consents.resident,
        marks=frozenset(marks),
        acts=() if activity is None else [_act(one, location) for one in held.acts],
        children=() if interests is None else [born for born, its in held.children if _counts(its, now)],
        off=off,
        until=min(_changes(held, now), default=None),
    )


def _permit(consents: Consents, purpose: Purpose, now: datetime) -> Permit | None:
    answer = consents.permit(purpose, now)
    return answer if isinstance(answer, Permit) else None


def _counts(child: Consents, now: datetime) -> bool:
    return child.born is not None and stage(child.born, now) < Stage.ADULT and _allows(child, now)


def _allows(child: Consents, now: datetime) -> bool:
    return _permit(child, Purpose.INTERESTS, now) is not None


def _stated(told: Interests, *, located: bool, off: frozenset[str]) -> Iterator[str]:
    families: Mapping[str, tuple[str, Sequence[str]]] = {
        "interest": ("keyword", told.keywords),
        "kind": ("kind", told.kinds),
        "district": ("district", told.districts if located else ()),
        "language": ("", told.languages),
        "access": ("", told.access),
    }
    for name, (feature, values) in families.items():
        if feature not in off:
            yield from (f"{name}:{value}" for value in values)
    yield f"first:{first_language(told.languages)}"
    if told.birth_year is not None:
        yield f"born:{told.birth_year}"


def first_language(languages: Sequence[str]) -> str:
    """Return by which language somebody is counted."""
    if not languages:
        return UNKNOWN_LANGUAGE
    return languages[0] if languages[0] in LANGUAGES else OTHER_LANGUAGE


def _act(act: Interaction, location: Permit | None) -> Act:
    # Many clients tell no more of a moment than its second, as `engine.intake` knows.
    placed = location is not None and act.time >= location.since.replace(microsecond=0)
    return Act(int(act.time.timestamp()), act.offer, str(act.type), placed)


def _changes(held: Told, now: datetime) -> Iterator[datetime]:
    """Yield moments to come at which a pause or a grant begins or ends by itself, or somebody is grown up."""
    for consents in (held.consents, *(its for _, its in held.children)):
        if (end := consents.paused_until(now)) is not None:
            yield max(end, now + timedelta(seconds=1))
        yield from (grant.since for grant in consents.grants.values() if grant.since > now)
        if consents.born is not None:
            days = (birthday(consents.born, age) for age in (Stage.TEEN, Stage.ADULT))
            yield from (day for day in days if day > now)
