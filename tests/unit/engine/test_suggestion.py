from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import telemetry
from engine.answer import Suggestions
from engine.catalogue import Catalogue
from engine.choices import FAMILIES, POPULAR, Choice
from engine.consent import Consents, Grant, Purpose
from engine.errors import ConsentRequired, InvalidInput, StoreUnavailable
from engine.language import Language, Localized
from engine.offers import Access, Kind, Offer, decode
from engine.query import Query
from engine.residents import Interests
from engine.suggestion import VALID_FOR, Suggester
from engine.taste import Taste, key
from tests.factories import NOW, PREFIX, consents, keyword, observation, offer, place, series, taste
from tests.reference import fits
from tests.unit.engine.strategies import catalogues, queries

ALL = (Purpose.ACTIVITY, Purpose.INTERESTS, Purpose.LOCATION)


class Opened:
    """A resident's state that only the right permit opens, as `engine.sealed.Sealed` does."""

    def __init__(self, held: Consents | None, taste: Taste | None, interests: Interests | None) -> None:
        self.consents, self._taste, self._interests = held, taste, interests
        self.opened: list[Purpose] = []

    def packed_taste(self, permit):
        taste = self._open(permit, Purpose.ACTIVITY, self._taste)
        return None if taste is None else taste.pack()

    def interests(self, permit):
        return self._open(permit, Purpose.INTERESTS, self._interests)

    def _open(self, permit, purpose, value):
        if permit.purpose is not purpose:
            raise ConsentRequired
        self.opened.append(purpose)
        return value


class Store:
    def __init__(self, state: Opened) -> None:
        self.state = state

    async def sealed(self, _: str) -> Opened:
        return self.state

    async def sealed_many(self, residents: list[str]) -> list[Opened]:
        return [self.state] * len(residents)


class Away:
    async def sealed(self, _: str) -> Opened:
        raise StoreUnavailable

    async def consents(self, _: str) -> Consents:
        raise StoreUnavailable


class Ledger:
    def __init__(self, held: Consents) -> None:
        self.held = held

    async def consents(self, _: str) -> Consents:
        return self.held


def loaded(*offers: Offer) -> Catalogue:
    catalogue = Catalogue()
    catalogue.apply({o.id: o for o in offers})
    return catalogue


def suggester(
    catalogue: Catalogue,
    *purposes: Purpose,
    learned: Taste | None = None,
    told: Interests | None = None,
) -> Suggester:
    store = Store(Opened(consents(*purposes), learned, told))
    return Suggester(catalogue, store, Away(), new_id=lambda: "answer")


async def ask(catalogue: Catalogue, *purposes: Purpose, query: Query | None = None, **state) -> Suggestions:
    return await suggester(catalogue, *purposes, **state).suggestions("someone", query or Query(), NOW)


def codes(answer: Suggestions) -> set[str]:
    return {reason.code for item in answer.items for reason in item.reasons}


SWIM = [offer(f"swim:{n}", keywords="swimming sport", place=place("pool"), kind=Kind.COURSE) for n in range(6)]
CHESS = [offer(f"chess:{n}", keywords="chess games", place=place("club"), days=1) for n in range(6)]
CITY = loaded(*SWIM, *CHESS)
SWIMMER = taste(observation(SWIM[0], "save", ago=1), observation(SWIM[1], "open", ago=1))


async def test_those_who_swim_get_swimming_and_are_told_why():
    answer = await ask(CITY, *ALL, learned=SWIMMER, query=Query(limit=3))
    assert answer.basis == "personal"
    assert [id_[:4] for id_ in answer.offers] == ["swim"] * 3
    assert answer.items[0].reasons[0].text in {
        "Koska olet ollut kiinnostunut aiheesta: swimming",
        "Koska olet ollut kiinnostunut aiheesta: sport",
    }


async def test_the_first_act_changes_the_order():
    before = await ask(CITY, *ALL)
    after = await ask(CITY, *ALL, learned=taste(observation(SWIM[3], "open")))
    assert before.offers[0].startswith("chess")
    assert after.offers[0].startswith("swim")


async def test_what_is_settled_is_not_suggested_again():
    learned = taste(observation(SWIM[0], "save"), observation(SWIM[2], "dismiss"), observation(SWIM[4], "register"))
    answer = await ask(CITY, *ALL, learned=learned)
    assert {"swim:0", "swim:2", "swim:4"}.isdisjoint(answer.offers)
    assert {"swim:1", "swim:3", "swim:5"} <= set(answer.offers)


async def test_what_was_dismissed_teaches_against_its_kind_of_thing():
    learned = taste(*(observation(of, "dismiss") for of in CHESS[:3]))
    answer = await ask(CITY, *ALL, learned=learned)
    assert [id_[:4] for id_ in answer.offers][:2] == ["swim"] * 2
    assert not any(code.startswith("interested") for code in codes(answer))


async def test_without_leave_for_activity_nothing_learned_is_opened_or_used():
    state = Opened(consents(Purpose.INTERESTS, Purpose.LOCATION), SWIMMER, None)
    answer = await Suggester(CITY, Store(state), Away()).suggestions("someone", Query(), NOW)
    assert answer.basis == "popular"
    assert "swim:0" in answer.offers
    assert state.opened == [Purpose.INTERESTS]
    assert not any(code.startswith("interested") for code in codes(answer))


@pytest.mark.parametrize("purposes", [(), (Purpose.LEARNING, Purpose.MEASUREMENT, Purpose.LOCATION)])
async def test_without_any_leave_the_answer_is_what_anybody_gets(purposes):
    told = Interests(keywords=("yso:swimming",), languages=("sv",), birth_year=2000)
    answer = await ask(CITY, *purposes, learned=SWIMMER, told=told)
    anybody = await suggester(CITY).suggestions(None, Query(), NOW)
    assert answer.basis == anybody.basis == "popular"
    assert answer.offers == anybody.offers
    assert all(item.fit is None for item in answer.items)


async def test_a_grant_that_begins_later_is_none_yet():
    early = await suggester(CITY, *ALL, learned=SWIMMER).suggestions("someone", Query(), NOW - timedelta(days=60))
    assert early.basis == "popular"


async def test_what_the_taste_knows_of_places_needs_leave_for_location():
    here, there = offer("t:here", place=place("pool")), offer("t:there", place=place("club", neighborhood=None))
    learned = taste(*(observation(offer(place=place("pool")), "attend") for _ in range(3)))
    located = await ask(loaded(here, there), *ALL, learned=learned)
    assert located.offers[0] == "t:here"
    assert codes(located) & {"interested_place", "interested_area"}
    unlocated = await ask(loaded(here, there), Purpose.ACTIVITY, learned=learned)
    assert unlocated.basis == "personal"
    assert not codes(unlocated) & {"interested_place", "interested_area"}


async def test_stated_interests_lead_and_are_named():
    answer = await ask(CITY, Purpose.INTERESTS, told=Interests(keywords=("yso:swimming",)), query=Query(limit=3))
    assert answer.basis == "stated"
    assert [id_[:4] for id_ in answer.offers] == ["swim"] * 3
    assert answer.items[0].reasons[0].text == "Koska kerroit kiinnostuksestasi: swimming"


async def test_both_together_are_personal():
    answer = await ask(CITY, *ALL, learned=SWIMMER, told=Interests(keywords=("yso:chess",)))
    assert answer.basis == "personal"
    assert {"interested_topic", "stated_topic"} <= codes(answer)


async def test_stated_districts_need_leave_for_location():
    area = f"{PREFIX}neighborhood:kallio"
    city = loaded(
        offer("t:there", place=place("club", neighborhood=None, district=None)), offer("t:here", place=place())
    )
    told = Interests(districts=(area,))
    located = await ask(city, Purpose.INTERESTS, Purpose.LOCATION, told=told)
    assert (located.basis, located.offers[0]) == ("stated", "t:here")
    assert located.items[0].reasons[0].text == "Alueella, jonka valitsit: Kallio"
    unlocated = await ask(city, Purpose.INTERESTS, told=told)
    assert unlocated.basis == "popular"
    assert "stated_area" not in codes(unlocated)


async def test_what_was_told_of_language_age_and_access_filters_only_with_leave():
    fitting = {"languages": ("sv",), "age_min": 7, "age_max": 12, "access": (Access.STEP_FREE,)}
    city = loaded(offer("t:fits", **fitting), offer("t:unknown"), offer("t:other", **fitting | {"languages": ("fi",)}))
    told = Interests(languages=("sv",), birth_year=NOW.year - 9, access=(Access.STEP_FREE,))
    answer = await ask(city, Purpose.INTERESTS, told=told)
    assert answer.basis == "stated"
    assert answer.offers == ("t:fits", "t:unknown")
    fits_of = [msgspec.to_builtins(item.fit) for item in answer.items]
    assert fits_of == [dict.fromkeys(("age", "language", "access"), word) for word in ("fits", "unknown")]
    assert len((await ask(city, told=told)).offers) == 3


async def test_a_question_outweighs_what_was_told():
    city = loaded(offer("t:sv", languages=("sv",), age_min=30), offer("t:fi", languages=("fi",), age_max=10))
    told = Interests(languages=("sv",), birth_year=1980)
    answer = await ask(city, Purpose.INTERESTS, told=told, query=Query(languages=("fi",), age=8))
    assert answer.offers == ("t:fi",)
    assert msgspec.to_builtins(answer.items[0].fit) == {"age": "fits", "language": "fits"}


async def test_a_point_in_the_question_needs_no_leave():
    city = loaded(offer("t:far", place=place("far", lat=60.25, lon=25.1)), offer("t:near", place=place()))
    answer = await ask(city, query=Query(near=(60.184, 24.954)))
    assert answer.offers == ("t:near", "t:far")
    assert "Lähellä: noin 200 m" in [reason.text for reason in answer.items[0].reasons]
    assert "near" not in {reason.code for reason in answer.items[1].reasons}


async def test_consents_that_are_not_held_online_are_asked_of_the_ledger():
    store = Store(Opened(None, SWIMMER, None))
    answer = await Suggester(CITY, store, Ledger(consents(*ALL))).suggestions("someone", Query(), NOW)
    assert answer.basis == "personal"


@pytest.mark.parametrize("store", [Away(), Store(Opened(None, SWIMMER, None))])
async def test_what_cannot_be_read_is_not_used_and_counted(store):
    counter = telemetry.WITHOUT_PERMIT.labels(purpose="activity", reason="unreadable")
    before = counter._value.get()
    answer = await Suggester(CITY, store, Away()).suggestions("someone", Query(), NOW)
    assert answer.basis == "popular"
    assert len(answer.items) == len(SWIM + CHESS)
    assert counter._value.get() == before + 1


def test_what_ends_while_nothing_else_changes_is_not_suggested_any_more():
    quiet = loaded(offer("soon:1", days=0.01), offer("later:1", days=5))
    asked = Suggester(quiet, Away(), Away())
    for minutes, expected in ((0, {"soon:1", "later:1"}), (60 * 24, {"later:1"})):
        assert set(asked.popular(Query(), NOW + timedelta(minutes=minutes)).offers) == expected


async def test_an_empty_city_gives_an_empty_answer():
    answer = await ask(Catalogue(), *ALL, learned=SWIMMER, told=Interests(keywords=("yso:a",)))
    assert (answer.basis, answer.items, answer.valid_until) == ("popular", (), NOW + VALID_FOR)


def test_popular_is_said_of_ten_residents_and_of_no_fewer():
    city = loaded(*(offer(f"t:{n}", place=place(), days=9) for n in range(3)))
    city.popularity({"t:0": (40.0, 10), "t:1": (39.0, 9)})
    answer = suggester(city).popular(Query(), NOW)
    assert answer.offers[0] == "t:0"
    said = {id_: [r.text for r in item.reasons] for id_, item in zip(answer.offers, answer.items, strict=True)}
    assert "Suosittua viime aikoina: Kallio" in said["t:0"]
    assert not any("Suosittua" in text for id_ in ("t:1", "t:2") for text in said[id_])


def test_every_item_has_a_true_reason_if_only_its_date_and_place():
    city = loaded(
        offer("t:later", days=20, place=place()),
        offer("t:space", kind=Kind.SPACE, starts=None, ends=None, place=place("hall")),
        offer("t:opening", days=12, ongoing=True),
    )
    answer = suggester(city).popular(Query(language=Language.EN), NOW)
    said = {id_: [r.text for r in item.reasons] for id_, item in zip(answer.offers, answer.items, strict=True)}
    assert said == {
        "t:later": ["Sat 12 Dec at 12:00 – library en"],  # noqa: RUF001 - a dash
        "t:space": ["Available now – hall en"],  # noqa: RUF001 - a dash
        "t:opening": ["Fri 4 Dec at 12:00"],
    }


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"days": 1}, "Pian: huomenna klo 12"),
        ({"seats_left": 2}, "Paikkoja jäljellä: 2"),
        ({"enrolment_closes": NOW + timedelta(days=1, hours=2)}, "Ilmoittautuminen päättyy: huomenna klo 14"),
        ({"enrolment_opens": NOW - timedelta(days=1)}, "Ilmoittautuminen avautui: eilen"),
        ({"free": True}, "Maksuton"),
    ],
)
def test_facts_worth_knowing_are_said(changes, text):
    city = loaded(offer("t:1", **{"days": 9, "free": True} | changes))
    answer = suggester(city).popular(Query(free="free" in changes), NOW)
    assert text in [reason.text for reason in answer.items[0].reasons]


def test_similar_offers_share_their_topic_and_leave_out_the_offer_and_its_series():
    asked = series("t:asked", [1, 8], keywords="swimming sport", series="s", place=place("pool"))
    sibling = offer("t:sibling", keywords="swimming sport", series="s", place=place("pool"))
    city = loaded(asked, sibling, *SWIM, *CHESS)
    answer = suggester(city).similar(asked, Query(limit=4, language=Language.SV), NOW)
    assert answer.basis == "similar"
    assert [id_[:4] for id_ in answer.offers] == ["swim"] * 4
    assert answer.items[0].reasons[0].text == "Samma ämne: swimming-sv"


def test_offers_similar_to_one_that_is_over_are_found():
    past = offer("t:past", keywords="chess", days=-30)
    answer = suggester(CITY).similar(past, Query(limit=2), NOW)
    assert [id_[:5] for id_ in answer.offers] == ["chess"] * 2


async def test_the_answer_holds_no_longer_than_its_offers():
    city = loaded(offer("t:1", starts=NOW - timedelta(hours=1), ends=NOW + timedelta(minutes=2)))
    answer = await ask(city)
    assert answer.valid_until == NOW + timedelta(minutes=2)


NASTY = '"}], </script><b>\0\u2028\ud83c {} {0} %s \\'.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@pytest.mark.parametrize("language", list(Language))
async def test_names_of_any_signs_leave_the_json_valid(language):
    text = Localized(fi=NASTY, sv=NASTY, en=NASTY)
    word = msgspec.structs.replace(keyword("x"), label=text)
    of = offer("t:1", name=text, keywords="x", place=place(name=text), organiser=NASTY)
    of = msgspec.structs.replace(of, keywords=(word,))
    learned = taste(observation(of, "open"))
    answer = await ask(loaded(of), *ALL, learned=learned, query=Query(language=language))
    parsed = msgspec.json.decode(answer.json())
    assert list(parsed) == ["suggestion_id", "basis", "generated_at", "valid_until", "items"]
    (item,) = parsed["items"]
    assert (parsed["suggestion_id"], item["rank"], item["offer"]["id"]) == ("answer", 1, "t:1")
    assert any(NASTY in reason["text"] for reason in item["reasons"])
    assert decode(msgspec.json.encode(item["offer"])).name == text


@given(catalogues(), queries(), st.sets(st.integers(0, 39), max_size=6), st.sampled_from(list(Language)))
@settings(deadline=None, max_examples=60)
async def test_never_more_than_asked_never_closed_never_unfit_and_always_a_reason(offers, query, dismissed, language):
    seen = [observation(offers[id_], "dismiss") for n in dismissed if (id_ := f"test:{n}") in offers]
    seen += [observation(of, "view", ago=1) for of in list(offers.values())[:5]]
    asked = msgspec.structs.replace(query, language=language)
    told = Interests(keywords=("yso:a",), birth_year=2019)
    answer = await ask(loaded(*offers.values()), *ALL, learned=taste(*seen), told=told, query=asked)
    assert len(answer.items) <= query.limit
    assert len(set(answer.offers)) == len(answer.offers)
    assert [item.rank for item in answer.items] == list(range(1, len(answer.items) + 1))
    closed = {key(o.interaction.offer) for o in seen if o.interaction.type == "dismiss"}
    for id_, item in zip(answer.offers, answer.items, strict=True):
        assert key(id_) not in closed
        assert fits(offers[id_], query, 2019 if query.age is None else None, NOW)
        assert 1 <= len(item.reasons) <= 3
        assert all(reason.text for reason in item.reasons)
        assert item.fit is not None
        assert item.fit.age is not None
    assert NOW <= answer.valid_until <= NOW + VALID_FOR
    msgspec.json.decode(answer.json())


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"radius_metres": 100.0}, "radius_metres"),
        ({"near": (60.2, 24.9), "radius_metres": -1.0}, "radius_metres"),
        ({"near": (60.2, 24.9), "radius_metres": float("nan")}, "radius_metres"),
        ({"starts_from": NOW, "until": NOW}, "until"),
        ({"age": -1}, "age"),
        ({"age": 255}, "age"),
    ],
)
def test_a_question_that_cannot_be_answered_names_its_field(asked, field):
    with pytest.raises(InvalidInput) as refused:
        Query(**asked)
    assert refused.value.field == field
    assert refused.value.detail.endswith(".")


def turning_off(*choices: Choice) -> Consents:
    return msgspec.structs.replace(consents(*ALL), choices={choice: Grant(True, 0, NOW) for choice in choices})


async def steered(*choices: Choice, learned: Taste | None = None, told: Interests | None = None) -> Suggestions:
    store = Store(Opened(turning_off(*choices), learned, told))
    return await Suggester(CITY, store, Away(), new_id=lambda: "answer").suggestions("someone", Query(), NOW)


async def test_a_reason_that_is_off_is_neither_said_nor_moves_the_order():
    told = Interests(keywords=("yso:swimming",))
    assert (await steered(told=told)).offers[0].startswith("swim")
    without = await steered(Choice.WITHOUT_TOPIC, told=told)
    assert (without.basis, without.offers) == ("popular", (await steered()).offers)
    assert "stated_topic" not in codes(without)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != POPULAR])
async def test_each_family_that_is_off_is_silent_and_the_others_still_lead(family):
    answer = await steered(FAMILIES[family], learned=SWIMMER)
    said = {reason.off for item in answer.items for reason in item.reasons}
    assert family not in said
    assert said - {None}
    assert answer.basis == "personal"


async def test_with_every_reason_off_nothing_that_is_known_moves_the_order():
    every = [choice for choice in Choice if choice is not Choice.PAUSE]
    told = Interests(keywords=("yso:chess",), kinds=(Kind.COURSE,))
    answer = await steered(*every, learned=SWIMMER, told=told)
    settled = {"swim:0"}
    assert answer.basis == "popular"
    assert answer.offers == tuple(id_ for id_ in (await steered(*every)).offers if id_ not in settled)
    assert {reason.off for item in answer.items for reason in item.reasons} == {None}


async def test_popularity_that_is_off_neither_leads_nor_is_said():
    catalogue = loaded(*SWIM, *CHESS)
    catalogue.popularity({"swim:5": (50.0, 40)})
    stores = [Store(Opened(turning_off(*off), None, None)) for off in ((), (Choice.WITHOUT_POPULAR,))]
    with_it, without = [
        await Suggester(catalogue, store, Away()).suggestions("someone", Query(), NOW) for store in stores
    ]
    assert with_it.offers.index("swim:5") < without.offers.index("swim:5")
    assert "popular" in codes(with_it)
    assert "popular" not in codes(without)


async def test_while_paused_the_answer_is_the_one_for_anybody_and_nothing_is_opened():
    state = Opened(turning_off(Choice.PAUSE), SWIMMER, Interests(keywords=("yso:chess",)))
    answer, kept = await Suggester(CITY, Store(state), Away(), new_id=lambda: "answer").shown("someone", Query(), NOW)
    assert (answer.basis, state.opened, kept) == ("popular", [], None)
    assert answer.offers == suggester(CITY).popular(Query(), NOW).offers


async def test_what_is_chosen_now_leads_whoever_asks_and_no_store_is_asked():
    nobody = Suggester(CITY, Away(), Away())
    chosen = nobody.chosen(Query(limit=3), Interests(keywords=("yso:swimming",)), NOW)
    assert (chosen.basis, [id_[:4] for id_ in chosen.offers]) == ("stated", ["swim"] * 3)
    assert nobody.chosen(Query(), Interests(keywords=("yso:nothing",)), NOW).basis == "popular"


SMALL = offer("small", age_min=0, age_max=6)
BIG = offer("big", age_min=7, age_max=12)
UNKNOWN = offer("unknown")
GROWN = offer("grown", age_min=18, age_max=99)


async def suggested_to(born: date | None, *purposes: Purpose, query: Query | None = None, **state) -> Suggestions:
    held = msgspec.structs.replace(consents(*purposes), born=born)
    store = Store(Opened(held, state.get("learned"), state.get("told")))
    return await Suggester(loaded(SMALL, BIG, UNKNOWN, GROWN), store, Away()).suggestions(
        "child", query or Query(), NOW
    )


@pytest.mark.parametrize("told", [None, Interests(birth_year=1980)])
async def test_a_dependants_own_age_is_used_whatever_else_may_be_and_whatever_is_told(told):
    for purposes in ((), ALL):
        answer = await suggested_to(date(2019, 11, 22), *purposes, told=told)
        assert set(answer.offers) == {"big", "unknown"}, "seven today"
        assert {item.fit.age for item in answer.items} == {"fits", "unknown"}
    assert set((await suggested_to(date(2019, 11, 23))).offers) == {"small", "unknown"}


async def test_without_any_consent_a_dependant_gets_what_is_popular_and_is_told_so():
    assert (await suggested_to(date(2019, 11, 22))).basis == "popular"


async def test_who_asks_for_another_age_or_is_of_age_is_asked_no_birthday():
    assert set((await suggested_to(date(2019, 11, 22), query=Query(age=5))).offers) == {"small", "unknown"}
    assert len((await suggested_to(date(2008, 11, 22))).offers) == 4
    assert set((await suggested_to(date(2008, 11, 23))).offers) == {"unknown"}


@settings(max_examples=50, deadline=None)
@given(catalogues(), queries(), st.sampled_from([ALL, (Purpose.ACTIVITY,), (Purpose.INTERESTS,), ()]))
async def test_what_messages_show_is_what_suggestions_are_for_the_same_reason(offers, query, purposes):
    told = Interests(keywords=("yso:chess",), languages=("sv",))
    its = suggester(loaded(*offers.values(), *SWIM, *CHESS), *purposes, learned=SWIMMER, told=told)
    answer = await its.suggestions("someone", query, NOW)
    ((basis, picks),) = await its.picks(["someone"], query, NOW)
    assert basis == answer.basis
    assert [pick.offer for pick in picks] == list(answer.offers)
    assert [pick.why for pick in picks] == [item.reasons[0].text if item.reasons else "" for item in answer.items]
