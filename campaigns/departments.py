"""Departments that speak, who may do what in them, and programmes that several of them carry together."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Annotated

import msgspec

from campaigns.errors import RoleNeeded
from engine.errors import InvalidInput
from engine.events import AwareTime
from engine.rules import Sentence, Title

MOST_GROUPS = 20
Group = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
LanguageCode = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}$(?!\n)")]
Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,64}$(?!\n)")]


class Role(StrEnum):
    """What somebody may do: look, write, approve what others wrote, or give roles. Each may look."""

    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class DepartmentDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A department as an administrator writes it: its names by language, and the AD groups that have each role."""

    names: Annotated[dict[LanguageCode, Title], msgspec.Meta(max_length=6)]
    roles: dict[Role, Annotated[tuple[Group, ...], msgspec.Meta(max_length=MOST_GROUPS)]] = {}


class Department(msgspec.Struct, frozen=True, kw_only=True):
    """A department in one version."""

    id: str
    version: int
    draft: DepartmentDraft
    changed: AwareTime

    def roles_of(self, groups: Collection[str]) -> frozenset[Role]:
        """Return the roles that somebody in `groups` has here."""
        return frozenset(role for role, having in self.draft.roles.items() if not set(having).isdisjoint(groups))


class ProgrammeDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A programme of several departments, such as a biennial: its campaigns are in all of its languages."""

    names: Annotated[dict[LanguageCode, Title], msgspec.Meta(max_length=6)]
    departments: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=50)]
    languages: Annotated[tuple[LanguageCode, ...], msgspec.Meta(min_length=3, max_length=6)] = ("fi", "sv", "en")
    about: Sentence | None = None


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """A programme in one version."""

    id: str
    version: int
    draft: ProgrammeDraft
    changed: AwareTime


class Rights:
    """Says what somebody may do.

    Parameters
    ----------
    administrators
        The AD group whose members are administrators of every department, and may found new ones; None for nobody.
    """

    def __init__(self, administrators: str | None) -> None:
        self._administrators = administrators

    def first(self, groups: Collection[str]) -> bool:
        """Say whether somebody administers every department."""
        return self._administrators is not None and self._administrators in groups

    def roles(self, department: Department, groups: Collection[str]) -> frozenset[Role]:
        """Return the roles that somebody has in a department."""
        own = department.roles_of(groups)
        return own | {Role.ADMINISTRATOR} if self.first(groups) else own

    def require(self, department: Department, groups: Collection[str], *any_of: Role) -> None:
        """Refuse somebody who has none of the roles; any role will do where none is named.

        Raises
        ------
        RoleNeeded
            They have not.
        """
        if not self.roles(department, groups) & set(any_of or Role):
            needed = " or ".join(any_of) or "viewer"
            raise RoleNeeded(
                f"This needs the role {needed} in the department `{department.id}`; ask its administrator."
            )

    def seen(self, departments: Iterable[Department], groups: Collection[str]) -> list[Department]:
        """Return the departments that somebody may look into."""
        return [each for each in departments if self.roles(each, groups)]


def check_names(names: Mapping[str, str]) -> None:
    """Refuse names that are not in Finnish, Swedish and English.

    Raises
    ------
    InvalidInput
        One is missing.
    """
    if missing := [code for code in ("fi", "sv", "en") if code not in names]:
        raise InvalidInput(f"Give the name in {', '.join(missing)} too.", field="names")
