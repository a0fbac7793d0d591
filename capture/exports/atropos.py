"""Rows for Atropos: a group of replies to one request, in tokens, each with its score.

    {"tokens": [[...], ...], "masks": [[...], ...], "scores": [1.0, -1.0, ...],
     "messages": [[...], ...], "inference_logprobs": [[...], ...]}

The fields are those of atroposlib's `ScoredDataGroup`; what is not known is not there. The lists of
one reply are all equally long, and none is padded: `tokens` are the prompt's and the reply's,
`masks` -100 for the prompt's and the token itself for the reply's, `inference_logprobs` 1.0 for the
prompt's, which is no logarithm of a probability, and for the reply's what each was sampled with.

The prompt is the request in the tokenizer's template. The reply is what was sampled, token for
token, where serving kept that and it reads as the reply does (`sampled`). Another reply's text is
cut into tokens anew, and its group has no `inference_logprobs` (`tokenized`). `scores` are 1 for
success and -1 for failure, not weighed with the outcome's confidence, which would have one success
preferred to another. Of a group that scores all the same nothing can be learned: it makes no row
(`even`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from capture.exports.chat import Unsayable, as_line, row
from capture.exports.manifest import Left, Made
from capture.exports.rewards import REWARDS
from capture.exports.tokenizer import Tokenizer
from capture.groups import Group, GroupReply
from capture.redact import Redactor

MASKED = -100
"""In `masks`: not trained."""
NO_LOGPROB = 1.0
"""In `inference_logprobs`: was not sampled."""


@dataclass(frozen=True, slots=True)
class _Sequence:
    """One reply in tokens."""

    exchange: str
    score: int
    messages: list[dict[str, Any]]
    prompt: list[int]
    reply: list[int]
    logprobs: tuple[float, ...] | None
    """Of the reply's tokens; None where they are not what was sampled."""


def rows(
    groups: Iterable[Group | Left], tokenizer: Tokenizer, redactor: Redactor
) -> Iterator[Made | Left]:
    """A row per group, or why there is none; what is left out already stays so."""
    for group in groups:
        if isinstance(group, Left):
            yield group
            continue
        sequences: list[_Sequence] = []
        for reply in group.replies:
            try:
                sequences.append(_sequence(reply, tokenizer, redactor))
            except Unsayable as error:
                yield Left(reply.turn.id, str(error))
        if len({sequence.score for sequence in sequences}) > 1:
            yield _made(sequences)
        else:
            yield from (Left(sequence.exchange, "even") for sequence in sequences)


def _made(sequences: list[_Sequence]) -> Made:
    made: dict[str, Any] = {
        "tokens": [[*each.prompt, *each.reply] for each in sequences],
        "masks": [[*[MASKED] * len(each.prompt), *each.reply] for each in sequences],
        "scores": [float(each.score) for each in sequences],
        "messages": [each.messages for each in sequences],
    }
    logprobs = [
        [*[NO_LOGPROB] * len(each.prompt), *each.logprobs]
        for each in sequences
        if each.logprobs is not None
    ]
    sampled = len(logprobs) == len(sequences)
    if sampled:
        made["inference_logprobs"] = logprobs
    exchanges = dict.fromkeys(each.exchange for each in sequences)
    return Made(tuple(exchanges), as_line(made), "sampled" if sampled else "tokenized")


def _sequence(reply: GroupReply, tokenizer: Tokenizer, redactor: Redactor) -> _Sequence:
    """Raises Unsayable, also for what the template refuses."""
    turn, score = reply.turn, REWARDS[reply.turn.outcome]
    said = row(turn.request, turn.reply)
    if score is None:
        raise Unsayable("unknown")
    messages, tools = said["messages"], said.get("tools", [])
    try:
        prompt = tokenizer.prompt(messages[:-1], tools)
        whole = tokenizer.whole(messages, tools)
    except Exception:  # whatever a template may do with what clients send
        raise Unsayable("template") from None
    tokens, logprobs = whole[len(prompt) :], None
    if reply.sampled is not None and _reads_as(reply, messages[-1], tokenizer, redactor):
        tokens, logprobs = list(reply.sampled.tokens), reply.sampled.logprobs
    elif whole[: len(prompt)] != prompt or not tokens:
        raise Unsayable("template")  # it says what came before differently once there is a reply
    return _Sequence(turn.id, score, messages, prompt, tokens, logprobs)


def _reads_as(
    reply: GroupReply, said: dict[str, Any], tokenizer: Tokenizer, redactor: Redactor
) -> bool:
    """Whether the tokens are this tokenizer's, and say what the reply says and no secret: another
    model's ids would read as anything."""
    assert reply.sampled is not None
    try:
        text = tokenizer.text(reply.sampled.tokens)
    except Exception:  # whatever a tokenizer may do with ids that are not its own
        return False
    wanted = [said["content"].strip(), (said.get("reasoning_content") or "").strip()]
    wanted += [call["function"]["name"] for call in said.get("tool_calls", ())]
    return all(part in text for part in wanted) and redactor.said(text) == text
