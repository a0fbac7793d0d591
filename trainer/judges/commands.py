"""`majordomo judge run|status|calibrate`. The gateway's command line calls these with plain values.

Exit statuses: 0 judges were asked, or how they stand was said; 1 it could not be done, and why is
said; 3 there is nothing to judge.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.markup import escape

from capture.store.migrate import StoreError
from trainer.commands import NOTHING, PROBLEM, fail, household_of, out, say_json
from trainer.files import Held
from trainer.household import Household
from trainer.judges.current import current
from trainer.judges.ledger import Known
from trainer.judges.run import NothingToJudge, Report, run
from trainer.judges.standing import Standing
from trainer.progress import shown

_OFF = "judging is off: no judge is named under `trainer.judges` (docs/judging.md)"
_EXAMPLES = 5
"""Verdicts that are told one by one."""


def judge(
    *, as_json: bool, limit: int | None = None, calibrate_only: bool = False, **given: Any
) -> None:
    """Ask judges what they have not answered yet, and say how they stand."""
    household = _household(given, as_json=as_json)
    try:
        with shown() as watch:
            report = run(household, watch, limit=limit, calibrate_only=calibrate_only)
    except NothingToJudge as error:
        fail(str(error), NOTHING, as_json=as_json)
    except Held as error:
        fail(f"training is held by {error.who}", PROBLEM, as_json=as_json)
    except (StoreError, OSError) as error:
        fail(str(error), PROBLEM, as_json=as_json)
    if as_json:
        say_json(plain(report.standing) | _done(report))
    else:
        _tell(report.standing)
        _tell_done(household, report)


def status(*, as_json: bool, **given: Any) -> None:
    """Say how judging stands. Nobody is asked."""
    household = _household(given, as_json=as_json)
    known = Known.read(household.training)
    found = current(household, known)
    if as_json:
        say_json(plain(found))
        return
    _tell(found)
    for id_, weighed in list(found.ratings.items())[-_EXAMPLES:]:
        out().print(f"{escape(id_)}: {weighed.sentence}")


def plain(found: Standing) -> dict[str, Any]:
    """How judging stands, as JSON says it."""
    agreed = found.agreement
    return {
        "phase": found.stage.phase,
        "why": found.stage.why,
        "agreement": {"turns": agreed.turns, "share": agreed.share, "kappa": agreed.kappa},
        "judges": [
            {
                "judge": each.judge,
                "may_vote": each.may_vote,
                "separation": each.separation,
                "caught": each.caught,
                "planted": {"good": each.good, "damaged": each.damaged},
                "verdict": each.sentence,
            }
            for each in found.calibrations.values()
        ],
        "ratings": dict(Counter(each.standing for each in found.ratings.values())),
        "kept_out": sorted(found.kept_out),
        "comparisons": len(found.comparisons),
        "pairs": len(found.pairs),
        "process": len(found.process),
        "hints": len(found.hints),
    }


def _done(report: Report) -> dict[str, Any]:
    return {
        "answered": dict(report.answered),
        "spent_today_usd": report.spent_usd,
        "away": dict(report.away),
        "out_of_money": report.broke,
    }


def _household(given: dict[str, Any], *, as_json: bool) -> Household:
    household = household_of(**given)
    if household.judges is None:
        fail(_OFF, PROBLEM, as_json=as_json)
    return household


def _tell(found: Standing) -> None:
    for each in found.calibrations.values():
        out().print(escape(each.sentence))
    who = {"hired": "Hired judges decide", "parallel": "Hired judges decide, local ones judge too"}
    out().print(f"{who.get(found.stage.phase, 'Local judges decide')}: {escape(found.stage.why)}.")
    counts = Counter(each.standing for each in found.ratings.values())
    told = ", ".join(f"{count:,} {word}" for word, count in counts.most_common())
    out().print(f"Turns rated: {told or 'none'}; {len(found.kept_out):,} do not train.")
    out().print(
        f"Pairs compared: {len(found.comparisons):,}, of which {len(found.pairs):,} have a better "
        f"reply; steps judged: {len(found.process):,}; hints: {len(found.hints):,}."
    )


def _tell_done(household: Household, report: Report) -> None:
    judging = household.judges
    limit = None if judging is None else judging.settings.day_usd
    of = "" if limit is None else f" of ${limit:.2f}"
    answers = sum(report.answered.values())
    out().print(f"{answers:,} answers; ${report.spent_usd:.4f}{of} spent today (UTC).")
    for name, why in report.away.items():
        out().print(f"[yellow]{escape(name)} was left alone[/]: {escape(why)}")
    if report.broke:
        out().print(
            "[yellow]The day's budget does not cover another question[/] "
            "(`trainer.judges.day_usd`); the rest can be asked tomorrow."
        )
