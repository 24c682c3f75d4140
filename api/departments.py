"""For which departments somebody may read and write what is theirs."""

from collections.abc import Collection
from typing import Protocol

from api.access import Caller, Standing
from api.errors import Forbidden
from campaigns.departments import Department, Rights, Role
from campaigns.records.documents import DocumentRecords


class Departments(Protocol):
    """Who belongs to which department."""

    async def of(self, caller: Caller, *roles: Role) -> Collection[str] | None:
        """Return the departments that a caller speaks for, by one of the roles or by any; None for all of them."""


class RoleDepartments:
    """Staff speak for the departments in which their groups have a role; a service with the scope speaks for all.

    Parameters
    ----------
    departments, rights
        Which there are, and what officials may do in each.
    """

    def __init__(self, departments: DocumentRecords[Department], rights: Rights) -> None:
        self._departments = departments
        self._rights = rights

    async def of(self, caller: Caller, *roles: Role) -> Collection[str] | None:
        """Return the departments that a caller speaks for, by one of the roles or by any; None for all of them."""
        if caller.standing is not Standing.STAFF:
            return None
        having = {each.id: self._rights.roles(each, caller.groups) for each in await self._departments.all()}
        return {id_ for id_, its in having.items() if its & frozenset(roles or Role)}


def require(department: str, departments: Collection[str] | None) -> None:
    """Refuse another department.

    Raises
    ------
    Forbidden
        It is none of those.
    """
    if departments is not None and department not in departments:
        raise Forbidden("This is another department's; ask somebody who works there.", field="department")
