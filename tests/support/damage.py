"""Damage as disks do it: bytes of a stored body turned into others, where nobody looks."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path


def damage_body(store: Path, exchange: str, kind: str = "request") -> None:
    """Turn bytes of a packed body around in the store's file. One too short to have been packed is
    packed first, as longer ones are when they come: otherwise nothing can tell."""
    with closing(sqlite3.connect(store)) as connection, connection:
        select = "SELECT id, encoding, data FROM bodies WHERE exchange_id = ? AND kind = ?"
        id_, encoding, data = connection.execute(select, (exchange, kind)).fetchone()
        if encoding is None:
            encoding, data = "zlib", zlib.compress(data)
        middle = len(data) // 2
        turned = bytes(byte ^ 0xFF for byte in data[middle : middle + 8])
        damaged = data[:middle] + turned + data[middle + 8 :]
        update = "UPDATE bodies SET encoding = ?, data = ? WHERE id = ?"
        connection.execute(update, (encoding, damaged, id_))
