"""One answer to different messages that do not ask for it, from one source or in one hand. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from capture.anomalies.samples import Limits, Verdict
from capture.anomalies.sources import beside_the_main_one, by_name
from capture.anomalies.style import Style
from capture.anomalies.suspects import Suspect, Turn
from capture.anomalies.talk import Talk
from capture.anomalies.wording import ends, words

_STYLED = 2_000
"""Characters of a message that its style is read from."""


def of_style(
    turns: Sequence[Turn], suspects: Mapping[int, Suspect], talk: Talk, limits: Limits
) -> Iterable[Verdict]:
    """Messages unlike their source's own that got one answer."""
    messages: dict[str, set[str]] = defaultdict(set)
    for turn in turns:
        messages[turn.sample.source].add(_shown(turn))
    styles: dict[str, Style] = {}
    for source, places, _ in _one_answer(turns, suspects, talk):
        own = len(messages[source] - {_shown(turns[place]) for place in places})
        if own < limits.history:
            continue
        if source not in styles:
            styles[source] = Style(sorted(messages[source]))
        off = {place: styles[source].off(_shown(turns[place])) for place in places}
        odd = [place for place in places if len(off[place]) >= limits.off]
        conversations = len({turns[place].conversation for place in odd})
        if conversations < max(limits.cluster, limits.tied * len(places)):
            continue
        measures = Counter(name for place in odd for name in off[place])
        by = ", ".join(name for name, _ in sorted(measures.most_common(limits.off)))
        reason = (
            f"different messages in {conversations} conversations got the same answer, all unlike "
            f"{own} others of their source ({by})"
        )
        yield "style", reason, odd


def of_sources(
    turns: Sequence[Turn], suspects: Mapping[int, Suspect], talk: Talk, limits: Limits
) -> Iterable[Verdict]:
    """Sources beside the main one of which most messages got one answer."""
    sources = by_name([turn.sample for turn in turns])
    beside = {source.name: len(source.began) for source in beside_the_main_one(sources.values())}
    total = len({turn.conversation for turn in turns})
    for name, places, suspect in _one_answer(turns, suspects, talk):
        if name not in beside:
            continue
        got = len({turns[place].conversation for place in places})
        elsewhere, rest = suspect.conversations - got, total - beside[name]
        if got >= limits.tied * beside[name] and elsewhere <= limits.elsewhere * rest:
            reason = (
                f"different messages in {got} of the {beside[name]} conversations of this source "
                f"got the same answer, and {elsewhere} of the {rest} of others"
            )
            yield "source_share", reason, places


def _one_answer(
    turns: Sequence[Turn], suspects: Mapping[int, Suspect], talk: Talk
) -> Iterable[tuple[str, Sequence[int], Suspect]]:
    """Sources that got one answer to different messages which do not ask for it, with the places of
    those turns, and the answer."""
    for suspect in suspects.values():
        by_source: dict[str, list[int]] = defaultdict(list)
        for place in suspect.places:
            if turns[place].asks:
                by_source[turns[place].sample.source].append(place)
        for source, places in by_source.items():
            own = [turns[place] for place in places]
            if suspect.was_prescribed(own) or suspect.was_asked_for(own):
                continue
            if talk.are_different_things(_messages(own), suspect.number):
                yield source, places, suspect


def _messages(turns: Iterable[Turn]) -> dict[int, tuple[str, ...]]:
    """The first of each conversation."""
    found: dict[int, tuple[str, ...]] = {}
    for turn in turns:
        found.setdefault(turn.conversation, tuple(words(turn.sample.said)))
    return found


def _shown(turn: Turn) -> str:
    return ends(turn.sample.said, _STYLED)
