"""Messages: written, checked, rendered once, filled for each person; nothing of a person can get in another way."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import checking, sms
from campaigns.cards import Card
from campaigns.message import CHANNELS, LANGUAGES, LONGEST_BODY, Fallback, Form, Message, Picks, Text
from campaigns.sample import MadeUp, offers, preview

STOP = "https://vinkki.example/stop/abc?a=1&b=2"
BODY = "<h2>Hei</h2>\n<p>Kurssit alkavat.</p>"


def message(body: str = BODY, **more) -> Message:
    texts = {code: Text(subject="Kurssit", preheader="Nyt", body=body, short="Kurssit alkavat") for code in LANGUAGES}
    return Message(texts=texts, **more)


def said(body: str) -> list[tuple[int | None, str]]:
    found = checking.faults(Message(texts={"fi": Text(body=body)}), ("fi",), ("email",))
    return [(fault.line, fault.says) for fault in found]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", CHANNELS)
def test_the_why_and_the_stop_link_are_always_there_in_every_channel_and_language(channel, language):
    form = Form.of(message(picks=Picks()), language, channel, offers(1))
    rendered = form.fill(stop=STOP, why="Pyysit tätä", picks=[Card("o:1", "Uinti")])
    assert STOP in rendered.text
    assert "Pyysit tätä" in rendered.text
    if rendered.html is not None:
        assert 'href="https://vinkki.example/stop/abc?a=1&amp;b=2"' in rendered.html
        assert "Pyysit tätä" in rendered.html
        assert f'lang="{language}"' in rendered.html
    assert (rendered.html is None) == (channel in ("sms", "push"))


@pytest.mark.parametrize("hidden", ["{{ stop }}", "<p>{% if language == 'fi' %}{{ why }}{% endif %}</p>"])
def test_what_an_author_places_is_not_placed_twice_but_a_link_stays_a_link(hidden):
    form = Form.of(message(BODY + hidden), "fi", "email", ())
    rendered = form.fill(stop=STOP, why="Pyysit tätä")
    assert rendered.html.count("Pyysit tätä") == 1
    assert rendered.html.count("href=") == 1


def test_blocks_stand_where_they_are_placed():
    its = message("<p>A</p>{{ picks }}<p>B</p>{{ offers }}<p>C</p><a href='{{ stop }}'>Lopeta nämä</a>", picks=Picks())
    text = Form.of(its, "fi", "inbox", offers(1)).fill(stop=STOP, why="Miksi", picks=[Card("o", "Oma")]).text
    order = [text.index(word) for word in ("A", "Oma", "B\n", "Satutunti", "C\n", "Lopeta nämä: " + STOP)]
    assert order == sorted(order)
    loop = "{% for offer in offers %}<p>{{ loop.index }}. {{ offer.name }}</p>{% endfor %}"
    assert Form.of(message(loop), "sv", "inbox", offers(2)).fill(stop=STOP, why="").text.count("Sagostund") == 1


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_value_holds_it_stays_text(value, why):
    its = message("<p>{{ data.room }}</p>", data=("room",))
    rendered = Form.of(its, "fi", "inbox", ()).fill(
        stop=STOP, why=why, data={"room": value}, picks=[Card("o", value, url=STOP, why=why or "y")]
    )
    bare = Form.of(its, "fi", "inbox", ()).fill(
        stop=STOP, why="", data={"room": ""}, picks=[Card("o", "", url=STOP, why="y")]
    )
    assert tags(rendered.html) == tags(bare.html)


def tags(html: str) -> list[str]:
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: found.append(tag)
    parser.feed(html)
    return found


def test_a_value_cannot_break_out_of_its_place():
    evil = '"><script>x</script>\ue000{{ stop }}'
    its = message('<p>{{ data.room }} <a href="{{ stop }}">Lopeta tämä</a></p>', data=("room",))
    html = Form.of(its, "fi", "email", ()).fill(stop=evil, why=evil, data={"room": evil}).html
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert STOP not in html


def test_offers_of_sources_are_escaped_and_their_links_are_https():
    offer = offers(1)[0]
    evil = type(offer)(
        id="x", source="x", kind=offer.kind, name=type(offer.name)("<b>x"), link=type(offer.name)("javascript:1")
    )
    html = Form.of(message(), "fi", "email", [evil]).fill(stop=STOP, why="").html
    assert "&lt;b&gt;x" in html
    assert "javascript" not in html


@pytest.mark.parametrize(
    ("body", "line", "word"),
    [
        ("<p>a</p>\n{{ name }}", 2, "`name`"),
        ("<p>a</p>\n\n{% if x", 3, "cannot be read"),
        ("{% for a in offers %}\n{{ a.colour }}{% endfor %}", 2, "`colour`"),
        ("{% for a in offers %}{% for b in offers %}{% endfor %}{% endfor %}", 1, "none within it"),
        ("{% for a in language %}{% endfor %}", 1, "Only one loop"),
        ("{% set a = 1 %}", 1, "assign"),
        ("{% include 'email.html' %}", 1, "include"),
        ("{{ range(100000) }}", 1, "call"),
        ("{{ 9 ** 999999 }}", 1, "pow"),
        ("{{ stop.__class__ }}", 1, "unsafe"),
        ("{{ why|attr('x') }}", 1, "filter `attr`"),
        ("{{ data.room }}", 1, "room"),
        ("a\ue000", 1, "private use"),
        ("{{ offers.count }}", 1, "unsafe"),
        ("{% if language %}" * 900 + "{% endif %}" * 900, None, "nested too deeply"),
        ("{{ " + "not " * 4000 + "language }}", None, "nested too deeply"),
        ("{{ " + "(" * 4000 + "language" + ")" * 4000 + " }}", None, "nested too deeply"),
    ],
)
def test_a_template_that_cannot_work_is_told_with_its_line_and_variable(body, line, word):
    ((at, says), *_) = said(body)
    assert at == line
    assert word in says


@pytest.mark.parametrize(
    ("body", "line", "word"),
    [
        ("<p>a\n<b>x</b></p>", 2, "<b>"),
        ("<p style='color: red'>a</p>", 1, "`style`"),
        ("<p onclick='x()'>a</p>", 1, "`onclick`"),
        ("<h3>a</h3>", 1, "<h2> is due"),
        ("<p>a", 1, "not closed"),
        ("<p>a</strong></p>", 1, "closes what is not open"),
        ("<a href='https://hel.fi/x'></a>", 1, "needs words"),
        ("<a href='https://hel.fi/x'>Klikkaa tästä!</a>", 1, "says nothing"),
        ("<a href='http://hel.fi/x'>Uinti</a>", 1, "none of https"),
        ("<a href='/x'>Uinti</a>", 1, "none of https"),
        ("<a href='https://hel.fi/\n'>Uinti</a>", 1, "none of https"),
        ("<a href='https://[x'>Uinti</a>", 1, "none of https"),
        ("<img src='https://hel.fi/x.png'>", 1, "needs `alt`"),
        ("<img src='http://hel.fi/x.png' alt=''>", 1, "none of https"),
        ("<img src='https://hel.fi/x.png' alt='' width='4000'>", 1, "1200 at most"),
        ("<img src='https://hel.fi/x.png' alt=''>" * 11, 1, "10 pictures"),
        (f"<img alt='' src='data:image/png;base64,{'A' * 10_000}'>", 1, "10,022 characters"),
        ("<!-- x -->", 1, "comments"),
        ("<!doctype html>", 1, "declaration"),
        ("<p>a</p>\n<p>1 < 2</p>", 2, "&lt;"),
        ("<p>a</p>\n<p", 2, "&lt;"),
        ("<p>{{ picks }}</p>", None, "between paragraphs"),
        ("<img src='https://hel.fi/a.png' alt='{{ offers }}'>", None, "within a tag"),
        ("{% for a in offers %}<a href='{{ a.url }}'>{{ a.name }}</a>{% endfor %}", None, "“”"),
        ("<a href='{{ why }}'>Uinti</a>", None, "none of https"),
        ("<a href='https://a.{{ why }}/'>Uinti</a>", 1, "none of https"),
        ("{{ '<b>' }}<u>", 1, "<u>"),
    ],
)
def test_html_that_would_not_do_is_told_with_its_line(body, line, word):
    ((at, says), *_) = said(body)
    assert at == line
    assert word in says


def test_an_address_is_never_given_by_a_caller():
    its = Message(texts={"fi": Text(body="<a href='{{ data.url }}'>Varaus</a>")}, data=("url",))
    assert "none of https" in str(checking.faults(its, ("fi",), ("email",))[0])


@pytest.mark.parametrize(
    "piece", ["<!--", "<a ", "<p", "{{", "<!", "&#", "<![CDATA[", "</", "{% if language %}", "<a href='"]
)
def test_no_text_takes_long_to_look_at(piece):
    began = time.process_time()
    said(piece * (LONGEST_BODY // len(piece)))
    assert time.process_time() - began < 1


def test_good_html_is_good():
    body = (
        '<h2>A</h2><ul><li>x</li></ul><p><a href="mailto:a@hel.fi">Kirjoita meille</a> <a href="{{ stop }}">Lopeta</a>'
    )
    assert (
        said(body + '<img src="https://hel.fi/a.png" alt="" width="600"><br>a</p>{% if language == "fi" %}b{% endif %}')
        == []
    )


@pytest.mark.parametrize(
    "subject",
    ["a\nb", "a\rBcc: x@y.fi", "a\u2028b", "a\x00b", "{{ why }}", "{{ 'a\\nb' }}", "x" * 149 + "{{ language }}"],
)
def test_a_subject_is_one_line_for_everybody(subject):
    found = checking.faults(Message(texts={"fi": Text(subject=subject)}), ("fi",), ("email",))
    assert [fault.where for fault in found] == ["message.texts.fi.subject"]


def test_what_is_missing_is_told_language_by_language():
    its = Message(texts={"fi": Text(subject="a", body="b"), "sv": Text(subject="a")})
    found = [
        fault.where.removeprefix("message.texts.")
        for fault in checking.missing(its, ("fi", "sv", "en"), ("email", "sms"))
    ]
    assert found == ["fi.short", "sv.body", "sv.short", "en.subject", "en.body", "en.short"]
    assert [fault.where for fault in checking.faults(its, ("fi",), ("email",))] == ["message.texts.sv"]


@pytest.mark.parametrize(
    ("text", "alphabet", "parts"),
    [
        ("a" * 160, "gsm7", 1),
        ("ä" * 161, "gsm7", 2),
        ("€" * 80, "gsm7", 1),
        ("€" * 81, "gsm7", 2),
        ("a" * 152 + "€" + "b" * 152, "gsm7", 3),
        ("ш" * 70, "ucs2", 1),
        ("ш" * 71, "ucs2", 2),
        ("😀" * 35, "ucs2", 1),
        ("😀" * 67, "ucs2", 3),
        ("", "gsm7", 1),
    ],
)
def test_a_text_message_is_measured_as_networks_do(text, alphabet, parts):
    size = sms.measure(text, 0.05)
    assert (size.alphabet, size.parts, size.cost) == (alphabet, parts, pytest.approx(parts * 0.05))


def test_an_sms_of_too_many_parts_is_refused():
    its = Message(texts={"fi": Text(short="ш" * 500)})
    assert [fault.where for fault in checking.faults(its, ("fi",), ("sms",))] == ["message.texts.fi.short"]


@pytest.mark.parametrize("fallback", list(Fallback))
def test_who_has_nothing_to_pick_gets_what_the_fallback_says(fallback):
    its = message(picks=Picks(fallback=fallback, n=2))
    new, known = preview(its, [MadeUp.NEWCOMER, MadeUp.FAMILY], ["inbox"], ["en"], ())
    assert known.rendered.text.count("\n- ") == 2
    told = {Fallback.POPULAR: 2, Fallback.LEAVE_OUT: 0}
    if fallback is Fallback.SKIP:
        assert new.rendered is None
    else:
        assert new.rendered.text.count("\n- ") == told[fallback]


def test_a_mail_has_what_clients_need():
    html = Form.of(message(), "ar", "email", offers(2)).fill(stop=STOP, why="").html
    for part in ('dir="rtl"', 'role="presentation"', "prefers-color-scheme: dark", 'name="color-scheme"', "[if mso]"):
        assert part in html
    assert html.count("<table") == html.count('role="presentation"')
    assert 'style="' in html.split('class="vk-offer"')[1][:20]
    assert len(html.encode()) < 102_000  # where a common client cuts a mail off
