"""Mail over TLS and with a log-in, to a server that insists on both."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.embedded.home import free_port
from campaigns.channels import Accepted, Busy
from campaigns.channels.mail import MailChannel
from campaigns.channels.smtp import Server
from tests.unit.campaigns.test_mail import NOW, note
from tests.unit.campaigns.test_mime import MAIL


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


class Keeper:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _, session, envelope):  # noqa: ARG002, N802 - the library's name
        self.mails.append((session.ssl is not None, session.authenticated))
        return "250 fine"


def let_in(_, __, ___, ____, data):
    return AuthResult(success=(data.login, data.password) == (b"vinkki", b"s:cret"))


@pytest.mark.parametrize("kind", ["smtps", "smtp+starttls"])
@pytest.mark.parametrize(
    ("secret", "trusted", "outcome"), [("s:cret", True, Accepted()), ("no", True, None), ("s:cret", False, None)]
)
async def test_mail_goes_encrypted_with_a_log_in_to_a_trusted_server_or_not_at_all(
    kind, secret, trusted, outcome, certificate
):
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(certificate)
    keeper, port = Keeper(), free_port()
    how = {"ssl_context": theirs} if kind == "smtps" else {"tls_context": theirs, "require_starttls": True}
    server = Controller(
        keeper, "127.0.0.1", port, authenticator=let_in, auth_required=True, auth_require_tls=kind != "smtps", **how
    )
    server.start()
    ours = ssl.create_default_context(cafile=certificate if trusted else None)
    starttls = kind != "smtps"
    its = MailChannel(
        Server("127.0.0.1", port, not starttls, starttls, "vinkki", secret, 2.0, ours), MAIL, lambda: NOW, connections=2
    )
    try:
        outcomes = await its.deliver([note(n) for n in range(10)])
        if outcome is not None:
            assert outcomes == [outcome] * 10
            assert set(keeper.mails) == {(starttls, True)}  # it does not call TLS from the start a session's

            assert len(keeper.mails) == 10
        else:
            assert {type(its) for its in outcomes} == {Busy}
            assert keeper.mails == []
    finally:
        await its.close()
        server.stop()
