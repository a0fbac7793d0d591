"""The tables of search.db, and what is asked of them. `store` is the store, attached."""

from __future__ import annotations

SCHEMA = """
BEGIN IMMEDIATE;
DROP TABLE IF EXISTS documents;
DROP TABLE IF EXISTS tags;
DROP TABLE IF EXISTS words;
CREATE TABLE documents (
  number INTEGER PRIMARY KEY AUTOINCREMENT, exchange_id TEXT NOT NULL UNIQUE,
  vector BLOB, distilled TEXT
);
CREATE TABLE tags (
  tag TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (tag, number)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (
  asked, answered, called, tokenize = 'unicode61 remove_diacritics 2'
);
PRAGMA user_version = {};
COMMIT;
"""
"""Makes the tables anew; the version is to be filled in."""
UNREAD = """
SELECT exchange_id FROM store.turns WHERE exchange_id > :since
EXCEPT SELECT exchange_id FROM documents WHERE exchange_id > :since
ORDER BY exchange_id LIMIT :limit
"""
"""Exchanges that ended and are not in here."""
ORPHANS = "SELECT exchange_id FROM documents EXCEPT SELECT id FROM store.exchanges"
"""What is in here and in the store no more."""
HELD = """
SELECT d.exchange_id, snippet(words, -1, ?, ?, '…', ?), d.distilled
FROM words JOIN documents AS d ON d.number = words.rowid
JOIN store.exchanges AS e ON e.id = d.exchange_id
LEFT JOIN store.outcomes AS o ON o.exchange_id = d.exchange_id
WHERE words MATCH ?{narrowed}
ORDER BY rank, d.exchange_id DESC LIMIT ?
"""
"""What holds the words; the filters (`capture.sought.narrowed`) are to be filled in."""
ALIKE = """
SELECT d.exchange_id, substr(words.asked, 1, ?), d.distilled
FROM documents AS d JOIN words ON words.rowid = d.number
JOIN store.exchanges AS e ON e.id = d.exchange_id
LEFT JOIN store.outcomes AS o ON o.exchange_id = d.exchange_id
WHERE d.exchange_id IN (SELECT value FROM json_each(?)){narrowed}
"""
"""Those of these exchanges that fit the filters."""
WITHOUT = " AND d.number NOT IN (SELECT rowid FROM words WHERE words MATCH ?)"
"""A filter: these words are not in it."""
VECTORS = """
SELECT number, exchange_id, vector FROM documents
WHERE number > ? AND vector IS NOT NULL ORDER BY number LIMIT ?
"""
"""The vectors of later documents, the oldest first."""
LAST = "SELECT coalesce(max(number), 0) FROM documents"
