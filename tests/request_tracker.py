"""A real Request Tracker 5 on a free port, made for a test and gone afterwards.

It is Debian's: installed, or its packages unpacked in the folder that `CARELINE_RT` names. Its own
server forks and tells no port, so a few lines serve its application; all else is the product.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.patience import PATIENCE_S

PASSWORD = "a long enough password"
US = "careline"
"""The account of the connector."""
DANA = "dana"
"""Somebody who answers tickets."""
_HOME = "usr/share/request-tracker5"
_RIGHTS = (
    "SeeQueue CreateTicket ShowTicket ShowTicketComments CommentOnTicket ReplyToTicket ModifyTicket"
)

_CONFIG = """
Set($rtname, 'desk.test');
Set($Organization, 'desk.test');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{folder}/rt.db');
Set($WebDomain, '127.0.0.1');
Set($LogToSTDERR, 'error');
Set($LogToSyslog, undef);
Set($MailCommand, 'sendmailpipe');
Set($SendmailPath, '/bin/true');
$RT::VarPath = '{folder}';
$RT::MasonDataDir = '{folder}/mason';
$RT::MasonSessionDir = '{folder}/session';
1;
"""

_PEOPLE = """
@Users = map {{ Name => $_->[0], RealName => $_->[1], EmailAddress => "$_->[0]\\@example.com",
    Password => '{password}', Privileged => 1 }}, ['{us}', 'Careline'], ['{dana}', 'Dana Reyes'];
@ACL = map {{ GroupDomain => 'SystemInternal', GroupType => 'Privileged', Queue => 'General',
    Right => $_ }}, qw({rights});
1;
"""

_SERVE = """
use RT -init;
use RT::Interface::Web::Handler;
use HTTP::Server::PSGI;
use IO::Socket::INET;
my $listening = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20) or die;
my $app = RT::Interface::Web::Handler->PSGIApp;
$| = 1;
print $listening->sockport, "\\n";
HTTP::Server::PSGI->new(listen_sock => $listening, host => '127.0.0.1', port => 1)->run($app);
"""


@dataclass(frozen=True)
class RealDesk:
    """A running RT, and what a person does in it."""

    url: str

    async def ticket(self, ref: str) -> dict[str, Any]:
        return dict(await self._call("GET", f"/ticket/{ref}"))

    async def num_tickets(self) -> int:
        return int((await self._call("GET", "/tickets?query=id%3E0"))["total"])

    async def texts(self, ref: str) -> list[str]:
        """What stands in a ticket as its first text or a comment, oldest first."""
        asked = "fields=Content,TransactionId,ContentType&per_page=100"
        found = await self._call("GET", f"/ticket/{ref}/attachments?{asked}")
        written = await self._call("GET", f"/ticket/{ref}/history?fields=Type&per_page=100")
        shown = {one["id"] for one in written["items"] if one["Type"] in ("Create", "Comment")}
        return [one["Content"] for one in found["items"] if one["TransactionId"] in shown]

    async def reply(self, ref: str, text: str) -> None:
        """Dana answers the customer."""
        await self._call("POST", f"/ticket/{ref}/correspond", _text(text))

    async def note(self, ref: str, text: str) -> None:
        """Dana tells her colleagues something."""
        await self._call("POST", f"/ticket/{ref}/comment", _text(text))

    async def set_status(self, ref: str, status: str) -> None:
        await self._call("PUT", f"/ticket/{ref}", {"Status": status})

    async def open_ticket(self, subject: str, text: str) -> str:
        """Dana files one for somebody who has called."""
        body = {"Queue": "General", "Subject": subject, "Requestor": "kim@example.org"}
        return str((await self._call("POST", "/ticket", body | _text(text)))["id"])

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with httpx.AsyncClient(auth=(DANA, PASSWORD), timeout=PATIENCE_S) as client:
            answer = await client.request(method, f"{self.url}/REST/2.0{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()


def find_root() -> Path | None:
    """The folder under which it is installed; None where it is not."""
    roots = [Path(named)] if (named := os.environ.get("CARELINE_RT")) else [Path("/")]
    return next((root for root in roots if (root / _HOME / "lib/RT.pm").exists()), None)


@contextlib.contextmanager
def running_desk(root: Path, folder: Path) -> Iterator[RealDesk]:
    """Set one up in an empty folder and serve it for the block."""
    environment = _prepare(root, folder)
    setup = str(root / "usr/sbin/rt-setup-database-5")
    _run(environment, setup, "--action", "init", "--skip-create", "--dba", "")
    _run(environment, setup, "--action", "insert", "--datafile", str(folder / "people"))
    with subprocess.Popen(
        ["perl", "-e", _SERVE], stdout=subprocess.PIPE, text=True, env=environment
    ) as served:
        assert served.stdout is not None
        try:
            port = served.stdout.readline().strip()
            assert port.isdecimal(), "it did not start"
            yield RealDesk(f"http://127.0.0.1:{port}")
        finally:
            served.terminate()


def _prepare(root: Path, folder: Path) -> dict[str, str]:
    """Its settings, and where Perl finds it."""
    for name in ("lib/RT", "mason", "session"):
        (folder / name).mkdir(parents=True)
    known = (root / _HOME / "lib/RT/Generated.pm").read_text()
    moved = known.replace(f"'/{_HOME}", f"'{root / _HOME}")
    (folder / "lib/RT/Generated.pm").write_text(moved)
    config = folder / "RT_SiteConfig.pm"
    config.write_text(_CONFIG.replace("{folder}", str(folder)))
    people = _PEOPLE.format(password=PASSWORD, us=US, dana=DANA, rights=_RIGHTS)
    (folder / "people").write_text(people)
    version = subprocess.run(
        ["perl", "-e", "print join '.', (split /\\./, sprintf '%vd', $^V)[0, 1]"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    machine = root / f"usr/lib/{os.uname().machine}-linux-gnu"
    places = (
        folder / "lib",
        root / _HOME / "lib",
        root / "usr/share/perl5",
        machine / f"perl5/{version}",
        machine / "perl5",
    )
    return os.environ | {
        "PERL5LIB": ":".join(map(str, places)),
        "LD_LIBRARY_PATH": str(machine),
        "RT_SITE_CONFIG": str(config),
    }


def _run(environment: dict[str, str], *command: str) -> None:
    done = subprocess.run(
        ["perl", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def _text(text: str) -> dict[str, str]:
    return {"Content": text, "ContentType": "text/plain"}
