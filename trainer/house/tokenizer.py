"""The house model's tokenizer: bytes, and words and JSON scaffolding regardless of context.

A text is split by `PATTERN` into scaffolding, words and single characters; a piece that is in the
vocabulary is one token, any other is its UTF-8 bytes.  There are no merges, so a name has the same
tokens after a space, inside quotes and in a path: copying is a matter of repeating tokens.  Every
text round-trips.  The format is the usual byte-level BPE (with ``ignore_merges``), which
transformers and mlx_lm read as they are.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from trainer.house import data

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
"""Tokens that end or delimit a message; hidden when a reply is decoded."""
MARKERS = (
    "<tools>",
    "</tools>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
)
"""Tokens that are one piece but part of the visible text."""
SCAFFOLD = (
    '\n{"name": "',
    '", "arguments": {"',
    '", "arguments": {}}\n',
    '": "',
    '", "',
    '"}}\n',
    "}}\n",
    '": ',
    ', "',
    ": number",
    "?: number",
    '"}',
)
"""Pieces of JSON that are one token; the split tries them before anything else, longest first."""
WORD = r"[A-Z]?[a-z]+|[A-Z]+"
"""What counts as a word: lower case, capitalised, or all capitals (readFile is read and File)."""
PATTERN = "|".join([*map(re.escape, sorted(SCAFFOLD, key=len, reverse=True)), WORD, r"[\s\S]"])
"""The split; the last alternative is any one character."""


def byte_letters() -> dict[int, str]:
    """Byte -> the printable character that stands for it in byte-level vocabularies (GPT-2)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in plain}
    others = [byte for byte in range(256) if byte not in letters]
    return letters | {byte: chr(256 + index) for index, byte in enumerate(others)}


_LETTERS = byte_letters()


def _spelled(piece: str) -> str:
    return "".join(_LETTERS[byte] for byte in piece.encode())


def frequent_words(texts: Iterable[str], at_least: int) -> list[str]:
    """The words of two letters and more that occur at least so often, most frequent first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(re.findall(WORD, text))
    return [word for word, count in counts.most_common() if count >= at_least and len(word) > 1]


def training_texts(count: int, seed: int) -> Iterable[str]:
    """Rendered training conversations to count words in; nothing held out is among them."""
    rng = random.Random(seed)  # noqa: S311 - data, no secrets
    for _ in range(count):
        conversation = data.training_conversation(rng)
        yield data.render(conversation.messages, conversation.tools)


def build(words: Iterable[str]) -> Tokenizer:
    """The tokenizer with these whole words."""
    vocabulary = {token: index for index, token in enumerate(SPECIAL + MARKERS)}
    for piece in [
        *(_LETTERS[byte] for byte in range(256)),
        *map(_spelled, SCAFFOLD),
        *map(_spelled, words),
    ]:
        vocabulary.setdefault(piece, len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(  # pyright: ignore[reportUnknownMemberType]
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    )
    markers = [AddedToken(token, special=False, normalized=False) for token in MARKERS]
    tokenizer.add_tokens(markers)  # pyright: ignore[reportUnknownMemberType]
    return tokenizer


def build_default(seed: int = 0) -> Tokenizer:
    """The house model's tokenizer: the words that are frequent in 12,000 training conversations."""
    return build(frequent_words(training_texts(12_000, seed), at_least=20))


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``tokenizer.json``, ``tokenizer_config.json`` and ``chat_template.jinja``."""
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    template = data.TEMPLATE_FILE.read_text(encoding="utf-8")
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "add_prefix_space": False,
        "model_max_length": 2048,
    }
    (folder / "tokenizer_config.json").write_text(
        json.dumps(config, indent=1) + "\n", encoding="utf-8"
    )
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
