"""The machine of states, whatever is tried on it; and times on the nights when clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from campaigns import campaign as campaigns
from campaigns import schedule as schedules
from campaigns.audit import changes
from campaigns.campaign import MOVES, CampaignKind, Draft, Move, State
from campaigns.departments import Department, DepartmentDraft, Rights, Role
from campaigns.errors import IllegalMove, RoleNeeded, SecondPersonNeeded
from campaigns.message import Message
from campaigns.schedule import Schedule, occurrences

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PEOPLE = st.sampled_from(["Maija@hel.fi", "maija@hel.fi", "ville@hel.fi", "kalle@hel.fi"])
OVER = {State.FINISHED, State.CANCELLED}


def draft(**changed) -> Draft:
    usual = {
        "name": "A",
        "department": "sport",
        "kind": CampaignKind.ONE_OFF,
        "topic": "library",
        "channels": ("email",),
    }
    return Draft(**usual | {"message": Message()} | changed)


class Machine(RuleBasedStateMachine):
    """Everybody tries everything."""

    @initialize(who=PEOPLE)
    def begin(self, who):
        self.its = campaigns.new(draft(), who, NOW)
        self.approved: object = None

    @rule(move=st.sampled_from([move for move in Move if move is not Move.EDIT]), who=PEOPLE)
    def move(self, move, who):
        before = self.its
        try:
            self.its = before.moved(move, who, NOW)
        except IllegalMove:
            assert before.state not in MOVES[move].leads
            return
        except SecondPersonNeeded:
            assert move is Move.APPROVE
            assert who.lower() in {before.author.lower(), before.editor.lower()}
            return
        assert self.its.version == before.version + 1
        if move is Move.APPROVE:
            assert who.lower() not in {before.author.lower(), before.editor.lower()}
            self.approved = self.its.draft

    @rule(who=PEOPLE, name=st.sampled_from("ABC"))
    def edit(self, who, name):
        before = self.its
        try:
            self.its = before.edited(draft(name=name), who, NOW)
        except IllegalMove:
            assert before.state in {*OVER, State.RUNNING}
            return
        assert self.its.state in (State.DRAFT, State.IN_REVIEW)
        assert self.its.editor == who

    @invariant()
    def what_goes_out_is_what_a_second_person_approved(self):
        if self.its.state in (State.APPROVED, State.SCHEDULED, State.RUNNING, State.PAUSED, State.FINISHED):
            assert self.its.draft == self.approved
            assert self.its.approver.lower() not in {self.its.author.lower(), self.its.editor.lower()}

    @invariant()
    def what_is_not_approved_names_no_approver(self):
        if self.its.state in (State.DRAFT, State.IN_REVIEW):
            assert self.its.approver is None


TestMachine = Machine.TestCase


def test_every_state_is_reached_and_what_is_over_stays_so():
    leads = [pair for rule_ in MOVES.values() for pair in rule_.leads.items()]
    assert {to for _, to in leads} == set(State)
    assert not OVER & {from_ for from_, _ in leads}
    assert {move for move, rule_ in MOVES.items() if not rule_.roles} == {Move.START, Move.FINISH}


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        # 3:30 does not exist on 28 March 2027 and means an hour later; on 31 October it comes twice and counts once.
        ("2027-03-27T03:30:00+02:00", ["27T01:30", "28T01:30", "29T00:30"]),
        ("2027-10-30T03:30:00+03:00", ["30T00:30", "31T00:30", "01T01:30"]),
        ("2027-10-30T09:00:00+03:00", ["30T06:00", "31T07:00", "01T07:00"]),
    ],
)
def test_a_rule_is_of_the_wall_clock_on_nights_when_clocks_change(starts, expected):
    its = Schedule(starts=datetime.fromisoformat(starts), rrule="FREQ=DAILY;COUNT=3")
    assert [f"{moment:%dT%H:%M}" for moment in occurrences(its, NOW)] == expected


def test_occurrences_go_on_after_a_moment_and_end_with_the_schedule():
    starts = datetime(2026, 12, 1, 7, tzinfo=UTC)
    its = Schedule(starts=starts, rrule="FREQ=WEEKLY;BYDAY=TU,TH", ends=starts + timedelta(days=9))
    assert [moment.day for moment in occurrences(its, NOW)] == [1, 3, 8, 10]
    assert [moment.day for moment in occurrences(its, starts + timedelta(days=3))] == [8, 10]
    assert list(occurrences(Schedule(starts=starts), starts)) == []
    assert list(occurrences(Schedule(starts=starts), NOW)) == [starts]
    assert list(occurrences(Schedule(), NOW)) == []


NONSENSE = """x|FREQ=HOURLY;COUNT=2|FREQ=DAILY;INTERVAL=0;COUNT=2|FREQ=DAILY;COUNT=-1|FREQ=DAILY;COUNT=1;COUNT=2
FREQ=DAILY;BYHOUR=1,2;COUNT=3|FREQ=DAILY;UNTIL=soon|FREQ=YEARLY;BYDAY=400MO;COUNT=3|FREQ=WEEKLY
FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3|FREQ=DAILY;COUNT=2;|FREQ=DAILY;COUNT=2;EXDATE=20270101"""


@pytest.mark.parametrize("rule_", ["", "FREQ=DAILY\nEXDATE:2027", *NONSENSE.replace("\n", "|").split("|")])
def test_a_rule_that_makes_no_sense_is_refused(rule_):
    its = Schedule(starts=NOW + timedelta(days=1), rrule=rule_)
    assert [fault.where for fault in schedules.faults(its, NOW)] == ["schedule.rrule"]


@pytest.mark.parametrize(
    "rule_", ["FREQ=WEEKLY;UNTIL=20270501T000000Z", "FREQ=MONTHLY;BYDAY=-1FR;COUNT=5", "freq=daily;count=3"]
)
def test_a_rule_that_makes_sense_is_taken(rule_):
    assert list(schedules.faults(Schedule(starts=NOW + timedelta(days=1), rrule=rule_), NOW)) == []


def test_what_a_kind_needs_is_missing_until_it_is_there():
    wanted = {
        CampaignKind.ONE_OFF: ["audience", "schedule.starts"],
        CampaignKind.RECURRING: ["audience", "schedule.starts", "schedule.rrule"],
        CampaignKind.TRIGGERED: ["schedule.trigger"],
        CampaignKind.TRANSACTIONAL: ["legal_basis"],
        CampaignKind.SCREEN: ["schedule.ends"],
    }
    assert {kind: [fault.where for fault in campaigns.missing(draft(kind=kind))] for kind in CampaignKind} == wanted


def test_rights_come_of_groups():
    names = {"fi": "a", "sv": "a", "en": "a"}
    its = Department(id="d", version=1, changed=NOW, draft=DepartmentDraft(names=names, roles={Role.EDITOR: ("g",)}))
    rights = Rights("heads")
    rights.require(its, {"g"}, Role.EDITOR, Role.APPROVER)
    rights.require(its, {"heads"}, Role.ADMINISTRATOR)
    for groups, role in (
        ({"g"}, Role.APPROVER),
        ({"other"}, Role.EDITOR),
        ({"heads"}, Role.EDITOR),
        (set(), Role.VIEWER),
    ):
        with pytest.raises(RoleNeeded):
            rights.require(its, groups, role)
    assert rights.seen([its], {"none"}) == []
    assert not Rights(None).first({"heads", "None"})


def test_changes_are_named_by_their_paths():
    before, after = {"a": 1, "t": {"fi": {"s": 1}}}, {"b": 1, "t": {"fi": {"s": 2}}}
    assert list(changes(before, after)) == ["a", "b", "t.fi.s"]
