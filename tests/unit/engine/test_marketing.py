"""Marketing: every topic on every channel is a purpose of its own, declared in full from one file an edition."""

import shutil
from itertools import product

import pytest

from engine.consent import NOTICES, Purpose, Register
from engine.marketing import CHANNELS, TOPICS


def test_every_topic_on_every_channel_is_a_purpose_that_stands_on_consent():
    declared = {d.id: d for d in Register.read().declarations}
    for topic, channel in product(TOPICS, CHANNELS):
        declaration = declared[Purpose(f"marketing_{topic}_{channel}")]
        assert (declaration.topic, declaration.channel, declaration.basis) == (topic, channel, "consent")
        assert declaration.id.marketing
    assert sum(purpose.marketing for purpose in Purpose) == len(TOPICS) * len(CHANNELS) == 28


def test_a_notice_says_what_about_how_and_how_to_end_it():
    notice = Register.read().declaration("marketing_library_sms").notice
    assert notice.title.en == "News from the library: text message"
    assert notice.text.en.startswith("We tell you of the library's events")
    assert "come to your phone" in notice.text.en
    assert notice.text.en.endswith("You can withdraw your consent at any time.")


@pytest.mark.parametrize(("widens", "least"), [("true", 2), ("false", 1)])
def test_a_newer_edition_is_in_force_and_the_older_one_stays_readable(tmp_path, widens, least):
    folder = shutil.copytree(NOTICES, tmp_path / "notices")
    first = (folder / "marketing" / "1.toml").read_text("utf-8")
    newer = f"widens = {widens}\n" + first.replace("News from the library", "Library news")
    (folder / "marketing" / "2.toml").write_text(newer, "utf-8")
    declaration = Register.read(folder).declaration("marketing_library_email")
    assert (declaration.notice.version, declaration.least) == (2, least)
    assert declaration.notice.title.en == "Library news: e-mail"
    assert declaration.wording(1).title.en == "News from the library: e-mail"
