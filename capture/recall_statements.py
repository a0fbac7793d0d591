"""The tables of search.db, and what is asked of them. `store` is the store, attached."""

from __future__ import annotations

SCHEMA = """
BEGIN IMMEDIATE;
DROP TABLE IF EXISTS documents;
DROP TABLE IF EXISTS vectors;
DROP TABLE IF EXISTS tags;
DROP TABLE IF EXISTS words;
CREATE TABLE documents (
  number INTEGER PRIMARY KEY AUTOINCREMENT, exchange_id TEXT NOT NULL UNIQUE,
  distilled TEXT, distilled_by TEXT
);
CREATE INDEX undistilled ON documents (number)
  WHERE distilled IS NOT NULL AND distilled_by IS NULL;
CREATE TABLE vectors (
  made INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL UNIQUE,
  embedder TEXT NOT NULL, vector BLOB
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
"""Makes the tables anew; the version is to be filled in. `made` counts vectors as they are made, so
that one made anew comes last; one that is null was looked at and has none. `distilled_by` is null
until a model was asked."""
UNREAD = """
SELECT exchange_id FROM store.turns WHERE exchange_id > :since
EXCEPT SELECT exchange_id FROM documents WHERE exchange_id > :since
ORDER BY exchange_id LIMIT :limit
"""
"""Exchanges that ended and are not in here."""
ORPHANS = "SELECT exchange_id FROM documents EXCEPT SELECT id FROM store.exchanges"
"""What is in here and in the store no more."""
HELD = """
SELECT d.exchange_id, snippet(words, -1, ?, ?, '…', ?), d.distilled, d.distilled_by
FROM words JOIN documents AS d ON d.number = words.rowid
JOIN store.exchanges AS e ON e.id = d.exchange_id
LEFT JOIN store.outcomes AS o ON o.exchange_id = d.exchange_id
WHERE words MATCH ?{narrowed}
ORDER BY rank, d.exchange_id DESC LIMIT ?
"""
"""What holds the words; the filters (`capture.sought.narrowed`) are to be filled in."""
ALIKE = """
SELECT d.exchange_id, substr(words.asked, 1, ?), d.distilled, d.distilled_by
FROM documents AS d JOIN words ON words.rowid = d.number
JOIN store.exchanges AS e ON e.id = d.exchange_id
LEFT JOIN store.outcomes AS o ON o.exchange_id = d.exchange_id
WHERE d.exchange_id IN (SELECT value FROM json_each(?)){narrowed}
"""
"""Those of these exchanges that fit the filters."""
WITHOUT = " AND d.number NOT IN (SELECT rowid FROM words WHERE words MATCH ?)"
"""A filter: these words are not in it."""
LAST = "SELECT coalesce(max(number), 0) FROM documents"
UNEMBEDDED = """
SELECT number, (SELECT asked FROM words WHERE rowid = number) FROM (
  SELECT d.number AS number FROM documents AS d LEFT JOIN vectors AS v ON v.number = d.number
  WHERE d.number > :after AND v.embedder IS NOT :embedder ORDER BY d.number DESC LIMIT :limit
)
"""
"""Later documents that this embedder has not seen, the newest first, and what was asked."""
LACKING = """
SELECT count(*) FROM documents AS d LEFT JOIN vectors AS v ON v.number = d.number
WHERE d.number > :after AND v.embedder IS NOT :embedder
"""
"""How many there are."""
EMBEDDED = """
INSERT OR REPLACE INTO vectors (number, embedder, vector)
SELECT number, ?, ? FROM documents WHERE number = ?
"""
"""Keeps a vector, in place of another embedder's, of a document that is still there."""
OTHERS = "DELETE FROM vectors WHERE embedder = ? AND length(vector) != ?"
"""Drops an embedder's vectors of another width."""
VECTORS = """
SELECT v.made, d.exchange_id, v.vector FROM vectors AS v JOIN documents AS d ON d.number = v.number
WHERE v.made > ? AND v.embedder = ? AND v.vector IS NOT NULL ORDER BY v.made LIMIT ?
"""
"""An embedder's vectors that were made later, in that order."""
VECTORS_OF = "SELECT count(vector) FROM vectors WHERE embedder = ?"
WIDTH = """
SELECT length(vector) FROM vectors WHERE embedder = ? AND vector IS NOT NULL
ORDER BY made DESC LIMIT 1
"""
"""How wide an embedder's vectors are."""
UNDISTILLED = """
SELECT d.number, w.asked, w.answered, w.called FROM documents AS d
JOIN words AS w ON w.rowid = d.number
WHERE d.number = (
  SELECT max(number) FROM documents
  WHERE distilled IS NOT NULL AND distilled_by IS NULL
)
"""
"""The newest document of which no model was asked what it comes down to."""
DISTILLED = """
UPDATE documents SET distilled = coalesce(?, distilled), distilled_by = ? WHERE number = ?
"""
