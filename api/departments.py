"""For which departments somebody may read and write what is theirs."""

from collections.abc import Collection
from typing import Protocol

from api.access import Caller, Standing
from api.errors import Forbidden
from campaigns.departments import Department, Rights
from campaigns.records.documents import DocumentRecords


class Departments(Protocol):
    """Who belongs to which department."""

    async def of(self, caller: Caller) -> Collection[str] | None:
        """Return the departments that a caller speaks for; None for all of them."""


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

    async def of(self, caller: Caller) -> Collection[str] | None:
        """Return the departments that a caller speaks for; None for all of them."""
        if caller.standing is not Standing.STAFF:
            return None
        return {each.id for each in self._rights.seen(await self._departments.all(), caller.groups)}


def require(department: str, departments: Collection[str] | None) -> None:
    """Refuse another department.

    Raises
    ------
    Forbidden
        It is none of those.
    """
    if departments is not None and department not in departments:
        raise Forbidden("This is another department's; ask somebody who works there.", field="department")
