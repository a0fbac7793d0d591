# pyright: basic
"""Says how many tokens rows have with a base's own tokenizer and template, in a child process.

Arguments: the base's directory, a file of rows (`key`, `messages`, `tools`, a JSON object a line),
and the file for the lengths (`key`, `tokens`: null for a row that the template refuses). (Basic
type checking: mlx_lm has no types.)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> None:
    """Measure all of them."""
    from mlx_lm.utils import load_tokenizer

    base, rows, measured = arguments
    tokenizer = load_tokenizer(Path(base))
    with Path(measured).open("a", encoding="utf-8") as file:
        for line in Path(rows).read_text("utf-8").splitlines():
            row = json.loads(line)
            print(json.dumps({"key": row["key"], "tokens": _tokens(tokenizer, row)}), file=file)


def _tokens(tokenizer: Any, row: dict[str, Any]) -> int | None:
    """As mlx-lm's own dataset counts, prompt alone and whole."""
    messages, tools = row["messages"], row["tools"] or None
    try:
        tokenizer.apply_chat_template(
            messages[:-1], tools=tools, add_generation_prompt=True, return_dict=False
        )
        return len(tokenizer.apply_chat_template(messages, tools=tools, return_dict=False))
    except Exception:  # whatever a template may do with what clients send
        return None
