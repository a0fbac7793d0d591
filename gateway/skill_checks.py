"""What the `skills:` section says of itself, of the policy and of the modes there are: what cannot
be, and what is probably not meant.

Part of `gateway.policy_checks`: fields are each valid already; `written` says what the file holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from capture.exchange import Mode
from gateway.remarks import Remark, Written
from gateway.settings import Rule, Settings, SkillsSettings, Target
from routers.patterns import like

_S = "skills"
_DERIVED = ("tool:", "tools:")
"""How keys begin that nobody gave."""


def contradictions(
    settings: Settings, there: Mapping[Mode, Target], written: Written, *, away: bool
) -> Iterator[Remark]:
    """What makes names or pins unusable. `there` are the modes that a model serves; `away`: BURST
    is not at home."""
    yield from _renamed_twice(settings.skills)
    for pattern, mode in settings.skills.pin.items():
        if there and mode not in there and not written(("modes", mode.value)):
            yield Remark((_S, "pin", pattern), f"no model serves {mode}")
        if mode is Mode.BURST and away and (rule := _keeping(settings, pattern)) is not None:
            text = f"never reaches burst: rule `{rule.name}` keeps this skill at home"
            yield Remark((_S, "pin", pattern), text)


def warnings(settings: Settings) -> Iterator[Remark]:
    """What is allowed and probably not meant."""
    skills = settings.skills
    for field, patterns in (("names", list(skills.names)), ("pin", list(skills.pin))):
        for n, pattern in enumerate(patterns):
            wider = next((each for each in patterns[:n] if like(each, pattern)), None)
            if wider is not None:
                text = f"never counts: `{wider}` before it takes whatever it fits"
                yield Remark((_S, field, pattern), text, key=True)
    for pattern in skills.pin:
        if (meant := _misspelt(pattern, skills)) is not None:
            text = f"no skill has the name `{pattern}`; did you mean `{meant}`?"
            yield Remark((_S, "pin", pattern), text, key=True)
    always = next((r for r in settings.escalation.rules if r.then and _always(r)), None)
    if always is not None:
        for pattern in skills.pin:
            text = f"never reached: rule `{always.name}` always applies"
            yield Remark((_S, "pin", pattern), text)


def _renamed_twice(skills: SkillsSettings) -> Iterator[Remark]:
    """Names that are renamed themselves: one step is made, never two."""
    for pattern, name in skills.names.items():
        other = skills.names.get(name, name)
        if other != name:
            text = f"`{name}` is itself called `{other}` here; call both by one name"
            yield Remark((_S, "names", pattern), text)


def _keeping(settings: Settings, pinned: str) -> Rule | None:
    """A private rule that keeps at home whatever this pin is for; None when none does."""
    names = settings.skills.names
    keys = [key for key, name in names.items() if like(pinned, name)]
    return next((r for r in settings.escalation.rules if _keeps(r, pinned, keys)), None)


def _keeps(rule: Rule, pinned: str, keys: Sequence[str]) -> bool:
    if not rule.private or rule.when.model_fields_set - {"skill"}:
        return False
    patterns = rule.when.skill
    if patterns is None or any(like(each, pinned) for each in patterns):
        return True
    return bool(keys) and all(any(like(each, key) for each in patterns) for key in keys)


def _misspelt(pinned: str, skills: SkillsSettings) -> str | None:
    """The name or key that was probably meant; None for what may well be a skill."""
    known = {*skills.names, *skills.names.values()}
    if any(like(pinned, each) or like(each, pinned) for each in known):
        return None
    if "*" in pinned or pinned.startswith(_DERIVED):
        return None
    close = get_close_matches(pinned, sorted(known), n=1, cutoff=0.75)
    return close[0] if close else None


def _always(rule: Rule) -> bool:
    return not rule.when.model_fields_set
