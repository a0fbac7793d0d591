"""Bodies packed small, one against another: a request says again nearly all of the request before.

Zstandard takes the other body as its dictionary, so that of a long transcript only what is new is
left. Pure; the same body against the same reference always packs to what unpacks to it.
"""

from __future__ import annotations

import zstandard

ENCODING = "zstd"
LEAST_BYTES = 512
"""Shorter bodies are not worth it."""
_LEVEL = 9
_WORTH = 0.9
"""Packed, a body is at most this much of what it was, or it stays."""


def packed(data: bytes, reference: bytes | None) -> bytes | None:
    """A body packed against another, or alone; None where that saves too little."""
    if len(data) < LEAST_BYTES:
        return None
    compressor = zstandard.ZstdCompressor(
        level=_LEVEL, dict_data=_dictionary(reference), write_checksum=True
    )
    small = compressor.compress(data)
    return small if len(small) <= _WORTH * len(data) else None


def unpacked(data: bytes, reference: bytes | None) -> bytes:
    """The body that was packed against that one. Raises ValueError when it is not, or when one of
    the two is damaged: a checksum tells."""
    try:
        return zstandard.ZstdDecompressor(dict_data=_dictionary(reference)).decompress(data)
    except (zstandard.ZstdError, MemoryError) as error:  # a damaged head may ask for any size
        raise ValueError(f"a packed body cannot be unpacked: {error}") from error


def _dictionary(reference: bytes | None) -> zstandard.ZstdCompressionDict | None:
    if not reference:
        return None
    return zstandard.ZstdCompressionDict(reference, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
