"""An inbox, deliveries and suppressions that are lists."""

from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass
class Box:
    letters: dict = field(default_factory=dict)
    told: dict = field(default_factory=dict)
    returns: list = field(default_factory=list)
    suppressed: dict = field(default_factory=dict)
    followed: list = field(default_factory=list)

    def _open(self, permits: Any) -> dict:
        allowed = {(permit.resident, str(permit.purpose)): permit.since for permit in permits}
        return {
            id_: its
            for id_, (who, its) in self.letters.items()
            if (since := allowed.get((who, its.purpose))) and its.time >= since
        }

    async def of(self, permits, _):
        return sorted(self._open(permits).values(), key=lambda its: its.time, reverse=True)

    async def unread(self, permits, _):
        return sum(its.read is None for its in self._open(permits).values())

    async def mark(self, permits, id_, *, read, now):
        if id_ not in self._open(permits):
            return False
        who, its = self.letters[id_]
        self.letters[id_] = who, msgspec.structs.replace(its, read=now if read else None)
        return True

    async def delete(self, resident, id_):
        if self.letters.get(id_, (None,))[0] != resident:
            return False
        del self.letters[id_]
        return True

    async def of_message(self, message):
        return self.told.get(message)

    async def of_reference(self, channel, reference):
        return self.told.get((channel, reference))

    async def returned(self, run, resident, reason):
        self.returns.append((run, resident, reason))

    async def add(self, channel, addresses, _):
        self.suppressed |= {(channel, who): given for who, given in addresses.items()}


@dataclass
class FollowBox:
    followed: list

    async def add(self, permit, run, link, _):
        self.followed.append((permit.resident, permit.purpose, run, link))
