import hmac
from html import escape, unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.measured_links import LinkForeign, MeasuredLinks

MESSAGE = "abcdefghijklmnopqrstuvwxyz"


def links(key=b"a key") -> MeasuredLinks:
    return MeasuredLinks(
        lambda content, about: hmac.digest(key, about.encode() + content, "sha256"), "https://v.example/"
    )


def parts(html):
    """The message, the mark and the address of the one link in some HTML."""
    split = urlsplit(unescape(html.partition('href="')[2].partition('"')[0]))
    _, _, message, mark = split.path.split("/")
    return message, mark, parse_qs(split.query, keep_blank_values=True, strict_parsing=True)["to"][0]


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters='"<>'), max_size=50))
def test_a_measured_link_leads_where_the_plain_one_led(rest):
    its, to = links(), f"https://hel.example/{rest}"
    html = its.measure(f'<p><a style="x" href="{escape(to)}">Uutisia</a></p>', MESSAGE)
    message, mark, found = parts(html)
    assert (message, found) == (MESSAGE, to)
    assert its.read(mark, found) == to
    assert html.endswith(">Uutisia</a></p>")


def test_links_to_the_house_and_other_schemes_stay_as_they_are():
    html = '<a href="https://v.example/stop/x">s</a><a href="mailto:a@b.example">m</a><a href="tel:123">t</a><img src="https://p.example/x.png">'
    assert links().measure(html, MESSAGE) == html


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "javascript:alert(1)", "", "//evil.example", "http://hel.example/a"]
)
def test_nobody_can_have_the_house_lead_elsewhere(to):
    _, mark, _ = parts(links().measure('<a href="https://hel.example/a">x</a>', MESSAGE))
    with pytest.raises(LinkForeign):
        links().read(mark, to)


def test_another_house_has_other_marks():
    _, mark, to = parts(links().measure('<a href="https://hel.example/a">x</a>', MESSAGE))
    with pytest.raises(LinkForeign):
        links(b"another key").read(mark, to)


def test_what_is_kept_of_links_is_bounded():
    its = links()
    for number in range(10_500):
        its.measure(f'<a href="https://hel.example/{number}">x</a>', MESSAGE)
    assert len(its._known) <= 10_000
