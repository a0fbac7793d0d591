"""`majordomo policy explain|test`: the escalation policy read aloud, and held against requests.

Nothing is sent and no gateway is asked: the settings file decides, over the history in the home's
store where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson

from capture.adapters import base_sha256, read_pointer
from capture.store import Store, StoreError
from gateway.commands.console import clean, fail, say, say_json
from gateway.commands.explain import called, show_rules
from gateway.config import load_file
from gateway.config_errors import ConfigErrors
from gateway.decisions import Known
from gateway.errors import GatewayError
from gateway.history import HistoryKeeper, homes_of
from gateway.home import Home
from gateway.policy_cases import Case, Expected, differences, features_of_case, read_cases
from gateway.rehearsal import Rehearsal, Rehearsed
from gateway.settings import Settings
from gateway.upstreams.house_model import HOUSE_MODEL_DIR
from gateway.wire_decision import decision_view
from routers.aloud import Said, Topic, aloud
from routers.explain import foretell
from routers.features import Budget

_HEADINGS: dict[Topic, str] = {
    "private": "What stays home",
    "latch": "What stays with burst",
    "rules": "Rules: the first that applies decides",
    "asked": "What a client asks for by name",
    "skills": "Skills with a name or a mode of their own",
    "default": "Everything else",
    "fallback": "When that cannot answer",
    "check": "Before a local answer is handed over",
    "constraints": "What nothing above overrides",
}


class _Held(NamedTuple):
    """One case, with what became of it."""

    name: str
    differs: tuple[str, ...]
    """What is not as expected; empty when it holds."""
    sentence: str | None
    """Where it would go; None for what is no request."""


def explain(path: Path, *, as_json: bool) -> None:
    """Read the policy aloud, in order of decision."""
    said = sentences(settings_in(path))
    if as_json:
        say_json({"sentences": [each._asdict() for each in said]})
        return
    n = 0
    for about, heading in _HEADINGS.items():
        lines = [each.text for each in said if each.about == about]
        if not lines:
            continue
        n += 1
        say(f"{n}. {heading}")
        for line in lines:
            say(f"   {clean(line)}")


def test(
    home: Home, settings: Path, cases: Path | None, request: str | None, *, as_json: bool
) -> None:
    """Say which way one request would go, or whether every case goes where it is expected to."""
    if (cases is None) == (request is None):
        fail("give a file of cases, or one request with --request")
    rehearsal = rehearsal_of(home, settings_in(settings))
    if request is not None:
        _one(rehearsal, request, as_json=as_json)
    elif cases is not None:
        _all(rehearsal, cases, as_json=as_json)


def settings_in(path: Path) -> Settings:
    """The settings in a file; ends the command when they are wrong."""
    try:
        return load_file(path).settings
    except ConfigErrors as error:
        fail("\n".join(error.lines))


def sentences(settings: Settings) -> tuple[Said, ...]:
    """The policy of these settings, read aloud."""
    limits = settings.escalation.budget
    rehearsal = Rehearsal(settings)
    return aloud(rehearsal.policy, rehearsal.links.well, Budget(limits.day_usd, limits.month_usd))


def rehearsal_of(home: Home, settings: Settings) -> Rehearsal:
    """A gateway of this home with these settings, over what the home's store knows."""
    rehearsal = Rehearsal(settings, read_pointer(home.adapters).adapter)
    if rehearsal.policy.learned is not None and home.database.exists():
        rehearsal.know(_known(home, rehearsal))
    return rehearsal


def rehearsals_of(home: Home, several: Sequence[Settings]) -> list[Rehearsal]:
    """The same for several settings. Those that differ in their policy alone share all else."""
    made: list[Rehearsal] = []
    for settings in several:
        alike = next((each for each in made if _but_for_policy(each.settings, settings)), None)
        if alike is None:
            made.append(rehearsal_of(home, settings))
        else:
            made.append(alike.under(settings.escalation))
    return made


def _but_for_policy(one: Settings, other: Settings) -> bool:
    """They are the same, the policy aside; and what one of them knows will do for the other."""
    same = one.model_copy(update={"escalation": other.escalation}) == other
    return same and (one.escalation.default == "learned" or other.escalation.default != "learned")


def _known(home: Home, rehearsal: Rehearsal) -> Known:
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        keeper = HistoryKeeper(
            store,
            home.adapters,
            lambda: base_sha256(HOUSE_MODEL_DIR),
            lambda _: None,
            lambda: True,
        )
        return keeper.read(tuple(homes_of(rehearsal.links)))
    finally:
        store.close()


def _one(rehearsal: Rehearsal, request: str, *, as_json: bool) -> None:
    try:
        body = orjson.loads(request)
    except orjson.JSONDecodeError as error:
        fail(f"the request is no JSON: {error}")
    if not isinstance(body, dict):
        fail("the request must be a JSON object, as clients send it")
    found = _found(
        rehearsal, Case(name="request", request=cast("dict[str, Any]", body), expect=Expected())
    )
    if isinstance(found, str):
        fail(found)
    view = decision_view(found)
    if as_json:
        say_json(view.model_dump(mode="json"))
        return
    say(f"[bold]{clean(view.sentence)}[/]")
    say(f"skill: {called(view.skill or '', view.skill_name)}")
    show_rules(view.rules)
    for choice in view.choices:
        cost = "at an unknown price"
        if choice.worst_case_usd is not None:
            cost = f"for ${choice.worst_case_usd:.4f} at most" if choice.worst_case_usd else "free"
        out = "" if choice.ruled_out is None else f"; ruled out: {clean(choice.ruled_out.text)}"
        who = f"{clean(choice.model)} at {clean(choice.upstream)}"
        say(f"{choice.mode or 'by its name'}: {who}, {cost}{out}")


def _all(rehearsal: Rehearsal, path: Path, *, as_json: bool) -> None:
    try:
        cases = read_cases(path)
    except ConfigErrors as error:
        fail("\n".join(error.lines))
    rules = [rule.name for rule in rehearsal.policy.rules]
    results = [_held(rehearsal, case, rules) for case in cases]
    failed = sum(bool(result.differs) for result in results)
    if as_json:
        say_json({"ok": not failed, "cases": [result._asdict() for result in results]})
    else:
        for result in results:
            _tell(result)
        say(f"{len(results) - failed} of {len(results)} cases go where they are expected to.")
    if failed:
        raise SystemExit(1)


def _held(rehearsal: Rehearsal, case: Case, rules: Sequence[str]) -> _Held:
    found = _found(rehearsal, case)
    if isinstance(found, str):
        return _Held(case.name, (found,), None)
    return _Held(case.name, differences(case.expect, found, rules), foretell(found.decision))


def _found(rehearsal: Rehearsal, case: Case) -> Rehearsed | str:
    """What would become of a case; why nothing can, where its body is no request."""
    try:
        return rehearsal.of(features_of_case(case, rehearsal.policy.latch))
    except GatewayError as error:
        return error.message


def _tell(result: _Held) -> None:
    if not result.differs:
        say(f"[green]ok[/]   {clean(result.name)}")
        return
    say(f"[red]FAIL[/] {clean(result.name)}: {clean('; '.join(result.differs))}")
    if result.sentence is not None:
        say(f"     {clean(result.sentence)}")
