from __future__ import annotations

import hashlib
import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys import KeysError, create_key, hash_key, load_keys, revoke_key


def test_a_key_is_256_random_bits_kept_only_as_a_hash(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = create_key(path, "hermes", now=1763712000.0)
    assert re.fullmatch(r"mjd_[A-Za-z0-9_-]{43}", key)
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {
        "version": 1,
        "keys": [
            {
                "name": "hermes",
                "sha256": hashlib.sha256(key.encode()).hexdigest(),
                "created_at": 1763712000.0,
            }
        ],
    }
    (entry,) = load_keys(path)
    assert (entry.name, entry.sha256) == ("hermes", hash_key(key))


def test_no_file_means_no_keys(tmp_path: Path) -> None:
    assert load_keys(tmp_path / "keys.json") == ()


def test_two_keys_are_different_and_one_name_is_one_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert create_key(path, "a", now=0) != create_key(path, "b", now=0)
    with pytest.raises(KeysError, match="revoke it first"):
        create_key(path, "a", now=0)
    assert [entry.name for entry in load_keys(path)] == ["a", "b"]


@pytest.mark.parametrize("name", ["", "Hermes", "a b", "../x", "x" * 65, "é", "-a", "a\n"])
def test_a_name_that_rules_could_not_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeysError, match="no name for a key"):
        create_key(tmp_path / "keys.json", name, now=0)
    assert load_keys(tmp_path / "keys.json") == ()


def test_a_revoked_key_is_gone_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    create_key(path, "a", now=0)
    create_key(path, "b", now=0)
    assert revoke_key(path, "a").name == "a"
    assert [entry.name for entry in load_keys(path)] == ["b"]
    with pytest.raises(KeysError, match="there are: b"):
        revoke_key(path, "a")


def test_commands_at_once_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(create_key, path, f"k{n}", now=0) for n in range(24)]
    assert len({future.result() for future in made}) == 24
    assert {entry.name for entry in load_keys(path)} == {f"k{n}" for n in range(24)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"version": 2, "keys": []}',
        '{"version": 1, "keys": [{"name": "a", "sha256": "short", "created_at": 0}]}',
        '{"version": 1, "keys": [], "more": 1}',
        '{"version": 1, "keys": [{"name": "a"}]}',
    ],
)
def test_a_broken_file_is_an_error_and_never_an_empty_ring(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(KeysError, match=r"keys\.json is not a keys file"):
        load_keys(path)


@given(st.text())
def test_any_text_can_be_hashed(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", hash_key(text))
