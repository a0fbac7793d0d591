"""Which base is which."""

from __future__ import annotations

from pathlib import Path

from capture.adapters import base_sha256, sha256


def test_a_base_of_one_file_has_that_files_hash(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"the base")
    assert base_sha256(tmp_path) == sha256(tmp_path / "model.safetensors")


def test_a_base_of_several_files_is_told_by_all_of_them(tmp_path: Path) -> None:
    first, second = (tmp_path / f"model-0000{n}-of-00002.safetensors" for n in (1, 2))
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    before = base_sha256(tmp_path)
    assert before is not None
    second.write_bytes(b"changed")
    assert base_sha256(tmp_path) not in (before, None)
    second.write_bytes(b"first")
    first.write_bytes(b"second")
    assert base_sha256(tmp_path) != before


def test_a_directory_without_weights_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "adapters.safetensors").write_bytes(b"no base")
    assert base_sha256(tmp_path) is None
    assert base_sha256(tmp_path / "nowhere") is None
