import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channels.bounces import Report, ReturnKind, read

ID = "5j2h7dkq3xv6n4mzt2ywc3bqea"
OURS = f"From: vinkki@hel.example\r\nTo: aino@post.example\r\nMessage-ID: <{ID}@vinkki.hel.example>\r\n\r\nHei\r\n"


def report(kind: str, fields: str, ours: str | None = OURS, to: str = "x@y.example") -> bytes:
    parts = ["Content-Type: text/plain\r\n\r\nYour mail could not be delivered.\r\n"]
    parts += [f"Content-Type: message/{kind}\r\n\r\n{fields}\r\n"]
    parts += [f"Content-Type: text/rfc822-headers\r\n\r\n{ours}\r\n"] if ours is not None else []
    head = f'To: {to}\r\nContent-Type: multipart/report; report-type={kind}; boundary="edge"\r\n\r\n'
    return (head + "".join(f"--edge\r\n{part}" for part in parts) + "--edge--\r\n").encode()


def dsn(status: str, action: str = "failed", **how) -> bytes:
    fields = (
        "Reporting-MTA: dns; mx.post.example\r\n\r\n"
        f"Final-Recipient: rfc822; forwarded@other.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 no\r\n"
    )
    return report("delivery-status", fields, **how)


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        ("5.1.1", "failed", ReturnKind.GONE),
        ("5.2.1", "failed", ReturnKind.GONE),
        ("5.2.2", "failed", ReturnKind.FAILED),
        ("5.7.1", "failed", ReturnKind.FAILED),
        ("4.4.7", "failed", ReturnKind.FAILED),
        ("4.2.0", "delayed", ReturnKind.DELAYED),
    ],
)
def test_a_notification_says_what_became_of_which_mail(status, action, kind):
    assert read(dsn(status, action)) == Report(ID, kind, status, "aino@post.example")


def test_where_the_mail_is_not_returned_the_address_it_came_back_to_tells_which_it_was():
    raw = dsn("5.1.1", ours=None, to=f"bounces+{ID}@vinkki.hel.example")
    assert read(raw) == Report(ID, ReturnKind.GONE, "5.1.1", "forwarded@other.example")


def test_a_complaint_is_read():
    raw = report("feedback-report", "Feedback-Type: abuse\r\nVersion: 1\r\n")
    assert read(raw) == Report(ID, ReturnKind.COMPLAINT, address="aino@post.example")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"From: a@b\r\nSubject: Out of office\r\n\r\nI am away",
        dsn("5.1.1", "delivered"),
        dsn("none"),
        dsn("5.1.1", ours=None),
        report("disposition-notification", "Disposition: displayed"),
    ],
)
def test_anything_else_is_no_report(raw):
    assert read(raw) is None


@given(st.binary(max_size=2000))
def test_no_bytes_break_it(raw):
    read(raw)
    read(b'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n--x\r\n' + raw)
