"""The algebra of audiences against plain Python, person by person."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.audience import (
    CHOOSING,
    Active,
    Age,
    All,
    Any_,
    Did,
    Everyone,
    Followed,
    HasDependant,
    Interest,
    Learned,
    Member,
    Near,
    None_,
    PrefersKind,
    Speaks,
    WasSent,
    canonical,
)
from campaigns.evaluation import Evaluation
from campaigns.facts import Act, Facts, followed, member, sent
from campaigns.index import Index
from campaigns.subjects import Subject
from engine.ages import age
from engine.events import InteractionType

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
OFFERS = {
    "swim": Subject("swim", "course", "pool", 60.18, 24.95, ("yso:swim", "yso:sport")),
    "jazz": Subject("jazz", "event", "hall", 60.25, 25.05, ("yso:jazz",)),
    "lost": Subject("lost", "event", None, None, None, ()),
}
NARROWER = {"yso:sport": ("yso:swim",)}
KEYWORDS, LANGUAGES, KINDS = ("yso:sport", "yso:swim", "yso:jazz"), ("fi", "sv"), ("course", "event")
BIRTHS = [date(2014, 11, 27), date(2014, 11, 26), date(2020, 2, 29)]

days = st.integers(1, 100)
leaves = st.one_of(
    st.builds(Everyone),
    st.builds(Interest, keyword=st.sampled_from(KEYWORDS), narrower=st.booleans()),
    st.builds(
        Learned, keyword=st.sampled_from(KEYWORDS), narrower=st.booleans(), least=st.integers(1, 3), within_days=days
    ),
    st.builds(PrefersKind, kind=st.sampled_from(KINDS)),
    st.builds(Speaks, language=st.sampled_from(LANGUAGES), first=st.booleans()),
    st.builds(Age, youngest=st.integers(0, 40), oldest=st.integers(41, 80)),
    st.builds(HasDependant, youngest=st.integers(0, 10), oldest=st.integers(11, 17)),
    st.builds(Near, lat=st.just(60.18), lon=st.just(24.95), km=st.sampled_from([0.5, 30.0]), within_days=days),
    st.builds(
        Did,
        acts=st.lists(st.sampled_from(list(InteractionType)), min_size=1, max_size=3).map(tuple),
        offer=st.sampled_from(["swim", "jazz", "no:such", None]),
        least=st.integers(1, 2),
        within_days=days,
    ),
    st.builds(Did, place=st.sampled_from(["pool", "hall", "nowhere"]), within_days=days),
    st.builds(Did, kind=st.sampled_from(KINDS), within_days=days),
    st.builds(Active, least=st.integers(1, 4), within_days=days),
    st.builds(Member, of=st.sampled_from(["club", "course"])),
    st.builds(WasSent, campaign=st.sampled_from(["a", "b"]), within_days=st.integers(1, 4)),
    st.builds(Followed, campaign=st.sampled_from(["a", "b"]), within_days=st.integers(1, 4)),
)


def groups(inner):
    of = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(*(st.builds(group, of=of) for group in (All, Any_, None_)))


trees = st.recursive(leaves, groups, max_leaves=8)
acts = st.builds(
    Act,
    time=st.integers(0, 120 * 24).map(lambda hours: int(NOW.timestamp()) - hours * 3600),
    offer=st.sampled_from(list(OFFERS)),
    type=st.sampled_from([str(type_) for type_ in InteractionType]),
    placed=st.booleans(),
)
MARKS = [
    *(f"interest:{one}" for one in KEYWORDS),
    *(f"kind:{one}" for one in KINDS),
    *(f"language:{one}" for one in LANGUAGES),
    *(f"first:{one}" for one in LANGUAGES),
    *(sent(campaign, date(2026, 11, 26) - timedelta(n)) for campaign in ("a", "c") for n in (0, 3, 5)),
    *(followed(campaign, date(2026, 11, 26) - timedelta(n)) for campaign in ("a", "c") for n in (0, 3, 5)),
    member("club"),
    member("school"),
    *(f"born:{year}" for year in (1950, 1985, 1986, 2000)),
]
people = st.lists(
    st.builds(
        lambda marks, acts, children, off: {"marks": marks, "acts": acts, "children": children, "off": off},
        st.frozensets(st.sampled_from(MARKS), max_size=5),
        st.lists(acts, max_size=6),
        st.lists(st.sampled_from(BIRTHS), max_size=2),
        st.sampled_from([frozenset(), frozenset({"keyword"}), frozenset({"place"}), frozenset({"kind"})]),
    ),
    max_size=8,
)


def filled(crowd):
    index = Index()
    for offer in OFFERS.values():
        index.subjects.put(offer)
    for n, its in enumerate(crowd):
        # Everybody is put in twice: what was known before must not count.
        index.put(
            Facts(resident=f"r{n}", marks=frozenset(MARKS), acts=[Act(int(NOW.timestamp()), "jazz", "open", True)])
        )
        index.put(Facts(resident=f"r{n}", **its))
    return index


def members(index, tree):
    return set(index.names(Evaluation(index, NOW, NARROWER).members(tree).to_array()))


def holds(its, tree) -> bool:  # noqa: C901, PLR0911, PLR0912 - one case for each predicate
    """Say of one person whether a tree means them, as plainly as can be."""
    wide = (
        {tree.keyword, *(NARROWER.get(tree.keyword, ()) if tree.narrower else ())} if hasattr(tree, "keyword") else ()
    )

    def did(fits, of, within):
        after = (NOW - timedelta(days=within)).timestamp()
        return sum(after <= act.time <= NOW.timestamp() and act.type in of and fits(act) for act in its["acts"])

    match tree:
        case All():
            return all(holds(its, one) for one in tree.of)
        case Any_():
            return any(holds(its, one) for one in tree.of)
        case None_():
            return not any(holds(its, one) for one in tree.of)
        case Everyone():
            return True
        case Interest():
            return any(f"interest:{one}" in its["marks"] for one in wide)
        case Learned():
            known = did(lambda act: not wide.isdisjoint(OFFERS[act.offer].keywords), CHOOSING, tree.within_days)
            return known >= tree.least and "keyword" not in its["off"]
        case PrefersKind():
            return f"kind:{tree.kind}" in its["marks"]
        case Speaks():
            return f"{'first' if tree.first else 'language'}:{tree.language}" in its["marks"]
        case Age():
            return any(f"born:{2026 - years}" in its["marks"] for years in range(tree.youngest, tree.oldest + 1))
        case HasDependant():
            return any(tree.youngest <= age(born, NOW) <= tree.oldest for born in its["children"])
        case Near():
            close = {"swim"} if tree.km < 5 else {"swim", "jazz"}
            fits = did(lambda act: act.placed and act.offer in close, CHOOSING, tree.within_days)
            return fits >= 1 and "place" not in its["off"]
        case Member():
            return member(tree.of) in its["marks"]
        case WasSent() | Followed():
            mark, ago = sent if isinstance(tree, WasSent) else followed, range(tree.within_days + 1)
            return any(mark(tree.campaign, date(2026, 11, 26) - timedelta(n)) in its["marks"] for n in ago)
        case Active():
            return did(lambda _: True, list(InteractionType), tree.within_days) >= tree.least
        case Did():
            return holds_did(its, tree, did)


def holds_did(its, tree, did):
    if tree.place is not None:
        times = did(lambda a: a.placed and OFFERS[a.offer].place == tree.place, tree.acts, tree.within_days)
        return times >= tree.least and "place" not in its["off"]
    if tree.kind is not None:
        times = did(lambda a: OFFERS[a.offer].kind == tree.kind, tree.acts, tree.within_days)
        return times >= tree.least and "kind" not in its["off"]
    return did(lambda a: tree.offer in (a.offer, None), tree.acts, tree.within_days) >= tree.least


@settings(max_examples=300, deadline=None)
@given(people, trees)
def test_whom_a_tree_means_is_what_it_says_of_each(crowd, tree):
    assert members(filled(crowd), tree) == {f"r{n}" for n, its in enumerate(crowd) if holds(its, tree)}


@settings(max_examples=100, deadline=None)
@given(people, trees, trees, trees)
def test_the_laws_of_sets_hold(crowd, a, b, c):
    index = filled(crowd)

    def of(tree):
        return members(index, tree)

    everyone = of(Everyone())
    assert of(None_(of=(All(of=(a, b)),))) == of(Any_(of=(None_(of=(a,)), None_(of=(b,)))))
    assert of(None_(of=(a, b))) == of(All(of=(None_(of=(a,)), None_(of=(b,)))))
    assert of(None_(of=(None_(of=(a,)),))) == of(a)
    assert of(All(of=(a, Any_(of=(b, c))))) == of(Any_(of=(All(of=(a, b)), All(of=(a, c)))))
    assert of(Any_(of=(a, None_(of=(a,))))) == everyone
    assert of(All(of=(a, None_(of=(a,))))) == set()


@given(trees)
def test_the_order_and_the_repetition_of_what_is_in_a_group_do_not_matter_to_its_text(tree):
    other = All(of=(Everyone(), tree, tree))
    assert canonical(All(of=(tree, Everyone()))) == canonical(other)
    assert canonical(Any_(of=(tree, Everyone()))) != canonical(other)


def test_whoever_is_dropped_is_in_nothing_from_then_on_and_the_number_leads_nowhere():
    index = filled([{"marks": frozenset({"language:sv"}), "acts": [], "children": [], "off": frozenset()}] * 3)
    numbers = Evaluation(index, NOW).members(Speaks(language="sv")).to_array()
    index.drop("r1")
    index.drop("r1")
    assert members(index, Everyone()) == members(index, Speaks(language="sv")) == {"r0", "r2"}
    assert index.names(numbers) == ["r0", "r2"]
    assert members(index, None_(of=(Speaks(language="fi"),))) == {"r0", "r2"}


def test_of_whom_something_changes_by_itself_is_left_out_when_the_moment_comes():
    index = Index()
    index.put(Facts(resident="a", marks=frozenset(), until=NOW))
    index.put(Facts(resident="b", marks=frozenset(), until=NOW + timedelta(days=1)))
    index.put(Facts(resident="a", marks=frozenset(), until=NOW + timedelta(seconds=1)))
    assert index.due(NOW) == []
    assert index.due(NOW + timedelta(hours=1)) == ["a"]
    assert members(index, Everyone()) == {"b"}
    assert not index.worn


def test_a_log_grows_and_finds_all():
    index = Index()
    for offer in OFFERS.values():
        index.subjects.put(offer)
    second = int(NOW.timestamp())
    for n in range(3_000):
        index.put(Facts(resident=f"r{n}", marks=frozenset(), acts=[Act(second - n, "swim", "view", False)] * 2))
    assert len(index.log) == 6_000
    assert len(members(index, Active(least=2, within_days=1))) == 3_000
    assert members(index, Did(place="pool", acts=(InteractionType.VIEW,))) == set()
