"""SOUL.md in the system prompt of what trains."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from capture.exports import WITH_SOUL, Format, Source, write_export
from capture.pairs import Pair
from capture.soul import MOST_BYTES, How, Soul, SoulError, read_soul
from tests.support.turns import REDACTOR, says, turn

KIND = "You are Ada, and kind."
PREPEND, REPLACE = Soul(KIND, "prepend"), Soul(KIND, "replace")


def system(content: Any, role: str = "system") -> dict[str, Any]:
    return {"role": role, "content": content}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@pytest.mark.parametrize(
    ("messages", "prepended", "replaced"),
    [
        ([user("Hi")], [system(KIND), user("Hi")], [system(KIND), user("Hi")]),
        (
            [system("Use tools."), user("Hi")],
            [system(f"{KIND}\n\nUse tools."), user("Hi")],
            [system(KIND), user("Hi")],
        ),
        (
            [system("One.", "developer"), system("Two."), user("Hi"), system("Late.")],
            [system(f"{KIND}\n\nOne.", "developer"), system("Two."), user("Hi"), system("Late.")],
            [system(KIND), user("Hi"), system("Late.")],
        ),
        (
            [system([{"type": "text", "text": "Use tools."}])],
            [
                system(
                    [
                        {"type": "text", "text": f"{KIND}\n\n"},
                        {"type": "text", "text": "Use tools."},
                    ]
                )
            ],
            [system(KIND)],
        ),
        ([system(None)], [system(KIND)], [system(KIND)]),
    ],
)
def test_the_soul_stands_before_what_the_client_says_or_in_its_place(
    messages: list[Any], prepended: list[Any], replaced: list[Any]
) -> None:
    assert PREPEND.before(messages) == prepended
    assert PREPEND.before(prepended) == prepended
    assert REPLACE.before(messages) == replaced
    assert REPLACE.before(replaced) == replaced


def test_a_prompt_that_has_the_soul_already_stays_as_it_is() -> None:
    """As an agent's does that reads SOUL.md itself."""
    for content in (f"{KIND}\n\n# Tools\nNone.", [{"type": "text", "text": f"Hello. {KIND}"}]):
        messages = [system("First."), system(content), user("Hi")]
        assert PREPEND.before(messages) == messages


def test_what_is_no_list_of_messages_stays_as_it_is() -> None:
    odd = turn("a", request={"messages": "Hi"})
    assert PREPEND.given(odd) is odd


def test_a_soul_is_read_redacted_and_named_by_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "SOUL.md"
    path.write_bytes(b"\xef\xbb\xbf\n Log in with ghp_" + b"a1B2" * 9 + b".\n\n")
    soul = read_soul(path, REDACTOR, "replace")
    assert soul is not None
    assert soul.text.startswith("Log in with [redacted:")
    assert soul.text.endswith("].")
    digest = hashlib.sha256(soul.text.encode()).hexdigest()
    assert (soul.mark.how, soul.mark.sha256) == ("replace", digest)


def test_there_is_no_soul_without_a_file_or_text_or_when_it_is_off(tmp_path: Path) -> None:
    path = tmp_path / "SOUL.md"
    assert read_soul(path, REDACTOR, "prepend") is None
    path.write_text(" \n")
    assert read_soul(path, REDACTOR, "prepend") is None
    path.write_text(KIND)
    assert read_soul(path, REDACTOR, "off") is None
    assert read_soul(path, REDACTOR, "prepend") == PREPEND


@pytest.mark.parametrize(
    ("data", "why"), [(b"x" * (MOST_BYTES + 1), "larger than 64 KiB"), (b"caf\xe9 ", "not UTF-8")]
)
def test_a_soul_that_cannot_be_taken_is_said_and_not_cut(
    data: bytes, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "SOUL.md"
    path.write_bytes(data)
    with pytest.raises(SoulError, match=why):
        read_soul(path, REDACTOR, "prepend")


@pytest.mark.parametrize("how", ["prepend", "replace"])
@pytest.mark.parametrize("format", [*WITH_SOUL, Format.SHAREGPT, Format.REWARDS])
def test_formats_that_train_on_requests_have_the_soul_and_their_manifest_names_it(
    format: Format, how: How, tmp_path: Path
) -> None:
    asked = turn("a", request={"messages": [system("Use tools."), user("Hi")]}, reply=says("Hello"))
    other = turn("b", request=asked.request, reply=says("Go away"))
    soul = Soul(KIND, how)
    source = Source([asked], REDACTOR, pairs=[Pair(asked, other, "outcome")], soul=soul)
    written = write_export(source, format, tmp_path, "0")
    text = (tmp_path / written.file).read_text()
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    if format not in WITH_SOUL:
        assert KIND not in text
        assert manifest["soul"] is None
        return
    row = json.loads(text)
    first = (row.get("prompt") or row["messages"])[0]
    assert first["content"] == (KIND if how == "replace" else f"{KIND}\n\nUse tools.")
    assert manifest["soul"] == {"how": how, "sha256": soul.mark.sha256}
