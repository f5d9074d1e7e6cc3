"""Secrets at rest: sealed with the newest key, opened with the key they name."""

import pytest

from lcm_core.security.envelope import Envelope, SecretUnreadable


def test_a_secret_survives_the_rotation_of_the_key() -> None:
    sealed = Envelope.parse("k1:first").seal("token")
    rotated = Envelope.parse("k2:second,k1:first")
    assert rotated.open(sealed) == "token"
    assert rotated.seal("token").startswith("k2:")
    assert "token" not in sealed


def test_two_seals_of_one_secret_differ() -> None:
    envelope = Envelope.parse("k1:first")
    assert envelope.seal("token") != envelope.seal("token")


def test_a_secret_of_an_unknown_key_is_refused_by_the_keys_name() -> None:
    with pytest.raises(SecretUnreadable, match="'k1'"):
        Envelope.parse("k2:second").open(Envelope.parse("k1:first").seal("token"))


def test_a_changed_secret_does_not_open() -> None:
    envelope = Envelope.parse("k1:first")
    sealed = envelope.seal("token")
    with pytest.raises(SecretUnreadable):
        envelope.open(sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1])


@pytest.mark.parametrize("text", ["", "nokey", ":secret", "k1:"])
def test_a_malformed_ring_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Envelope.parse(text)
