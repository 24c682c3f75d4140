"""Campaigns, and the legal moves between their states: who writes one never approves it."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

from campaigns import schedule as schedules
from campaigns.departments import Role
from campaigns.errors import IllegalMove, SecondPersonNeeded
from campaigns.fault import Fault
from campaigns.message import CHANNELS, LANGUAGES, SCREEN, WAYS, Message
from campaigns.schedule import NewOffer, Schedule
from engine.events import AwareTime
from engine.marketing import TOPICS
from engine.rules import Named, Sentence, Title

NEEDED_LANGUAGES = ("fi", "sv", "en")
MOST_LANGUAGES = 6


class CampaignKind(StrEnum):
    """What makes a campaign speak: once, by a rule, by an event, by a call about one resident; or on screens."""

    ONE_OFF = "one_off"
    RECURRING = "recurring"
    TRIGGERED = "triggered"
    TRANSACTIONAL = "transactional"
    SCREEN = "screen"


TIMED = (CampaignKind.ONE_OFF, CampaignKind.RECURRING)
"""What begins by the clock, again and again or once."""
STANDING = (CampaignKind.TRANSACTIONAL, CampaignKind.SCREEN)
"""What stands ready from its start to its end."""


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


State = CampaignState
"""The same, where no other state is spoken of."""


class Move(StrEnum):
    """What may be done with a campaign; `start` and `finish` are the house's own."""

    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    SCHEDULE = "schedule"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    CANCEL = "cancel"


class Rule(NamedTuple):
    """From which state a move leads to which, and by whom: by one of these roles, or by the house alone."""

    leads: Mapping[State, State]
    roles: tuple[Role, ...]


_ALIVE = (State.DRAFT, State.IN_REVIEW, State.APPROVED, State.SCHEDULED, State.RUNNING, State.PAUSED)
_STOPPING = (Role.EDITOR, Role.APPROVER, Role.ADMINISTRATOR)
MOVES: Mapping[Move, Rule] = {
    Move.EDIT: Rule(
        {
            State.DRAFT: State.DRAFT,
            State.IN_REVIEW: State.IN_REVIEW,
            State.APPROVED: State.IN_REVIEW,
            State.SCHEDULED: State.IN_REVIEW,
        },
        (Role.EDITOR,),
    ),
    Move.SUBMIT: Rule({State.DRAFT: State.IN_REVIEW}, (Role.EDITOR,)),
    Move.APPROVE: Rule({State.IN_REVIEW: State.APPROVED}, (Role.APPROVER,)),
    Move.REJECT: Rule({State.IN_REVIEW: State.DRAFT}, (Role.APPROVER,)),
    Move.SCHEDULE: Rule({State.APPROVED: State.SCHEDULED}, (Role.EDITOR,)),
    Move.START: Rule({State.SCHEDULED: State.RUNNING}, ()),
    Move.PAUSE: Rule({State.RUNNING: State.PAUSED}, _STOPPING),
    Move.RESUME: Rule({State.PAUSED: State.RUNNING}, _STOPPING),
    Move.FINISH: Rule({State.RUNNING: State.FINISHED, State.PAUSED: State.FINISHED}, ()),
    Move.CANCEL: Rule(dict.fromkeys(_ALIVE, State.CANCELLED), _STOPPING),
}
"""The machine. Whatever is not here is not possible."""

Channel = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(CHANNELS)})$(?!\n)")]
Way = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(WAYS)})$(?!\n)")]
LanguageCode = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(LANGUAGES)})$(?!\n)")]
Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,64}$(?!\n)")]


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an author writes.

    Attributes
    ----------
    department, programme
        Whose campaign it is, and the programme it belongs to.
    topic, channels
        What it is about, as residents consent to it, and by which ways it goes, the preferred one first.
    audience
        The id of whom it is for; a triggered or transactional one may speak to whomever it happens to.
    languages
        What it is written in: Finnish, Swedish and English always.
    priority
        From 1 to 9; where a resident may get one message more, the highest goes.
    legal_basis
        Why a transactional one is sent without a consent to marketing.
    places
        Ids of the places on whose screens it is shown; without any, on all of the city's.
    alone
        Whether nothing else is shown there meanwhile: for an emergency.
    """

    name: Title
    department: Id
    kind: CampaignKind
    topic: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(TOPICS)})$(?!\n)")]
    channels: Annotated[tuple[Way, ...], msgspec.Meta(min_length=1, max_length=len(CHANNELS))]
    message: Message
    audience: Id | None = None
    programme: Id | None = None
    languages: Annotated[tuple[LanguageCode, ...], msgspec.Meta(max_length=MOST_LANGUAGES)] = NEEDED_LANGUAGES
    schedule: Schedule = Schedule()
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)] = 5
    legal_basis: Sentence | None = None
    places: Annotated[tuple[Named, ...], msgspec.Meta(max_length=200)] = ()
    alone: bool = False


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign in one version; `author`, `editor` and `approver` are officials by name."""

    id: str
    version: int
    state: State
    draft: Draft
    author: str
    editor: str
    created: AwareTime
    changed: AwareTime
    approver: str | None = None

    def moved(self, move: Move, who: str, now: datetime) -> "Campaign":
        """Return the next version after a move.

        Raises
        ------
        IllegalMove
            The state does not allow it.
        SecondPersonNeeded
            Whoever wrote or last changed it would approve it.
        """
        leads = MOVES[move].leads
        if self.state not in leads:
            raise IllegalMove(f"What is {self.state} cannot be {_DONE[move]}; that needs {' or '.join(leads)}.")
        if move is Move.APPROVE and who.casefold() in (self.author.casefold(), self.editor.casefold()):
            raise SecondPersonNeeded
        approver = who if move is Move.APPROVE else None if leads[self.state] in _UNAPPROVED else self.approver
        return msgspec.structs.replace(
            self, version=self.version + 1, state=leads[self.state], approver=approver, changed=now
        )

    def edited(self, draft: Draft, who: str, now: datetime) -> "Campaign":
        """Return the next version with other content; what was approved is in review again.

        Raises
        ------
        IllegalMove
            It runs, or is over.
        """
        return msgspec.structs.replace(self.moved(Move.EDIT, who, now), draft=draft, editor=who)


_UNAPPROVED = (State.DRAFT, State.IN_REVIEW)
_DONE: Mapping[Move, str] = {
    Move.EDIT: "edited",
    Move.SUBMIT: "submitted",
    Move.APPROVE: "approved",
    Move.REJECT: "rejected",
    Move.SCHEDULE: "scheduled",
    Move.START: "started",
    Move.PAUSE: "paused",
    Move.RESUME: "resumed",
    Move.FINISH: "finished",
    Move.CANCEL: "cancelled",
}


def new(draft: Draft, who: str, now: datetime) -> Campaign:
    """Return a new campaign, as a draft."""
    return Campaign(
        id=secrets.token_hex(8),
        version=1,
        state=State.DRAFT,
        draft=draft,
        author=who,
        editor=who,
        created=now,
        changed=now,
    )


def faults(draft: Draft, now: datetime) -> Iterator[Fault]:
    """Yield what contradicts itself in a draft, whatever is still to be written; messages are looked at elsewhere."""
    if len(set(draft.channels)) < len(draft.channels):
        yield Fault("channels", None, "Name each channel once.")
    if len(set(draft.languages)) < len(draft.languages):
        yield Fault("languages", None, "Name each language once.")
    if missing := [code for code in NEEDED_LANGUAGES if code not in draft.languages]:
        yield Fault("languages", None, f"The city speaks {', '.join(NEEDED_LANGUAGES)}; add {', '.join(missing)}.")
    given = draft.schedule
    if given.rrule is not None and draft.kind is not CampaignKind.RECURRING:
        yield Fault("schedule.rrule", None, "Only a recurring campaign has a rule; leave it out.")
    if given.trigger is not None and draft.kind is not CampaignKind.TRIGGERED:
        yield Fault("schedule.trigger", None, "Only a triggered campaign has a trigger; leave it out.")
    if draft.legal_basis is not None and draft.kind is not CampaignKind.TRANSACTIONAL:
        yield Fault("legal_basis", None, "Only a transactional campaign has a basis of its own; leave it out.")
    if draft.message.picks is not None and draft.kind is CampaignKind.TRANSACTIONAL:
        yield Fault("message.picks", None, "Nobody's taste is read for a transactional message; leave it out.")
    if draft.message.data and draft.kind is not CampaignKind.TRANSACTIONAL:
        yield Fault("message.data", None, "Only who calls for a transactional message gives data; leave it out.")
    yield from _faults_of_screens(draft)
    yield from schedules.faults(given, now)


def _faults_of_screens(draft: Draft) -> Iterator[Fault]:
    on_screens = draft.kind is CampaignKind.SCREEN
    if on_screens != (draft.channels == (SCREEN,)):
        yield Fault("channels", None, "What is for screens is of the kind `screen` and goes to `screen` alone.")
    if on_screens and draft.audience is not None:
        yield Fault("audience", None, "A screen shows it to whoever passes by; leave it out.")
    if on_screens and draft.message.picks is not None:
        yield Fault("message.picks", None, "Nobody's taste is read for a screen; leave it out.")
    if not on_screens and draft.places:
        yield Fault("places", None, "Only what is for screens has places; leave them out.")
    if not on_screens and draft.alone:
        yield Fault("alone", None, "Only what is for screens can stand alone there; leave it out.")


def missing(draft: Draft) -> Iterator[Fault]:
    """Yield what a campaign needs before it can go to review, besides its texts."""
    if draft.kind in (CampaignKind.ONE_OFF, CampaignKind.RECURRING):
        if draft.audience is None:
            yield Fault("audience", None, "Say whom it is for.")
        if draft.schedule.starts is None:
            yield Fault("schedule.starts", None, "Say when it starts.")
    if draft.kind is CampaignKind.RECURRING and draft.schedule.rrule is None:
        yield Fault("schedule.rrule", None, "Say by which rule it comes again, as in FREQ=WEEKLY;BYDAY=TH;COUNT=10.")
    if draft.kind is CampaignKind.TRIGGERED and draft.schedule.trigger is None:
        yield Fault("schedule.trigger", None, "Say what has to happen.")
    if isinstance(draft.schedule.trigger, NewOffer) and draft.audience is None:
        yield Fault("audience", None, "A new offer has happened to nobody yet; say whom it is for.")
    if draft.kind is CampaignKind.SCREEN and draft.schedule.ends is None:
        yield Fault("schedule.ends", None, "Say until when it is shown.")
    if draft.kind is CampaignKind.TRANSACTIONAL and draft.legal_basis is None:
        yield Fault("legal_basis", None, "Say on what basis it is sent, since nobody has consented to it.")
