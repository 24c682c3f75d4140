import pytest

from api.vault import Vault, keys
from engine.errors import Misconfigured
from engine.settings import Settings
from tests.unit.api.test_seal import PRODUCTION

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_was_sealed_opens_for_the_same_use_and_about_the_same_alone():
    sealed = Vault([OLD], "addresses").seal(b"aino@example.org", "somebody:email")
    assert b"aino" not in sealed
    assert Vault([OLD], "addresses").open(sealed, "somebody:email") == b"aino@example.org"
    assert Vault([NEW, OLD], "addresses").open(sealed, "somebody:email") == b"aino@example.org"
    for vault, about in ((Vault([OLD], "other"), "somebody:email"), (Vault([NEW], "addresses"), "somebody:email")):
        assert vault.open(sealed, about) is None
    assert Vault([OLD], "addresses").open(sealed, "else:email") is None
    assert Vault([OLD], "addresses").open(sealed[:5], "somebody:email") is None


def test_the_demo_keeps_a_key_of_its_own_that_nobody_else_reads(tmp_path):
    settings = Settings(home=tmp_path)
    assert keys(settings) == keys(settings)
    assert (tmp_path / "messages.key").stat().st_mode & 0o077 == 0


def test_production_needs_a_key_that_is_kept(tmp_path):
    with pytest.raises(Misconfigured, match="VINKKI_MESSAGE_KEY"):
        keys(Settings(home=tmp_path, environment="production", **PRODUCTION))


@pytest.mark.parametrize("content", [b"", b"short", b"!" * 44, b"A" * 44 + b"\n" + b"A" * 10])
def test_a_file_that_holds_no_such_keys_is_refused(tmp_path, content):
    path = tmp_path / "keys"
    path.write_bytes(content)
    with pytest.raises(Misconfigured):
        keys(Settings(message_key=path))
    with pytest.raises(Misconfigured, match="cannot be read"):
        keys(Settings(message_key=tmp_path / "none"))
