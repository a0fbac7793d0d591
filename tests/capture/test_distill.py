from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from capture.distill import BYTES_PER_TOKEN, MOST_TOKENS, SHORTEST_TOKENS, distill, written

ASKED = (
    "Hi! The nightly import of the invoices fails since we moved to PostgreSQL 17.2, can you find "
    "out why? Here is what it says:\n"
    "psycopg.errors.UndefinedColumn: error: column invoice_total does not exist\n"
) + "Some more lines of a long log, all alike, that nobody needs to keep.\n" * 40
ANSWERED = (
    "The column was renamed to `total_cents` in migration 0042_rename. I changed import_rows to "
    "read the new name and ran the tests.\n"
) + "Every step of it is told at length below, for whoever wants to follow it.\n" * 25
CALLS = (
    ("read_file", '{"path": "/srv/billing/importer/rows.py"}'),
    ("terminal", '{"command": "cat /srv/billing/migrations/0042_rename.sql and/or ls"}'),
    (
        "edit_file",
        '{"edits": [{"file_path": "/srv/billing/importer/rows.py", "text": "x/y"}]}',
    ),
    ("broken", "{not json"),
)


def test_an_exchange_comes_down_to_a_few_of_its_own_words() -> None:
    told = distill(ASKED, ANSWERED, CALLS, "tools:billing")
    assert told is not None
    assert told.core.startswith("The nightly import of the invoices fails since we moved to")
    assert "The column was renamed" in told.core
    assert told.files == (
        "/srv/billing/importer/rows.py",
        "/srv/billing/migrations/0042_rename.sql",
    )
    assert told.rooms[:3] == ("tools:billing", "read_file", "terminal")
    assert any("error: column invoice_total" in each for each in told.context)


def test_it_is_a_tenth_of_the_exchange_at_most() -> None:
    told = distill(ASKED, ANSWERED, CALLS, "tools:billing")
    assert told is not None
    whole = sum(len(text) for text in (ASKED, ANSWERED, *(part for call in CALLS for part in call)))
    assert len(written(told)) * 10 <= whole


def test_a_directory_is_a_room() -> None:
    calls = [("run", '{"cwd": "/srv/shop", "cmd": "make"}'), ("read", '{"path": "/home/a/b.txt"}')]
    told = distill("What is in there, and why? " * 100, "", calls, None)
    assert told is not None
    assert "/srv/shop" in told.rooms
    parents = [("read", f'{{"path": "/srv/shop/{name}.py"}}') for name in ("a/one", "b/two")]
    told = distill("What is in there, and why? " * 100, "", parents, None)
    assert told is not None
    assert "/srv/shop" in told.rooms


def test_a_short_exchange_is_not_distilled() -> None:
    short = "a word " * (SHORTEST_TOKENS * BYTES_PER_TOKEN // 7 - 1)
    assert distill(short, "", (), "chat") is None
    assert distill("", "", (), None) is None


text = st.text(max_size=200).map(lambda part: part * 30)


@given(text, text, st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60)), max_size=4))
def test_whatever_it_is_made_from_it_keeps_its_bound(
    asked: str, answered: str, calls: list[tuple[str, str]]
) -> None:
    told = distill(asked, answered, [*calls, ("w", orjson.dumps({"path": "é" * 90}).decode())], "s")
    if told is None:
        return
    parts = (asked, answered, *(part for call in calls for part in call))
    whole = sum(len(part.encode("utf-8", "replace")) for part in parts) + 200
    assert len(written(told)) <= min(whole / 10, MOST_TOKENS * BYTES_PER_TOKEN)
