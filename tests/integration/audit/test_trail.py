"""The desk's trail on a real database: what is spoilt in it, or beside it, is found and named."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.audience import Draft as Audience
from campaigns.audience import Everyone
from campaigns.campaign import Campaign, CampaignKind, Draft, Move, State
from campaigns.departments import Department, DepartmentDraft, Programme, Rights, Role
from campaigns.desk import Desk, Official
from campaigns.errors import IllegalMove, RoleNeeded, Unfit
from campaigns.keeper import Keeper
from campaigns.message import Message, Text
from campaigns.records.audiences import AudienceRecords
from campaigns.records.documents import DocumentRecords
from campaigns.records.lists import ListRecords
from campaigns.records.trail import TrailRecords
from campaigns.schedule import Schedule
from engine.errors import Outdated
from engine.records.offers import OfferRecords
from engine.rules import Revision

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MAIJA, VILLE = Official("maija@hel.fi", frozenset({"writers"})), Official("ville@hel.fi", frozenset({"leads"}))
NAMES = {"fi": "Liikunta", "sv": "Idrott", "en": "Sports"}


def draft(**changed) -> Draft:
    texts = {code: Text(subject="Hei", body="<p>Hei</p>") for code in ("fi", "sv", "en")}
    usual = {
        "name": "A", "department": "sport", "kind": CampaignKind.TRANSACTIONAL, "topic": "library",
        "channels": ("email",), "message": Message(texts=texts), "legal_basis": "A booking",
    }  # fmt: skip
    return Draft(**usual | changed)


@pytest.fixture
async def campaigns(own):
    return DocumentRecords(own.database, Campaign)


@pytest.fixture
async def desk(own, campaigns):
    departments = DocumentRecords(own.database, Department)
    its = DepartmentDraft(names=NAMES, roles={Role.EDITOR: ("writers",), Role.APPROVER: ("leads",)})
    await Keeper(departments, "department").create(Department, its, MAIJA, NOW, "sport")
    programmes, trail = DocumentRecords(own.database, Programme), TrailRecords(own.database)
    audiences, everybody = AudienceRecords(own.database), Audience(department="sport", name="All", tree=Everyone())
    await audiences.add(Revision(0, "everybody", 1, everybody, MAIJA.name, NOW, ended=False))
    return Desk(
        campaigns,
        departments,
        programmes,
        trail,
        OfferRecords(own.database),
        Rights(None),
        audiences,
        ListRecords(own.database),
    )


async def scheduled(desk):
    given = {"kind": CampaignKind.ONE_OFF, "legal_basis": None, "audience": "everybody"}
    its = await desk.create(draft(**given, schedule=Schedule(starts=NOW + timedelta(days=1))), MAIJA, NOW)
    for move, who in ((Move.SUBMIT, MAIJA), (Move.APPROVE, VILLE), (Move.SCHEDULE, MAIJA)):
        its = await desk.move(its.id, its.version, move, who, NOW)
    return its


SPOILT = {
    "an act is rewritten": ("UPDATE trail SET who = 'nobody' WHERE seq = 3", "entry 3 is not what was written"),
    "its reason is": ('UPDATE trail SET detail = \'{"reason":"x"}\' WHERE seq = 4', "entry 4 is not what was written"),
    "one is taken away": ("DELETE FROM trail WHERE seq = 3", "entry 3 is missing"),
    "the last is": ("DELETE FROM trail WHERE seq = 5", "entry 5 is missing at the end"),
    "a campaign is changed beside it": (
        "UPDATE documents SET content = replace(content, 'Hei', 'Buy') WHERE kind = 'campaign'",
        "is not what the trail says was written",
    ),
    "a state is": ("UPDATE documents SET state = 'running' WHERE kind = 'campaign'", "is not what the trail says"),
    "a group is given a role": (
        "UPDATE documents SET content = replace(content, 'leads', 'mates') WHERE kind = 'department'",
        "department:sport is not what the trail says",
    ),
    "one is put there": (
        "INSERT INTO documents (kind, id, version, content, changed) VALUES ('programme', 'x', 1, '{}', now())",
        "programme:x is not what the trail says",
    ),
}


@pytest.mark.parametrize("how", SPOILT)
async def test_whatever_is_spoilt_is_found_by_vinkki_audit_verify(own, desk, run, how):
    await scheduled(desk)
    statement, says = SPOILT[how]
    await own.sql("ALTER TABLE trail DISABLE TRIGGER USER", statement)
    done = run("verify")
    assert done.returncode == 1
    assert "vinkki: the trail does not hold at entry" in done.stderr
    assert says in done.stderr


async def test_an_unspoilt_trail_holds_and_is_signed_and_cannot_be_changed_by_accident(own, desk, run, tmp_path):
    await scheduled(desk)
    done = run("verify")
    assert (done.returncode, "The trail holds: 5 entries" in done.stdout) == (0, True)
    assert (tmp_path / "audit" / "trail.jws").exists()
    for statement in ("UPDATE trail SET who = 'x'", "DELETE FROM trail", "TRUNCATE trail"):
        with pytest.raises(Exception, match="does not answer"):
            await own.sql(statement)
    # Whoever rewrites entries, hashes and head alike contradicts what was signed.
    await own.sql(
        "ALTER TABLE trail DISABLE TRIGGER USER",
        "DELETE FROM trail",
        "DELETE FROM documents",
        "UPDATE trail_head SET seq = 0, hash = decode(repeat('00', 32), 'hex')",
    )
    assert "entry 1 is missing at the end" in run("verify").stderr


async def test_the_house_starts_and_finishes_and_nobody_else_does(desk, campaigns):
    its = await scheduled(desk)
    with pytest.raises(RoleNeeded):
        await desk.move(its.id, None, Move.START, MAIJA, NOW)
    with pytest.raises(RoleNeeded):
        await desk.advance(its.id, Move.APPROVE, NOW)
    assert [one.id for one in await campaigns.in_states([State.SCHEDULED])] == [its.id]
    await desk.advance(its.id, Move.START, NOW)
    await desk.move(its.id, None, Move.PAUSE, VILLE, NOW)
    await desk.move(its.id, None, Move.RESUME, MAIJA, NOW)
    assert (await desk.advance(its.id, Move.FINISH, NOW)).state is State.FINISHED
    with pytest.raises(IllegalMove):
        await desk.advance(its.id, Move.START, NOW)
    acts = [entry.who for entry in await desk.trail(its.id, MAIJA)]
    assert (acts.count("vinkki"), acts.count("ville@hel.fi")) == (2, 2)


async def test_a_write_that_comes_second_leaves_neither_campaign_nor_act(desk, campaigns):
    its = await desk.create(draft(), MAIJA, NOW)
    await desk.replace(its.id, 1, draft(name="B"), MAIJA, NOW + timedelta(seconds=1))
    with pytest.raises(Outdated, match=r"version 2: edit by maija@hel.fi .* \(name\)"):
        await desk.replace(its.id, 1, draft(name="C"), MAIJA, NOW)
    assert (await campaigns.get(its.id)).draft.name == "B"
    assert len(await desk.trail(its.id, MAIJA)) == 2


async def test_what_began_may_be_mended_but_not_given_a_kind_that_its_times_do_not_fit(desk):
    times = Schedule(starts=NOW + timedelta(hours=1), rrule="FREQ=DAILY;COUNT=3")
    its = await desk.create(draft(kind=CampaignKind.RECURRING, legal_basis=None, schedule=times), MAIJA, NOW)
    later = NOW + timedelta(days=1)
    mended = draft(kind=CampaignKind.RECURRING, legal_basis=None, schedule=times, name="B")
    assert (await desk.replace(its.id, 1, mended, MAIJA, later)).version == 2
    with pytest.raises(Unfit, match="cannot be used"):
        await desk.replace(its.id, 2, draft(legal_basis="x", schedule=times), MAIJA, later)
