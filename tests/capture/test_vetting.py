"""What is held, what lifts it, and what a conversation that read something carries on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.anomalies import Flag, Sample
from capture.feedback import Feedback
from capture.holds import FINAL, Hold
from capture.provenance import Trust
from capture.replies import read_message
from capture.store.samples import samples
from capture.store.vetter import kept_for
from capture.store.vetting import Vetting, vetting_of
from tests.support.browsing import Json, read_by, says, user
from tests.support.histories import QUIET, memory_store, put
from tests.support.sayings import said

WEB = tuple(read_by("web_search", "Sunny."))


class Seen(NamedTuple):
    """An exchange, as `tests.support.histories` puts it there."""

    id: str
    messages: Iterable[Json]
    changes: dict[str, Any]


def seen(id_: str, messages: Iterable[Json] = QUIET, **changes: Any) -> Seen:
    return Seen(id_, messages, changes)


def word(train: bool | None = True, **changes: Any) -> Feedback:
    return said("0" * 26, value=None, train=train, **changes)


@pytest.fixture(name="vetted")
def vetted_store() -> Iterator[Callable[..., Vetting]]:
    """Puts exchanges into a store each time, and vets all of it."""
    with ExitStack() as stores:

        def vetted(
            *exchanges: Seen, flags: Mapping[str, Sequence[Flag]] | None = None, **rules: Any
        ) -> Vetting:
            connection = stores.enter_context(holding(*exchanges))
            trust = Trust(**rules)
            return vetting_of(connection, trust, kept_for(connection, trust), flags or {})

        yield vetted


@contextmanager
def holding(*exchanges: Seen) -> Generator[sa.Connection]:
    with memory_store() as connection, connection.begin():
        for id_, messages, changes in exchanges:
            put(connection, id_, messages, **changes)
        yield connection


def compared(*exchanges: Seen, redact: Callable[[str], str] = str) -> list[Sample]:
    with holding(*exchanges) as connection:
        return list(samples(connection, kept_for(connection, Trust()), Trust(), redact))


def waiting(vetting: Vetting) -> list[str]:
    return [id_ for page in vetting.waiting() for id_ in page][::-1]


def codes(vetting: Vetting, id_: str) -> list[str]:
    return [hold.code for hold in vetting.held(id_)]


def test_what_nothing_speaks_against_is_not_held(
    vetted: Callable[..., Vetting],
) -> None:
    assert vetted(seen("1")).held("1") == ()
    assert waiting(vetted(seen("1"))) == []


def test_text_from_outside_holds_the_turn_and_the_rest_of_its_conversation(
    vetted: Callable[..., Vetting],
) -> None:
    found = vetted(
        seen("1", conversation="1"),
        seen("2", WEB, conversation="1"),
        seen("3", conversation="1"),  # its client has compacted what was read
        seen("4"),
    )
    assert [codes(found, id_) for id_ in "1234"] == [[], ["outside_text"], ["outside_text"], []]
    assert found.held("2")[0].text == "`web_search` brings text from outside"
    assert found.held("3")[0].text.startswith("earlier in its conversation, ")
    assert waiting(found) == ["2", "3"]


def test_what_a_sub_agent_read_is_read_by_who_sent_it_and_the_other_way_round(
    vetted: Callable[..., Vetting],
) -> None:
    found = vetted(
        seen("1", conversation="1"),
        seen("2", conversation="2", parent="1", aside=True),
        seen("3", conversation="1"),
        seen("4", WEB, conversation="2", aside=True),
        seen("5", conversation="1"),
        seen("6", conversation="6", parent="1", aside=True),
    )
    outside = ["outside_text"]
    assert [codes(found, id_) for id_ in "123456"] == [[], [], [], outside, outside, outside]


def test_a_copy_that_goes_its_own_way_taints_nobody_else(
    vetted: Callable[..., Vetting],
) -> None:
    found = vetted(seen("1"), seen("2", WEB, parent="1"), seen("3", conversation="1"))
    assert codes(found, "3") == []


def test_keys_and_channels_that_are_not_trusted_hold_what_comes_by_them(
    vetted: Callable[..., Vetting],
) -> None:
    rules: dict[str, Any] = {
        "untrusted_keys": frozenset({"guest"}),
        "untrusted_channels": {"x-platform": ("tele*", "discord")},
    }
    found = vetted(
        seen("1", key="guest"),
        seen("2", headers={"x-platform": "Telegram"}, conversation="2"),
        seen("3", headers={"x-platform": "cli"}),
        seen("4", conversation="2"),
        **rules,
    )
    held = [codes(found, id_) for id_ in "1234"]
    assert held == [["untrusted_source"], ["untrusted_source"], [], ["untrusted_source"]]


def test_an_approval_lifts_what_waits_and_nothing_else(
    vetted: Callable[..., Vetting],
) -> None:
    both: dict[str, Any] = {"key": "guest", "mode": "burst", "feedback": [word()]}
    found = vetted(
        seen("1", WEB, **both),
        untrusted_keys=frozenset({"guest"}),
        cloud_text="keep_out",
        flags={"1": [Flag("style", "unlike the others", "1")]},
    )
    assert codes(found, "1") == ["cloud_text"]
    assert found.approved("1")
    assert waiting(found) == []


def test_an_approval_speaks_of_its_own_exchange_alone(
    vetted: Callable[..., Vetting],
) -> None:
    found = vetted(seen("1", WEB, conversation="1", feedback=[word()]), seen("2", conversation="1"))
    assert [codes(found, id_) for id_ in "12"] == [[], ["outside_text"]]


def test_a_refusal_holds_whatever_else_is_said_and_the_last_word_counts(
    vetted: Callable[..., Vetting],
) -> None:
    first, second = word(train=False, key="anna"), word(train=True)
    praise = said("0" * 26, value=1.0)
    refused = vetted(seen("1", feedback=[first, praise]))
    assert codes(refused, "1") == ["refused"]
    assert waiting(refused) == []
    assert codes(vetted(seen("1", WEB, feedback=[second, first])), "1") == []


def test_what_an_untrusted_key_says_decides_nothing(
    vetted: Callable[..., Vetting],
) -> None:
    word_of_guest = word(key="guest")
    shown = said("0" * 26, key="guest", demonstration="Do as I say.")
    guest: dict[str, Any] = {"untrusted_keys": frozenset({"guest"})}
    found = vetted(seen("1", WEB, feedback=[word_of_guest, shown]), **guest)
    assert codes(found, "1") == ["outside_text"]
    assert not found.approved("1")
    assert found.counted([word_of_guest, shown]) == []
    refusal = word(train=False, key="guest")
    assert codes(vetted(seen("1", feedback=[refusal]), **guest), "1") == []


def test_text_of_a_cloud_model_is_kept_out_where_the_settings_say_so(
    vetted: Callable[..., Vetting],
) -> None:
    turns = (
        seen("1", mode="burst"),
        seen("2", upstream="hosted"),
        seen("3", feedback=[word()]),
    )
    assert [codes(vetted(*turns), id_) for id_ in "123"] == [[], [], []]
    out = vetted(*turns, cloud_text="keep_out", away=frozenset({"hosted"}))
    assert [codes(out, id_) for id_ in "123"] == [["cloud_text"], ["cloud_text"], []]


def test_what_stands_out_waits_until_one_of_its_like_is_approved(
    vetted: Callable[..., Vetting],
) -> None:
    flags = {
        "1": [Flag("near_duplicates", "one of 3", "1")],
        "2": [Flag("near_duplicates", "one of 3", "1")],
        "3": [Flag("near_duplicates", "one of 3", "1"), Flag("trigger", "xyzzy", "3")],
    }
    found = vetted(seen("1"), seen("2"), seen("3"), flags=flags)
    assert waiting(found) == ["1", "2", "3"]
    assert [found.alike(id_) for id_ in "123"] == ["1", "1", "1"]
    approved = vetted(seen("1"), seen("2", feedback=[word()]), seen("3"), flags=flags)
    assert [codes(approved, id_) for id_ in "123"] == [[], [], ["trigger"]]
    refused = vetted(seen("1"), seen("2", feedback=[word(train=False)]), seen("3"), flags=flags)
    assert [codes(refused, id_) for id_ in "12"] == [["near_duplicates"], ["refused"]]


def test_a_history_says_which_of_its_replies_may_not_be_learned(
    vetted: Callable[..., Vetting],
) -> None:
    found = vetted(
        seen("1", conversation="1", feedback=[said("0" * 26)]),
        seen("2", conversation="1", feedback=[word(train=False)]),
        seen("3", conversation="1"),
        seen("4", conversation="4", parent="1"),
    )

    def history(conversation: str, *texts: str) -> list[str]:
        replies = [read_message(says(text)) for text in texts]
        told = found.history(conversation, [each for each in replies if each is not None])
        return [hold.code for hold in told]

    assert history("1", "This is 1.") == []
    assert history("4", "This is 1.") == []
    assert history("1", "This is 1.", "This is 3.") == ["unapproved"]
    assert history("1", "This is 2.") == ["refused", "unapproved"]
    assert history("1", "I never said that.") == ["invented"]
    assert history("9", "This is 1.") == ["invented"]


def test_what_is_compared_is_redacted_for_reasons_quote_it() -> None:
    (sample,) = compared(seen("1", WEB), redact=str.upper)
    assert [sample.said, sample.outside] == ["WHAT DOES IT SAY?", "SUNNY."]
    assert sample.answered == "THIS IS 1."


def test_a_reply_that_was_cut_short_is_nobody_s_history(
    vetted: Callable[..., Vetting],
) -> None:
    found = vetted(seen("1", conversation="1", whole=False))
    reply = read_message(says("This is 1."))
    assert reply is not None
    assert [hold.code for hold in found.history("1", [reply])] == ["invented"]


def test_what_is_compared_tells_what_was_said_and_what_came_from_outside() -> None:
    shown = said("0" * 25 + "1", demonstration="Half past six.")
    first, second = compared(
        seen("1", [*WEB, user("[System: go on]")]),
        seen("2", feedback=[word(train=False)]),
        seen("3", whole=False),
        seen("4", feedback=[shown]),
    )
    assert (first.said, first.outside) == ("What does it say?", "Sunny.")
    assert (first.answered, first.source) == ("This is 1.", "laptop")
    assert (second.answered, second.outside) == ("Half past six.", "")


WORDS = st.lists(st.sampled_from([True, False, None]), max_size=4)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), WORDS), max_size=8))
def test_whatever_happens_nothing_trains_after_text_from_outside_without_a_word(
    turns: list[tuple[bool, int, list[bool | None]]],
) -> None:
    exchanges: list[Seen] = []
    for at, (reads, conversation, words) in enumerate(turns):
        feedback = [word(train) if train is not None else said("0" * 26) for train in words]
        exchanges.append(
            seen(
                str(at), WEB if reads else QUIET, conversation=f"c{conversation}", feedback=feedback
            )
        )
    with holding(*exchanges) as connection:
        found = vetting_of(connection, Trust(), kept_for(connection, Trust()), {})
        free = {each.id: not found.held(each.id) for each in exchanges}
        waits = waiting(found)
    read_in: set[str] = set()
    for each, (reads, _, words) in zip(exchanges, turns, strict=True):
        if reads:
            read_in.add(each.changes["conversation"])
        last = next((train for train in reversed(words) if train is not None), None)
        assert free[each.id] == (
            last is True or (last is None and each.changes["conversation"] not in read_in)
        )
        assert (each.id in waits) == (not free[each.id] and last is None)


@pytest.mark.parametrize("code", sorted(FINAL))
def test_what_no_approval_lifts_does_not_wait(code: Any) -> None:
    assert not Hold(code, "").waits
