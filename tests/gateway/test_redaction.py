"""The household's redactor: its level is a setting, its salt is made once and guarded."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.redaction import SaltError, redactor, salt
from gateway.settings import CaptureSettings, Settings


def test_a_salt_is_made_once_for_its_owner_alone_and_never_shown(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    before = os.umask(0)
    try:
        first = salt(home)
    finally:
        os.umask(before)
    assert len(first) == 32
    assert salt(home) == first
    assert home.salt.stat().st_mode & 0o777 == 0o600
    assert home.mode_problems() == () or all(p.found is None for p in home.mode_problems())
    assert salt(Home(tmp_path / "other")) != first
    assert first.hex() not in repr(redactor(home, Settings()))


def test_starts_at_once_make_one_salt(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(salt, [home] * 16))) == 1


@pytest.mark.parametrize("kept", ["", "zz", "00" * 31, "00" * 33, "\u00e9"])
def test_a_file_that_is_no_salt_is_an_error_and_is_left_alone(tmp_path: Path, kept: str) -> None:
    home = Home(tmp_path)
    home.salt.write_text(kept)
    with pytest.raises(SaltError, match="is no salt"):
        salt(home)
    assert home.salt.read_text() == kept


def test_secrets_are_redacted_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert redactor(home, Settings()).level == "secrets"
    for level in ("off", "all"):
        settings = Settings(capture=CaptureSettings(redact=level))
        assert redactor(home, settings).level == level
