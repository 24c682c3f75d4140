"""Two things measured in turn, round after round, so that what disturbs the machine disturbs both."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.load import Plan, send
from bench.processes import Server


@dataclass(frozen=True)
class Asked:
    """Requests to one server, and the status that all answers must have.

    Attributes
    ----------
    requests
        Sent in turn, over and over.
    count
        How many to send in a round.
    """

    name: str
    server: Server
    port: int
    requests: Sequence[bytes]
    count: int
    status: int = 200

    async def cost(self) -> float:
        """Return the CPU seconds of the server that one request takes."""
        plan = Plan(self.port, list(self.requests), self.count)
        with self.server.cpu() as used:
            answered = (await send(plan)).all_were(self.status)
        return used.seconds / answered


@dataclass(frozen=True)
class Costs:
    """CPU seconds of one request to each of two servers, a pair a round."""

    pairs: Sequence[tuple[float, float]]

    def ratios(self) -> list[float]:
        """Return, for each round, the reference's cost over ours: the share of its throughput that ours has."""
        return [reference / ours for ours, reference in self.pairs]


async def compare(ours: Asked, reference: Asked, rounds: int) -> Costs:
    """Measure both in turn, after a round of each that is not counted."""
    for asked in (ours, reference):
        await asked.cost()
    return Costs([(await ours.cost(), await reference.cost()) for _ in range(rounds)])
