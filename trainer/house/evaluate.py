# pyright: basic
"""Evaluate a house model as it is served: mlx_lm, its chat template, greedy decoding.

``python -m trainer.house.evaluate DIR [--per-skill N] [--seed N] [--write]`` prints the figures;
``--write`` puts them into DIR's ``evaluation.json`` and model card.  A tool call is right if the
name and all arguments are equal, types included; a text is right if it is equal.  (Basic type
checking: mlx_lm has no types.)
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.house.heldout import PRODUCTION, SEEN, WORDING, Case, cases

HEADLINE = (SEEN, WORDING, PRODUCTION)
"""The groups that are broken down by skill."""


OPENING, CLOSING = "<!-- figures -->", "<!-- end of figures -->"
"""What stands around the figures in a model card."""


@dataclass(frozen=True)
class Answer:
    """What the model said to one case."""

    case: Case
    """What was asked, and what was expected."""
    said: str
    """The reply as generated."""
    right: bool
    """Whether it counts."""


class Served:
    """A model directory, loaded and asked the way mlx_lm.server does it."""

    def __init__(self, folder: Path) -> None:
        from mlx_lm import load

        self.model, self.tokenizer = load(str(folder))[:2]

    def reply(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], most: int = 300
    ) -> str:
        """The greedy reply."""
        from mlx_lm import generate

        prompt = self.tokenizer.apply_chat_template(
            messages, tools=tools or None, add_generation_prompt=True, tokenize=True
        )
        return generate(self.model, self.tokenizer, prompt, max_tokens=most)

    def answer(self, case: Case) -> Answer:
        """Ask one case."""
        said = self.reply(case.messages, case.tools)
        return Answer(case, said, is_right(said, case.expected))


def called(said: str) -> dict[str, Any] | None:
    """The tool call in a reply, parsed as mlx_lm does; None if there is none or it is broken."""
    _, opened, rest = said.partition("<tool_call>")
    if not opened:
        return None
    try:
        found = json.loads(rest.partition("</tool_call>")[0].strip())
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def is_right(said: str, expected: dict[str, Any]) -> bool:
    """Whether a reply is the expected message: the same call, or the same text."""
    calls = expected.get("tool_calls")
    if not calls:
        return said.strip() == expected["content"].strip()
    wanted = calls[0]["function"]
    return json.dumps(called(said), sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _share(answers: list[Answer]) -> dict[str, float | int]:
    right = sum(answer.right for answer in answers)
    return {"right": right, "of": len(answers), "percent": round(100 * right / len(answers), 1)}


def summarise(answers: Iterable[Answer]) -> dict[str, Any]:
    """Figures by group, and by skill in the headline groups."""
    groups: dict[str, list[Answer]] = defaultdict(list)
    skills: dict[str, dict[str, list[Answer]]] = defaultdict(lambda: defaultdict(list))
    for answer in answers:
        groups[answer.case.group].append(answer)
        if answer.case.group in HEADLINE:
            skills[answer.case.label][answer.case.group].append(answer)
    headline = [answer for group in HEADLINE for answer in groups[group]]
    return {
        "base skills, all held-out requests": _share(headline),
        "groups": {group: _share(found) for group, found in groups.items()},
        "skills": {
            skill: {group: _share(found) for group, found in by.items()}
            for skill, by in skills.items()
        },
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = ["| group | right | of | % |", "|---|---|---|---|"]
    rows = {
        "base skills, all held-out requests": figures["base skills, all held-out requests"],
        **figures["groups"],
    }
    lines += [
        f"| {group} | {row['right']} | {row['of']} | {row['percent']} |"
        for group, row in rows.items()
    ]
    lines += ["", f"| skill | {' | '.join(HEADLINE)} |", "|---|---|---|---|"]
    for skill, by in figures["skills"].items():
        lines.append(f"| {skill} | {' | '.join(str(by[group]['percent']) for group in HEADLINE)} |")
    return "\n".join(lines)


def evaluate(folder: Path, per_skill: int, seed: int) -> tuple[dict[str, Any], list[Answer]]:
    """All cases through mlx_lm; returns the figures and every answer."""
    started = time.monotonic()
    served = Served(folder)
    answers = [served.answer(case) for case in cases(per_skill, seed)]
    figures = summarise(answers)
    figures["settings"] = {"per_skill": per_skill, "seed": seed, "decoding": "greedy, mlx_lm"}
    figures["seconds"] = round(time.monotonic() - started)
    return figures, answers


def write(folder: Path, figures: dict[str, Any]) -> None:
    """Put the figures beside the model, and between the marks of its card if it has one."""
    (folder / "evaluation.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    card = folder / "README.md"
    if card.exists():
        before, opened, rest = card.read_text(encoding="utf-8").partition(OPENING)
        _, closed, after = rest.partition(CLOSING)
        card.write_text(f"{before}{opened}\n{table(figures)}\n{closed}{after}", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.house.evaluate", description="Evaluate a house model."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-skill", type=int, default=30)
    parser.add_argument(
        "--seed", type=int, default=7, help="differs from the one that training measures with"
    )
    parser.add_argument(
        "--write", action="store_true", help="into DIR's evaluation.json and README.md"
    )
    parser.add_argument("--wrong", action="store_true", help="also print what went wrong")
    given = parser.parse_args()
    figures, answers = evaluate(given.folder, given.per_skill, given.seed)
    print(table(figures))  # noqa: T201 - a command line prints
    if given.write:
        write(given.folder, figures)
    if given.wrong:
        for answer in answers:
            if not answer.right:
                print(  # noqa: T201
                    f"\n[{answer.case.group}] {answer.case.messages[-1]['content']!r}"
                    f"\n  said {answer.said!r}"
                )


if __name__ == "__main__":
    main()
