"""What the escalation policy says of itself and of the modes there are: what cannot be, and what is
probably not meant.

As with `gateway.config_checks`, fields are each valid already; `written` says what the file holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from capture.exchange import Mode
from gateway import skill_checks
from gateway.config_errors import suggestion
from gateway.policy import quiet_hours
from gateway.remarks import Remark, Written, served
from gateway.settings import Escalation, Rule, Settings, Target
from gateway.yaml_source import Path
from routers.agreement import lineage
from routers.hours import DAY, Window
from routers.patterns import like

_E = "escalation"
_OPINIONS = 3
"""Places that a request may see under `agreement`: two at home, then BURST."""


def contradictions(settings: Settings, written: Written, names: Sequence[str]) -> Iterator[Remark]:
    """What makes the policy unusable. `names` are the model names that clients may ask for."""
    yield from _rule_faults(settings, written, names)
    if _away(settings):
        yield from _kept_home(settings.escalation, written)
    yield from _quiet_faults(settings)
    yield from _unweighable(settings, written)
    there = served(settings)
    yield from skill_checks.contradictions(settings, there, written, away=_away(settings))
    if there:
        yield from _nowhere(settings.escalation, there, written)
    if (
        there
        and Mode.BURST not in there
        and written((_E, "latch"))
        and settings.escalation.latch.on
    ):
        text = "a latch keeps tasks in burst, which no model serves"
        yield Remark((_E, "latch"), text, key=True)


def warnings(settings: Settings) -> Iterator[Remark]:
    """What is allowed and probably not meant. Only for settings without faults."""
    escalation = settings.escalation
    yield from _unserved(settings)
    yield from _no_second_opinion(settings)
    yield from _too_few_tries(settings)
    yield from _idle_rules(settings)
    yield from _idle_history(escalation)
    yield from _idle_hours(settings)
    yield from _idle_approval(settings)
    yield from skill_checks.warnings(settings)
    day, month = escalation.budget.day_usd, escalation.budget.month_usd
    if day is not None and month is not None and day > month:
        text = "a day's budget above the month's never matters"
        yield Remark((_E, "budget", "day_usd"), text)


def _rule_faults(settings: Settings, written: Written, known: Sequence[str]) -> Iterator[Remark]:
    seen: set[str] = set()
    for n, rule in enumerate(settings.escalation.rules):
        path: Path = ("escalation", "rules", n)
        if rule.name in seen:
            text = f"an earlier rule is called `{rule.name}` too; names must differ"
            yield Remark((*path, "name"), text)
        seen.add(rule.name)
        if rule.then is None and not rule.private and not written((*path, "then")):
            text = f"rule `{rule.name}` does nothing: give it `then: MODE` or `private: true`"
            yield Remark(path, text)
        low, high = rule.when.min_input_tokens, rule.when.max_input_tokens
        if low is not None and high is not None and low > high:
            text = f"no prompt is both at least {low:,} and at most {high:,} tokens"
            yield Remark((*path, "when", "min_input_tokens"), text)
        for asked in rule.when.model or ():
            if asked not in known and not written(("models", asked)):
                text = f"no client can ask for `{asked}`{suggestion(asked, known)}"
                yield Remark((*path, "when", "model"), text)


def _away(settings: Settings) -> bool:
    """BURST is not at home, as far as the settings say."""
    burst = settings.modes.burst
    upstream = None if burst is None else settings.upstreams.get(burst.upstream)
    return upstream is None or not upstream.is_local


def _kept_home(escalation: Escalation, written: Written) -> Iterator[Remark]:
    """Rules that send to burst where another keeps everything at home."""
    keeps = next((r.name for r in escalation.rules if r.private and _always(r)), None)
    if keeps is None:
        return
    why = f"rule `{keeps}` keeps every request at home"
    for n, rule in enumerate(escalation.rules):
        if rule.then is Mode.BURST:
            yield Remark((_E, "rules", n, "then"), f"never reaches burst: {why}")
    if escalation.default is Mode.BURST and written((_E, "default")):
        yield Remark((_E, "default"), f"nothing can go to burst: {why}")


def _nowhere(
    escalation: Escalation, there: Mapping[Mode, Target], written: Written
) -> Iterator[Remark]:
    """A default that no model serves, after which no fallback is one that a model does."""
    default = Mode.BURST if escalation.default == "learned" else escalation.default
    if default in there or any(mode in there for mode in escalation.fallback):
        return
    field = "fallback" if written((_E, "fallback")) else "default"
    names = " or ".join(f"`{mode}`" for mode in there)
    text = f"no model serves {default}, and none a mode to fall back to; name {names} here"
    yield Remark((_E, field), text)


def _quiet_faults(settings: Settings) -> Iterator[Remark]:
    there = served(settings)
    hours = [quiet_hours(each) for each in settings.escalation.quiet if each.from_ != each.to]
    for n, each in enumerate(settings.escalation.quiet):
        if each.from_ == each.to:
            yield Remark((_E, "quiet", n, "to"), "quiet hours must end at another time")
    for n, each in enumerate(hours):
        before = next((one for one in hours[:n] if one.window.meets(each.window)), None)
        if before is not None:
            text = f"quiet hours overlap: {each.window}, and {before.window} before"
            yield Remark((_E, "quiet", n), text)
        if there and not any(mode in there for mode in each.modes):
            text = f"nothing could answer from {each.window}: no model serves these modes"
            yield Remark((_E, "quiet", n, "modes"), text)


def _unserved(settings: Settings) -> Iterator[Remark]:
    there = served(settings)
    escalation = settings.escalation
    if not there:
        return
    yield from _unserved_default(escalation.default, there)
    if "fallback" in escalation.model_fields_set:
        for n, mode in enumerate(escalation.fallback):
            if mode not in there:
                text = f"no model serves {mode}, so nothing falls back to it"
                yield Remark(("escalation", "fallback", n), text)
            elif mode in escalation.fallback[:n]:
                yield Remark(("escalation", "fallback", n), f"{mode} is listed before")
    for n, rule in enumerate(escalation.rules):
        if rule.then is not None and rule.then not in there:
            text = f"no model serves {rule.then}: the fallback order answers"
            yield Remark(("escalation", "rules", n, "then"), text)


def _unserved_default(default: Mode | str, there: Mapping[Mode, Target]) -> Iterator[Remark]:
    path: Path = ("escalation", "default")
    if default == "learned":
        if Mode.BURST not in there:
            yield Remark(path, "`learned` sends what is not proven to burst, which no model serves")
        elif len(there) == 1:
            yield Remark(path, "`learned` has no local mode to learn about: all goes to burst")
    elif default not in there:
        yield Remark(path, f"no model serves the default, {default}: the fallback order answers")


def _idle_rules(settings: Settings) -> Iterator[Remark]:
    burst = settings.modes.burst
    burst_away = burst is not None and not settings.upstreams[burst.upstream].is_local
    always: Rule | None = None
    for n, rule in enumerate(settings.escalation.rules):
        path: Path = ("escalation", "rules", n)
        if rule.private and rule.then is Mode.BURST and burst_away:
            text = "private requests stay home, so this rule never reaches burst"
            yield Remark((*path, "then"), text)
        if always is not None and not rule.private and rule.when.model is None:
            yield Remark(path, f"never reached: rule `{always.name}` before it always applies")
        same = _same_when(settings.escalation.rules[:n], rule)
        if always is None and same is not None:
            yield Remark(path, f"never reached: rule `{same.name}` before it asks the same")
        if always is None and rule.then is not None and _always(rule):
            always = rule


def _always(rule: Rule) -> bool:
    return not rule.when.model_fields_set


def _same_when(before: Sequence[Rule], rule: Rule) -> Rule | None:
    """An earlier rule that decides whatever this one could."""
    if rule.private or _always(rule):
        return None
    return next((each for each in before if each.then and each.when == rule.when), None)


def _idle_history(escalation: Escalation) -> Iterator[Remark]:
    """Thresholds and ready rules that nothing asks."""
    history, path = escalation.history, (_E, "history")
    if "history" not in escalation.model_fields_set:
        return
    if escalation.default != "learned":
        yield Remark(path, "counts only under `default: learned`", key=True)
        return
    if history.rule != "posterior":
        for field in ("home_at", "skills"):
            if field in history.model_fields_set and getattr(history, field):
                text = f"counts for nothing beside `rule: {history.rule}`"
                yield Remark((*path, field), text, key=True)
    patterns = list(history.skills)
    for n, pattern in enumerate(patterns):
        wider = next((each for each in patterns[:n] if like(each, pattern)), None)
        if wider is not None:
            text = f"never counts: `{wider}` before it takes whatever it fits"
            yield Remark((*path, "skills", pattern), text, key=True)


def _idle_hours(settings: Settings) -> Iterator[Remark]:
    """Hours that no model, or no rule, has a part in."""
    escalation, there = settings.escalation, served(settings)
    hours = [quiet_hours(each) for each in escalation.quiet]
    for n, each in enumerate(hours):
        for mode in each.modes:
            if there and mode not in there:
                yield Remark((_E, "quiet", n, "modes"), f"no model serves {mode}")
    for n, rule in enumerate(escalation.rules):
        windows = [Window.of(text) for text in rule.when.between or ()]
        minutes = [m for m in range(DAY) if any(window.holds(m) for window in windows)]
        hushed = (
            any(each.window.holds(m) and rule.then not in each.modes for each in hours)
            for m in minutes
        )
        if rule.then is not None and minutes and hours and all(hushed):
            text = f"{rule.then} may not answer at these hours: they are quiet"
            yield Remark((_E, "rules", n, "then"), text)
    asked = escalation.quiet or any(rule.when.between for rule in escalation.rules)
    if escalation.timezone is not None and not asked:
        text = "nothing here asks what time it is"
        yield Remark((_E, "timezone"), text, key=True)


def _unweighable(settings: Settings, written: Written) -> Iterator[Remark]:
    """What `max_quality_loss` cannot be had with."""
    escalation, there, path = settings.escalation, served(settings), (_E, "max_quality_loss")
    if escalation.max_quality_loss is None or not written(path):
        return
    if escalation.default != "learned":
        text = f"counts only with `default: learned`; the default is `{escalation.default}`"
        yield Remark(path, text, key=True)
    elif escalation.hold == "calls":
        text = "weighs whole replies, so it needs `hold: replies`"
        yield Remark((_E, "hold"), text)
    elif there and (Mode.BURST not in there or len(there) == 1):
        text = "holds local models against burst; serve one of `resting` and `active`, and `burst`"
        yield Remark(path, text, key=True)


def _too_few_tries(settings: Settings) -> Iterator[Remark]:
    """What keeps a weighed request from reaching burst."""
    asked = len(served(settings))
    if settings.escalation.max_quality_loss is not None and settings.retries.attempts < asked:
        text = (
            f"{asked} places are asked in turn; `retries.attempts` is {settings.retries.attempts}"
        )
        yield Remark((_E, "max_quality_loss"), text)


def _idle_approval(settings: Settings) -> Iterator[Remark]:
    """Approval where it asks nobody, or leaves nobody to answer."""
    there = served(settings)
    if settings.escalation.approval != "ask" or not there:
        return
    free = [settings.upstreams[target.upstream].is_free for target in there.values()]
    if all(free):
        yield Remark((_E, "approval"), "nobody is asked: nothing here costs money")
    elif not any(free):
        text = "no mode is free, so a no, a tool loop and a side call are refused"
        yield Remark((_E, "approval"), text)


def _no_second_opinion(settings: Settings) -> Iterator[Remark]:
    """What keeps `agreement` from being worth what it costs."""
    if settings.escalation.verify != "agreement":
        return
    path: Path = (_E, "verify")
    modes = served(settings)
    resting, active = modes.get(Mode.RESTING), modes.get(Mode.ACTIVE)
    if resting is None or active is None or resting == active:
        yield Remark(path, "`agreement` needs two local models: one in `resting`, one in `active`")
        return
    if settings.retries.attempts < _OPINIONS:
        text = f"`agreement` asks three places; `retries.attempts` is {settings.retries.attempts}"
        yield Remark(path, text)
    family = lineage(resting.model, active.model)
    if family is not None:
        text = (
            f"`{resting.model}` and `{active.model}` are both of the family `{family}`: such "
            "models make the same mistakes, so that they agree proves less"
        )
        yield Remark(path, text)
