"""`majordomo explain ID`: who answered one exchange and why, and what every rule saw.

The running gateway is asked, since it also knows what is in flight; when none runs, the store is
read directly.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from rich.table import Table

from capture.store import BodyDamaged, Store, StoreError
from capture.store.bodies import REMEDY
from gateway.client import ClientTrouble, NotRunning, Refused, ask
from gateway.commands.console import clean, console, exchange_id, fail, say, say_json, table
from gateway.endpoints.explaining import explanation
from gateway.endpoints.weighed import weighed_lines
from gateway.home import Home
from gateway.keys import KeysError
from gateway.wire import Explanation, RuleView

_OUTCOMES = {
    "chosen": "[green]chose[/]",
    "matched": "[cyan]applied[/]",
    "no_match": "did not apply",
    "not_reached": "[dim]not reached[/]",
}


def explain(home: Home, id: str, *, as_json: bool) -> None:
    """Show why an exchange went where it went."""
    wanted = exchange_id(id)
    found = _find(home, wanted)
    if as_json:
        say_json(found.model_dump(mode="json"))
    else:
        _show(found)


def _find(home: Home, id: str) -> Explanation:
    try:
        return Explanation.model_validate(ask(home, f"/v1/exchanges/{id}/explain"))
    except NotRunning:
        return _from_store(home, id)
    except Refused as error:
        fail(f"there is no exchange {id}" if error.status == 404 else str(error))
    except (ClientTrouble, KeysError) as error:
        fail(str(error))
    except ValidationError as error:
        fail(f"the gateway explains it in a way this version does not understand: {error}")


def _from_store(home: Home, id: str) -> Explanation:
    try:
        store = Store.open_reader(home.database)
    except StoreError as error:
        fail(str(error))
    try:
        detail = store.exchange(id)
    except BodyDamaged as error:
        fail(f"{error}; {REMEDY}")
    finally:
        store.close()
    if detail is None:
        fail(f"there is no exchange {id} in {home.database}")
    return explanation(detail)


def _show(why: Explanation) -> None:
    say(f"[bold]{clean(why.sentence)}[/]")
    if why.skill is not None:
        known = "" if why.confidence is None else f", at home with probability {why.confidence:.2f}"
        say(f"skill: {called(why.skill, why.skill_name)}{known}")
    if why.private:
        say("It was private: it could not leave home on any path.")
    show_rules(why.rules)
    for excluded in why.excluded:
        reason = clean(excluded.reason.text)
        say(f"ruled out: {_place(excluded.place.model, excluded.place.upstream)}: {reason}")
    for place in why.checked:
        say(f"checked before it is handed over: {_place(place.model, place.upstream)}")
    for line in () if why.weighing is None else weighed_lines(why.weighing):
        say(f"weighed: {clean(line)}")
    for number, attempt in enumerate(why.attempts, 1):
        took = "" if attempt.total_s is None else f" in {attempt.total_s:.2f} s"
        error = "" if attempt.error is None else f": {clean(attempt.error)}"
        place = _place(attempt.model, attempt.upstream)
        if attempt.adapter is not None:
            place += f" with adapter {clean(attempt.adapter)}"
        say(f"attempt {number}: {place}: {clean(attempt.status)}{took}{error}")


def called(skill: str, name: str | None) -> str:
    """A skill by its name, where it has one, and its key."""
    return clean(skill if name is None else f"{name} ({skill})")


def show_rules(rules: Sequence[RuleView]) -> None:
    """What every rule saw, as a table."""
    if not rules:
        say("No rules are set, so none had a say.")
        return
    rows = table("rule", "outcome", "condition", "wanted", "found", "")
    for rule in rules:
        _add_rule(rows, rule)
    console().print(rows)


def _place(model: str, upstream: str) -> str:
    return f"{clean(model)} at {clean(upstream)}"


def _add_rule(rows: Table, rule: RuleView) -> None:
    name, outcome = clean(rule.name), _OUTCOMES[rule.outcome]
    if not rule.saw:
        rows.add_row(name, outcome, "", "", "", "")
    for check in rule.saw:
        rows.add_row(
            name,
            outcome,
            clean(check.condition),
            clean(check.wanted),
            clean(check.found),
            "[green]held[/]" if check.held else "[red]did not hold[/]",
        )
        name = outcome = ""
