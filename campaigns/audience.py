"""Audiences: who is meant, as a tree of predicates over what residents have told and done, and allowed to be used.

A tree is data: JSON whose every node says in `is` what it is. It names nobody, and means others at another time.
`campaigns.evaluation` finds whom it means, `campaigns.sentence` says it in words.
"""

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import msgspec

from engine.errors import InvalidInput
from engine.events import InteractionType
from engine.offers import Access, Kind
from engine.rules import Named, Title
from engine.taste import CHOICES

MOST_DEPTH, MOST_NODES, MOST_BRANCHES = 8, 100, 50
LONGEST_DAYS = 400
"""How far back what residents did is kept (`engine.records.journal.MEMORY`)."""
OLDEST_AGE = 120
CHOOSING = tuple(type_ for type_, sign in CHOICES.items() if sign > 0)
"""What counts as taking something up, where a predicate does not say."""

Days = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_DAYS, description="Within so many days before now")]
Least = Annotated[int, msgspec.Meta(ge=1, le=1000, description="So many times at least")]
Years = Annotated[int, msgspec.Meta(ge=0, le=OLDEST_AGE)]
ChildYears = Annotated[int, msgspec.Meta(ge=0, le=17)]
Language = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}$(?!\n)", description="ISO 639-1 code")]
Acts = Annotated[tuple[InteractionType, ...], msgspec.Meta(min_length=1, max_length=len(InteractionType))]
Branches = Annotated[tuple["Tree", ...], msgspec.Meta(min_length=1, max_length=MOST_BRANCHES)]


class _Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="is"):
    """One node of a tree."""


class All(_Node, frozen=True, tag="all"):
    """Everything of it holds."""

    of: Branches


class Any_(_Node, frozen=True, tag="any"):  # noqa: N801 - `Any` is taken
    """At least one of it holds."""

    of: Branches


class None_(_Node, frozen=True, tag="none"):  # noqa: N801 - as above
    """Nothing of it holds; that of somebody nothing is known is no reason to leave them out."""

    of: Branches


class Everyone(_Node, frozen=True, tag="everyone"):
    """Everybody who has decided on any consent."""


class Interest(_Node, frozen=True, tag="interest"):
    """Has told of an interest in a keyword, or with `narrower` in one that is narrower."""

    keyword: Named
    narrower: bool = True


class Learned(_Node, frozen=True, tag="learned"):
    """Has taken up offers on a keyword."""

    keyword: Named
    narrower: bool = True
    least: Least = 2
    within_days: Days = 180


class PrefersKind(_Node, frozen=True, tag="kind"):
    """Has told of an interest in a kind of offers."""

    kind: Kind


class District(_Node, frozen=True, tag="district"):
    """Has told of an interest in a district or a neighbourhood (OCD id)."""

    district: Named


class Near(_Node, frozen=True, tag="near"):
    """Has taken up something at a place within some kilometres of a point."""

    lat: Annotated[float, msgspec.Meta(ge=59.9, le=60.31)]
    lon: Annotated[float, msgspec.Meta(ge=24.78, le=25.27)]
    km: Annotated[float, msgspec.Meta(gt=0, le=30)]
    within_days: Days = 180


class Speaks(_Node, frozen=True, tag="language"):
    """Has told of a language; with `first`, as the first one."""

    language: Language
    first: bool = False


class Age(_Node, frozen=True, tag="age"):
    """Becomes so many years old in this year, by the birth year that was told."""

    youngest: Years = 0
    oldest: Years = OLDEST_AGE


class Needs(_Node, frozen=True, tag="access"):
    """Has told of an access need."""

    need: Access


class HasDependant(_Node, frozen=True, tag="dependant"):
    """Is the guardian of a child of such an age, and the child's own consent to `interests` holds."""

    youngest: ChildYears = 0
    oldest: ChildYears = 17


class Did(_Node, frozen=True, tag="did"):
    """Has done something, with an offer, at a place, with a kind of offers, or with any."""

    acts: Acts = CHOOSING
    offer: Named | None = None
    place: Named | None = None
    kind: Kind | None = None
    least: Least = 1
    within_days: Days = 90


class Active(_Node, frozen=True, tag="active"):
    """Has done anything so often."""

    least: Least = 3
    within_days: Days = 30


class Wants(_Node, frozen=True, tag="wants"):
    """Would find an offer among their first suggestions, and there are seats for them (`engine.reach`)."""

    offer: Named
    top: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10


class WasSent(_Node, frozen=True, tag="was_sent"):
    """Was sent a message of a campaign, today or within so many whole days before; under `none`, not again."""

    campaign: Named
    within_days: Days = 90


class Followed(_Node, frozen=True, tag="followed"):
    """Followed a link in a message of a campaign, today or within so many whole days before; a link counts once.

    Known of those alone who allow `measurement` and `activity`; under `none` everybody else is in.
    """

    campaign: Named
    within_days: Days = 90


class Member(_Node, frozen=True, tag="member"):
    """Is on a list that the department holds (`campaigns.lists`)."""

    of: Named


Group: TypeAlias = All | Any_ | None_
Leaf: TypeAlias = (
    Everyone
    | Interest
    | Learned
    | PrefersKind
    | District
    | Near
    | Speaks
    | Age
    | Needs
    | HasDependant
    | Did
    | Active
    | Wants
    | WasSent
    | Followed
    | Member
)
Tree: TypeAlias = Group | Leaf
PREDICATES = tuple(str(kind.__struct_config__.tag) for kind in Tree.__args__)
"""What `is` may say."""


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An audience as a department writes it."""

    department: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[a-z0-9_-]+$(?!\n)")]
    name: Title
    tree: Tree


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """An audience in one version."""

    id: str
    version: int
    department: str
    name: str
    tree: Tree


def check(tree: Tree, field: str = "tree") -> None:
    """Refuse a tree that is too deep or too large, or that can mean nobody by its own words.

    Raises
    ------
    InvalidInput
        It is; the field is the path of the fault.
    """
    for n, (path, node, depth) in enumerate(walk(tree, field), 1):
        if depth > MOST_DEPTH:
            raise InvalidInput(f"Groups may stand in one another {MOST_DEPTH} deep; use fewer.", field=path)
        if n > MOST_NODES:
            raise InvalidInput(f"At most {MOST_NODES} groups and predicates make an audience.", field=path)
        if isinstance(node, Age | HasDependant) and node.youngest > node.oldest:
            raise InvalidInput("Nobody is of such an age: `youngest` is above `oldest`.", field=f"{path}.youngest")
        if isinstance(node, Did) and sum(its is not None for its in (node.offer, node.place, node.kind)) > 1:
            raise InvalidInput("Name an offer, a place or a kind; for several, use a group.", field=path)


def walk(tree: Tree, path: str = "tree", depth: int = 1) -> Iterator[tuple[str, Tree, int]]:
    """Yield path, node and depth of every node, the outer ones first."""
    yield path, tree, depth
    if isinstance(tree, Group):
        for n, inner in enumerate(tree.of):
            yield from walk(inner, f"{path}.of.{n}", depth + 1)


def canonical(tree: Tree) -> str:
    """Return a text that is the same for trees that differ in the order or repetition of what is in groups alone."""
    return msgspec.json.encode(_ordered(tree)).decode()


def _ordered(tree: Tree) -> Any:  # noqa: ANN401 - plain data
    plain = msgspec.to_builtins(tree)
    if isinstance(tree, Group):
        inner = {msgspec.json.encode(one): one for one in map(_ordered, tree.of)}
        plain["of"] = [inner[text] for text in sorted(inner)]
    return plain
