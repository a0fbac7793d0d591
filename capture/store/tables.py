"""The tables. Portable types only, so that the same schema holds on SQLite and PostgreSQL.

    exchanges          one row per exchange: who, what was decided, how it ended, figures
    tallies            how many exchanges of ours ended how, so that counting needs no scan
    attempts           every try at an upstream
    bodies             raw bytes: the request, each attempt's response, what was delivered
    messages           what was said, each text once, named by its content
    tool_calls         the calls a reply made
    turns              which conversation an exchange belongs to, and which exchange it continues
    outcomes           what came of an exchange, by what its conversation did next and people said
    superseded         what outcomes were before later evidence changed them
    feedback           what people said of exchanges and conversations
    weighings          how a request was weighed, for the router to learn from
    skill_tallies      outcomes by skill, place, adapter and day, so that asking needs no scan
    week_counts        what weeks that are over came to, until something of theirs changes
    to_vet             exchanges that were linked since and are still to be vetted
    vetted             what vetting found of an exchange by itself
    given              replies by conversation, as a client may repeat them
    carried            what a conversation has read, and since when
    vetting_rules      the rules that these three were found by
    packing_position   how far old bodies are packed
    journal_position   how far the journal is in here; moves in the same transaction as the rows
    journal_losses     stretches of the journal that could not be read

Times are Unix seconds; durations seconds; money US dollars. NULL is unknown, never zero.
"""

from __future__ import annotations

import sqlalchemy as sa

_REAL: sa.Double[float] = sa.Double()

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

exchanges = sa.Table(
    "exchanges",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("epoch", sa.String(32), nullable=False),  # of the process that served it
    sa.Column("began_at", _REAL, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("key", sa.Text),  # name of the API key
    sa.Column("alias", sa.Text, nullable=False),  # model name asked for
    sa.Column("stream", sa.Boolean, nullable=False),
    sa.Column("private", sa.Boolean, nullable=False),
    sa.Column("config_generation", sa.Integer, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("decision", sa.JSON, nullable=False),
    sa.Column("reserve_usd", _REAL),
    sa.Column("tools", sa.JSON, nullable=False),  # names of the tools offered
    sa.Column("asked", sa.Text),  # beginning of the last user message
    sa.Column("request_bytes", sa.Integer, nullable=False),
    # which messages it was asked with, in order: their ids, 16 bytes each, one after the other, so
    # that an exchange that continues another begins with what that one has here
    sa.Column("request_messages", sa.LargeBinary, nullable=False),
    sa.Column("skill", sa.Text),  # of the decision; NULL when nothing about the request said
    sa.Column("session", sa.Text),  # as its client names it; NULL when it does not
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("mode", sa.String(16)),  # of the last attempt; before any, of the chosen candidate
    sa.Column("upstream", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("http_status", sa.Integer),
    sa.Column("finish_reason", sa.String(16)),
    sa.Column("input_tokens", sa.Integer),
    sa.Column("output_tokens", sa.Integer),
    sa.Column("cache_read_tokens", sa.Integer),
    sa.Column("cache_write_tokens", sa.Integer),
    sa.Column("reasoning_tokens", sa.Integer),
    sa.Column("cost_usd", _REAL),
    sa.Column("queue_s", _REAL),
    sa.Column("connect_s", _REAL),
    sa.Column("first_token_s", _REAL),
    sa.Column("total_s", _REAL),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Column("notes", sa.JSON, nullable=False),
    sa.Column("delivered_bytes", sa.Integer),
    sa.Column("answered", sa.Text),  # beginning of the reply's text
    sa.Column("called", sa.JSON, nullable=False),  # names of the tools the reply calls
    sa.Column("adapter", sa.Text),  # of the last attempt; NULL for weights that are not ours
    sa.Column("reply_messages", sa.LargeBinary, nullable=False),  # as above; one id per choice
)
sa.Index(
    "ix_exchanges_open",
    exchanges.c.epoch,
    sqlite_where=exchanges.c.status == "open",
)
sa.Index(
    "ix_exchanges_session",
    exchanges.c.session,
    exchanges.c.id,
    sqlite_where=exchanges.c.session.is_not(None),
)
# all that the weeks look at, so that they need not touch the rows
sa.Index(
    "ix_exchanges_weeks",
    exchanges.c.began_at,
    exchanges.c.id,
    exchanges.c.status,
    exchanges.c.mode,
    exchanges.c.adapter,
    exchanges.c.http_status,
    exchanges.c.input_tokens,
    exchanges.c.output_tokens,
)

served: sa.ColumnElement[bool] = sa.or_(
    exchanges.c.status != "ok", exchanges.c.http_status.is_not(None)
)
"""What this gateway served. What was imported is `ok` though nobody was answered over HTTP; it is
told so because `ix_exchanges_weeks` has it."""

tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("status", sa.String(16), primary_key=True),
    sa.Column("mode", sa.String(16), primary_key=True),  # empty when no place was chosen
    sa.Column("exchanges", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("upstream", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("started_at", _REAL, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("http_status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("upstream_request_id", sa.Text),
    sa.Column("connect_s", _REAL),
    sa.Column("first_byte_s", _REAL),
    sa.Column("total_s", _REAL),
    sa.Column("input_tokens", sa.Integer),
    sa.Column("output_tokens", sa.Integer),
    sa.Column("cache_read_tokens", sa.Integer),
    sa.Column("cache_write_tokens", sa.Integer),
    sa.Column("reasoning_tokens", sa.Integer),
    sa.Column("cost_usd", _REAL),
    sa.Column("reserve_usd", _REAL),
    sa.Column("adapter", sa.Text),
    sqlite_with_rowid=False,
)
sa.Index(
    "ix_attempts_burst_started_at",
    attempts.c.started_at,
    sqlite_where=attempts.c.mode == "burst",
)

bodies = sa.Table(
    "bodies",
    metadata,
    # rises in the order of arrival: pieces of one body are joined in this order
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("exchange_id", sa.String(26), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),  # request, response or delivered
    sa.Column("attempt", sa.Integer),  # whose response; NULL is the last attempt's
    sa.Column("encoding", sa.String(16)),  # zlib or zstd; NULL is as it was
    sa.Column("data", sa.LargeBinary, nullable=False),
    # the exchange whose request it is packed against; NULL: against nothing
    sa.Column("reference", sa.String(26)),
)
sa.Index(
    "ix_bodies_reference",
    bodies.c.reference,
    sqlite_where=bodies.c.reference.is_not(None),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),  # BLAKE2b of `body`
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("body", sa.JSON, nullable=False),  # a Message, as `capture.plain` writes it
)

tool_calls = sa.Table(
    "tool_calls",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("call_id", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sa.Column("conversation", sa.String(26), nullable=False, index=True),  # its first exchange
    sa.Column("continues", sa.String(26)),  # NULL for the first of a conversation
    # the conversation up to and including the reply, as `capture.conversations` names it; NULL when
    # there is no reply to go on from
    sa.Column("tail", sa.LargeBinary(16), index=True),
    # how the conversation began and what was asked, as `capture.conversations` names it; NULL when
    # nothing was
    sa.Column("spot", sa.LargeBinary(16), index=True),
    sa.Column("purpose", sa.String(16)),  # what an agent asks on the side; NULL for a turn
    sa.Column("parent", sa.String(26)),  # the exchange it was asked for, of another conversation
    sqlite_with_rowid=False,
)
sa.Index(
    "ix_turns_continues",
    turns.c.continues,
    sqlite_where=turns.c.continues.is_not(None),
)
sa.Index(
    "ix_turns_parent",
    turns.c.parent,
    sqlite_where=turns.c.parent.is_not(None),
    postgresql_where=turns.c.parent.is_not(None),
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sa.Column("outcome", sa.String(16), nullable=False),  # success, failure or unknown
    sa.Column("confidence", _REAL, nullable=False),  # 0 to 1
    sa.Column("evidence", sa.JSON, nullable=False),  # [[code, text], ...] in the order it came
    sa.Column("corrected", sa.Boolean, nullable=False),  # the user said what was wrong
    sa.Column("at", _REAL, nullable=False),  # when it was last weighed
    sqlite_with_rowid=False,
)

superseded = sa.Table(
    "superseded",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sa.Column("until", _REAL, primary_key=True),  # when another took its place
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("confidence", _REAL, nullable=False),
    sa.Column("since", _REAL, nullable=False),
    sqlite_with_rowid=False,
)

weighings = sa.Table(
    "weighings",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sa.Column("weighing", sa.JSON, nullable=False),  # as `capture.weighing` writes it
    sqlite_with_rowid=False,
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("exchange_id", sa.String(26)),  # NULL: it is about a conversation
    sa.Column("conversation", sa.String(26)),  # an exchange of it; NULL: it is about an exchange
    sa.Column("at", _REAL, nullable=False),
    sa.Column("key", sa.Text, nullable=False),  # name of the API key; empty for the local user
    sa.Column("source", sa.String(8), nullable=False),  # api, cli or page
    sa.Column("value", _REAL),  # 0 to 1
    sa.Column("comment", sa.Text),
    sa.Column("demonstration", sa.Text),  # text of the reply that should have been given
    sa.Column("idempotency_key", sa.Text),
    # whose outcome it has come to bear on; NULL while that exchange goes on
    sa.Column("counted_for", sa.String(26), index=True),
    sa.Column("train", sa.Boolean),  # whether it may train; NULL: nothing was said of that
    sa.UniqueConstraint("key", "idempotency_key"),
)
sa.Index(
    "ix_feedback_waiting",
    feedback.c.id,
    sqlite_where=feedback.c.counted_for.is_(None),
)

skill_tallies = sa.Table(
    "skill_tallies",
    metadata,
    sa.Column("skill", sa.Text, primary_key=True),
    sa.Column("upstream", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("adapter", sa.Text, primary_key=True),  # empty for the base alone
    # days since 1970-01-01 UTC, of the exchange's beginning: what is long ago can count for less
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("successes", _REAL, nullable=False),  # outcomes, and replies not handed over
    sa.Column("failures", _REAL, nullable=False),
    sqlite_with_rowid=False,
)

week_counts = sa.Table(
    "week_counts",
    metadata,
    # as `capture.weekly` numbers them
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),  # of what is counted
    sa.Column("counts", sa.JSON, nullable=False),  # WeekCounts, as `capture.weekly` writes it
)

to_vet = sa.Table(
    "to_vet",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sqlite_with_rowid=False,
)

vetted = sa.Table(
    "vetted",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sa.Column("outside", sa.Text),  # why its request holds text from outside; NULL: it does not
    sa.Column("source", sa.Text),  # why who sent it is not trusted; NULL: that one is
    sa.Column("asked", sa.LargeBinary(16)),  # the message a person said last; NULL: nobody did
    # the messages from outside since the reply before, as `exchanges.request_messages` has ids
    sa.Column("brought", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

given = sa.Table(
    "given",
    metadata,
    sa.Column("exchange_id", sa.String(26), primary_key=True),
    sa.Column("key", sa.LargeBinary(16), primary_key=True),  # as `capture.provenance` names a reply
    sa.Column("conversation", sa.String(26), nullable=False),
    sa.Index("ix_given_conversation", "conversation", "key"),
    sqlite_with_rowid=False,
)

carried = sa.Table(
    "carried",
    metadata,
    sa.Column("conversation", sa.String(26), primary_key=True),
    # which of the reasons there are, in the order they came
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("code", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),  # a clause for people
    # the exchange with which it came: it holds what is later
    sa.Column("since", sa.String(26), nullable=False),
    sqlite_with_rowid=False,
)

vetting_rules = sa.Table(
    "vetting_rules",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # always 1
    # as `capture.vetting` names them. Without a row nothing was found: a migration that makes turns
    # anew empties this table
    sa.Column("rules", sa.String(32), nullable=False),
)

packing_position = sa.Table(
    "packing_position",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # always 1
    sa.Column("after", sa.String(26), nullable=False),  # the last exchange that was looked at
)

journal_position = sa.Table(
    "journal_position",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # always 1
    sa.Column("segment", sa.BigInteger, nullable=False),
    sa.Column("epoch", sa.String(32), nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
)

journal_losses = sa.Table(
    "journal_losses",
    metadata,
    sa.Column("segment", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("found_at", _REAL, nullable=False),
)
