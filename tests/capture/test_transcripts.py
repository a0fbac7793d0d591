"""Reading transcripts: on from where an earlier request ended, and to the same names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from capture.conversations import Known, know, names, replied
from capture.store.links import Links
from capture.transcripts import Memory, Transcripts, split

ROLES = ("user", "assistant", "tool", "system")
talks = st.lists(st.tuples(st.sampled_from(ROLES), st.sampled_from("ab")), max_size=30)


class Said:
    """The messages of a store: sixteen bytes name each, and are all there is to it."""

    def __init__(self) -> None:
        self.asked_for: list[bytes] = []

    def messages(self, ids: Collection[bytes]) -> dict[bytes, Mapping[str, Any]]:
        self.asked_for += ids
        return {id_: plain(id_) for id_ in ids}


def id_of(role: str, text: str) -> bytes:
    return f"{role}:{text}".ljust(16).encode()


def plain(id_: bytes) -> dict[str, Any]:
    role, text = id_.decode().strip().split(":")
    return {"role": role, "content": [{"kind": "text", "text": text}]}


def joined(talk: Sequence[tuple[str, str]]) -> bytes:
    return b"".join(id_of(role, text) for role, text in talk)


def known(talk: Sequence[tuple[str, str]]) -> list[Known]:
    return [know(plain(id_of(role, text))) for role, text in talk]


def transcripts() -> tuple[Transcripts, Said]:
    said = Said()
    return Transcripts(Memory(cast("Links", said)), size=6), said


@given(st.lists(st.tuples(talks, st.integers(0, 30)), min_size=1, max_size=6))
def test_a_transcript_has_the_name_it_has_when_read_whole_whatever_was_read_before(
    read: list[tuple[list[tuple[str, str]], int]],
) -> None:
    reading, _ = transcripts()
    for talk, cut in read:
        for part in (talk[:cut], talk):
            found = reading.read("laptop", joined(part))
            ends = replied(known(part))
            whole = names("laptop", known(part), (*ends[:1], len(part)))
            assert found.name.digest() == whole[len(part)]
            assert found.continues == (whole[ends[0]] if ends else b"")
            assert found.start == (ends[0] if ends else 0)
            assert list(found.known) == known(part)
            assert list(found.ids) == split(joined(part))


def test_what_two_keys_say_has_two_names() -> None:
    reading, _ = transcripts()
    asked = joined([("user", "a"), ("assistant", "b")])
    assert reading.read("laptop", asked).continues != reading.read("phone", asked).continues


def test_what_a_request_repeats_is_looked_up_once() -> None:
    reading, said = transcripts()
    talk = [("user", f"ask {number}") for number in range(40)]
    for end in range(1, len(talk) + 1):
        reading.read("laptop", joined(talk[:end]))
    assert len(said.asked_for) == len(talk)


def test_looking_ahead_finds_all_that_a_request_adds_and_looks_no_further_back() -> None:
    reading, said = transcripts()
    talk = [(role, f"{number}") for number in range(30) for role in ("user", "assistant")]
    reading.read("laptop", joined(talk[:-2]))
    added = [*talk[-2:], ("tool", "again"), ("user", "go on")]
    said.asked_for.clear()
    reading.ahead([joined([*talk[:-2], *added])], [id_of("assistant", "done")])
    assert sorted(said.asked_for) == sorted(
        [id_of(*each) for each in added] + [id_of("assistant", "done")]
    )
    reading.read("laptop", joined([*talk[:-2], *added]))
    assert len(said.asked_for) == len(added) + 1


def test_a_message_is_read_whole_however_many_were_read_since() -> None:
    memory = Memory(cast("Links", Said()))
    ids = [id_of("user", f"ask {number}") for number in range(2000)]
    for start in range(0, len(ids), 300):
        memory.whole(ids[start : start + 300])
    asked = [ids[0], ids[-1], ids[1000], ids[0]]
    assert [said.text for said in memory.whole(asked)] == ["ask 0", "ask 1999", "ask 1000", "ask 0"]


def test_messages_that_were_read_lately_are_remembered_whole_and_no_more_than_so_much() -> None:
    said = Said()
    memory = Memory(cast("Links", said), characters=20_000)
    ids = [id_of("user", f"ask {number}") for number in range(200)]
    for id_ in ids:
        memory.whole([id_, ids[0]])
    assert said.asked_for.count(ids[0]) == 1
    memory.whole(ids[-9:])
    assert len(said.asked_for) == len(ids)
    memory.whole([ids[1]])
    assert len(said.asked_for) == len(ids) + 1
