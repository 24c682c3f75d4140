import re
from datetime import UTC, datetime
from email import message_from_bytes, policy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channels import Note
from campaigns.channels.mime import Mail, Unmailable

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MAIL = Mail("Helsingin kaupunki, Länsisatama", "vinkki@hel.example", "vinkki.hel.example")


class Said(msgspec.Struct, frozen=True):
    subject: str = "Uudet kurssit"
    text: str = "Hei!\nTervetuloa.\n"
    html: str | None = "<p>Hei!</p>"


def note(to="aino@post.example", stop="https://vinkki.example/stop/abc", **said) -> Note:
    return Note("a" * 26, to, Said(**said), stop, "new_courses", "fi")


def parsed(raw: bytes):
    return message_from_bytes(raw, policy=policy.default)


def test_a_mail_carries_what_a_list_must():
    mail = parsed(MAIL.write(note(), NOW))
    assert mail["Message-ID"] == f"<{'a' * 26}@vinkki.hel.example>"
    assert mail["List-Unsubscribe"] == "<https://vinkki.example/stop/abc>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Id"] == "<new-courses.vinkki.hel.example>"
    assert mail["Date"].datetime == NOW
    assert mail["From"].addresses[0].display_name == "Helsingin kaupunki, Länsisatama"
    assert mail["To"] == "aino@post.example"
    assert MAIL.sender(note()) == b"bounces+" + b"a" * 26 + b"@vinkki.hel.example"


def test_the_same_note_is_the_same_mail_however_often_it_is_written():
    assert MAIL.write(note(), NOW) == MAIL.write(note(), NOW)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")))
def test_any_text_comes_out_as_it_went_in_and_no_line_is_long_or_begins_with_a_dot(text):
    raw = MAIL.write(note(text=text, html=text), NOW)
    plain, html = parsed(raw).iter_parts()
    for part in (plain, html):
        assert part.get_payload(decode=True).decode() == text.replace("\n", "\r\n")
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(line.startswith(b".") or b"\n" in line or b"\r" in line for line in lines)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=150))
def test_any_subject_comes_out_as_it_went_in(subject):
    raw = MAIL.write(note(subject=subject), NOW)
    assert all(re.match(rb"[!-9;-~]+:|[ \t]", line) for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))
    if subject == " ".join(subject.split()):
        assert parsed(raw)["Subject"] == subject


@pytest.mark.parametrize("evil", ["Hei\r\nBcc: all@post.example", "Hei\nX: y", "Hei\x00", "Hei\u2028X: y", "Hei\rX: y"])
def test_a_subject_or_link_that_would_begin_a_header_makes_no_mail(evil):
    with pytest.raises(Unmailable):
        MAIL.write(note(subject=evil), NOW)
    with pytest.raises(Unmailable):
        MAIL.write(note(stop=f"https://x/{evil}"), NOW)


@pytest.mark.parametrize(
    "to",
    ["", "aino", "a@b>\r\nRCPT TO:<c@d", "a b@c", "a@b c", "<a@b>", "ä@b.example", "a" * 250 + "@b.example", "a@b\n"],
)
def test_what_is_no_address_is_none(to):
    with pytest.raises(Unmailable):
        MAIL.address(note(to=to))


def test_without_html_it_is_one_part_of_text():
    mail = parsed(MAIL.write(note(html=None), NOW))
    assert mail.get_content_type() == "text/plain"
    assert mail.get_payload(decode=True) == b"Hei!\r\nTervetuloa.\r\n"
