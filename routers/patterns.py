"""Patterns of names: `*` stands for any run of characters. Pure."""

from __future__ import annotations


def like(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern`, where `*` stands for any run of characters. Linear in `text`."""
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    end = len(text) - len(last)
    position = len(first)
    for piece in middle:
        position = text.find(piece, position, end)
        if position < 0:
            return False
        position += len(piece)
    return True
