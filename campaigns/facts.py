"""What is known of one resident for audiences: marks, acts and children, each under a permit asked for here and now.

A mark is a short text that stands for a predicate, such as ``interest:yso:p965`` or ``marketing_library_email``.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from engine.ages import Stage, birthday, stage
from engine.choices import left_out
from engine.consent import Consents, Permit, Purpose
from engine.events import AwareTime, Interaction, Pseudonym
from engine.marketing import CHANNELS, identifiers
from engine.reach import LANGUAGES, OTHER_LANGUAGE, UNKNOWN_LANGUAGE
from engine.residents import Interests

MINOR, PAUSED = "minor", "paused"
_NOTHING = Interests()
_MARKETING = [purpose for purpose in Purpose if purpose.marketing]
_BY_CHANNEL = {
    channel: frozenset(Purpose(purpose) for purpose, _, its in identifiers() if its == channel) for channel in CHANNELS
}


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


class Spoken(msgspec.Struct, frozen=True):
    """That a resident was sent messages of a campaign on a day in Helsinki, under a purpose; `last` is the latest."""

    resident: Pseudonym
    campaign: str
    purpose: str
    day: date
    last: AwareTime

    @property
    def mark(self) -> str:
        """What holds of the resident."""
        return sent(self.campaign, self.day)


class Followed(Spoken, frozen=True):
    """That a resident followed links of such messages on a day in Helsinki."""

    @property
    def mark(self) -> str:
        """What holds of the resident."""
        return followed(self.campaign, self.day)


class Told(msgspec.Struct, frozen=True):
    """What the stores hold of one resident, before anybody asked whether it may be used.

    Attributes
    ----------
    children
        Birth dates with the consents of the child.
    addressed
        Channels on which there is a confirmed address that refuses nothing.
    full
        Channels on which a week has no room left, with that week's Monday.
    lists
        Lists that they are on, and until when each is kept.
    """

    consents: Consents
    interests: Interests | None = None
    acts: Sequence[Interaction] = ()
    children: Sequence[tuple[date, Consents]] = ()
    addressed: Sequence[str] = ()
    full: Sequence[tuple[str, date]] = ()
    spoken: Sequence[Spoken] = ()
    followed: Sequence[Followed] = ()
    lists: Sequence[tuple[str, AwareTime]] = ()


def addressed(channel: str) -> str:
    """Return the mark of those who have a confirmed address on a channel."""
    return f"addressed:{channel}"


def capped(channel: str, week: date) -> str:
    """Return the mark of those who hear no more on a channel in a week, given by its Monday."""
    return f"capped:{channel}:{week}"


def sent(campaign: str, day: date) -> str:
    """Return the mark of those whom a campaign has sent a message on a day in Helsinki."""
    return f"sent:{campaign}:{day}"


def followed(campaign: str, day: date) -> str:
    """Return the mark of those who followed a link of a campaign on a day in Helsinki."""
    return f"followed:{campaign}:{day}"


def member(list_: str) -> str:
    """Return the mark of those who are on a list."""
    return f"member:{list_}"


def known(held: Told, now: datetime) -> Facts:
    """Ask for each permit, and take what it opens."""
    consents = held.consents
    interests, activity, location, measurement = (
        _permit(consents, purpose, now)
        for purpose in (Purpose.INTERESTS, Purpose.ACTIVITY, Purpose.LOCATION, Purpose.MEASUREMENT)
    )
    off = left_out(consents.off)
    told = (held.interests or _NOTHING) if interests is not None else _NOTHING
    leaves: dict[str, Permit] = {
        purpose: its for purpose in _MARKETING if (its := _permit(consents, purpose, now)) is not None
    }
    marks = {str(purpose) for purpose in leaves}
    marks.update(_stated(told, located=location is not None, off=off))
    marks.update(_reached(held, leaves, now))
    if activity is not None and measurement is not None:
        marks.update(_followed(held, leaves, since=max(activity.since, measurement.since)))
    if consents.paused_until(now) is not None:
        marks.add(PAUSED)
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


def _reached(held: Told, leaves: Mapping[str, Permit], now: datetime) -> Iterator[str]:
    """Yield how somebody is reached, what they were sent and on which lists they are: by leave for messages alone."""
    yield from (addressed(one) for one in held.addressed if not leaves.keys().isdisjoint(_BY_CHANNEL[one]))
    yield from (capped(one, week) for one, week in held.full if not leaves.keys().isdisjoint(_BY_CHANNEL[one]))
    for one in held.spoken:
        if (leave := leaves.get(one.purpose)) is not None and one.last >= leave.since:
            yield one.mark
    if leaves:
        yield from (member(list_) for list_, until in held.lists if until > now)


def _followed(held: Told, leaves: Mapping[str, Permit], *, since: datetime) -> Iterator[str]:
    """Yield of which campaigns links were followed since a moment, by leave for such messages too (decision 35)."""
    for one in held.followed:
        if (leave := leaves.get(one.purpose)) is not None and one.last >= max(since, leave.since):
            yield one.mark


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
    """Yield moments to come at which a pause, a grant or a list begins or ends by itself, or somebody is grown up."""
    yield from (until for _, until in held.lists if until > now)
    for consents in (held.consents, *(its for _, its in held.children)):
        if (end := consents.paused_until(now)) is not None:
            yield max(end, now + timedelta(seconds=1))
        yield from (grant.since for grant in consents.grants.values() if grant.since > now)
        if consents.born is not None:
            days = (birthday(consents.born, age) for age in (Stage.TEEN, Stage.ADULT))
            yield from (day for day in days if day > now)
