"""The look at one reply: every check, what they found, their figures under fixed names. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from capture.messages import Message
from routers.checks import of_calls, of_words, tokens
from routers.checks.said import Said
from routers.checks.values import NEUTRAL, Asked, Finding, Looked


def look(
    asked: Asked,
    reply: Message,
    finish: str | None = None,
    logprobs: Sequence[float] | None = None,
) -> Looked:
    """What can be seen of a reply before it is handed over. Never raises, whatever the reply is.

    Args:
        asked: what it answers.
        reply: the reply; its thinking does not count.
        finish: why the model stopped, as OpenAI's chat dialect spells it; None when unknown.
        logprobs: log-probabilities of its meaningful tokens (`tokens.meaningful`); None when the
            upstream gives none.
    """
    said = Said(asked.messages)
    of = of_calls.look if reply.tool_calls else of_words.look
    found, figures = of(asked, reply, said)
    cut = finish == "length"
    if cut:
        found = [finding for finding in found if finding.code != "cut_off"]
        found.append(Finding("cut_off", "it was cut off at its length"))
    elif finish == "content_filter":
        found.append(Finding("filtered", "it was cut off by the upstream's content filter"))
    found.sort(key=lambda finding: not finding.fatal)
    features = {**NEUTRAL, **figures, **tokens.figures(logprobs)}
    features["cut_off"] = max(features["cut_off"], float(cut))
    return Looked(tuple(found), features)
