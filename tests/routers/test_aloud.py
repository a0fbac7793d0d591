from __future__ import annotations

from capture.exchange import Mode
from routers.aloud import Change, aloud, changes
from routers.conditions import ConversationIn, HeaderIs, ToolOffered, ToolsPresent
from routers.escalation import Learned, Policy, Rule
from routers.features import Budget, Fleet, Place

HOUSE = Fleet(
    (
        Place(Mode.RESTING, "ollama", "small", local=True),
        Place(Mode.BURST, "claude", "opus", local=False),
    ),
    {"coder": Place(None, "ollama", "qwen", local=True)},
)


UNLIMITED = Budget()


def heard(policy: Policy, limits: Budget = UNLIMITED) -> str:
    return " ".join(said.text for said in aloud(policy, HOUSE, limits))


def test_every_part_of_a_policy_is_heard() -> None:
    offered = (ToolOffered(("a", "b", "c")), HeaderIs("x-batch", False))
    rules = (
        Rule("all", (), None, private=True),
        Rule("both", offered, Mode.ACTIVE, private=True),
        Rule("stay", (ConversationIn((Mode.BURST, Mode.ACTIVE)),), Mode.BURST),
    )
    text = heard(Policy(Mode.BURST, rules, (Mode.RESTING,), Learned(0.7), verify=True))
    assert "Rule `all`: always, the request never leaves home." in text
    assert (
        "Rule `both`: when the tool `a`, `b` or `c` is offered and header `x-batch` is absent, "
        "active answers."
    ) in text
    assert "when the conversation was last answered in burst or active, burst answers." in text
    assert "`coder` means `qwen` at `ollama`, at home" in text
    assert "proven on the request's skill (a posterior of 0.7 or more)" in text
    assert "held until its calls are checked" in text
    assert "active (which no model serves)" in heard(Policy(Mode.ACTIVE))
    assert "nothing else is tried" in heard(Policy(Mode.ACTIVE))
    assert "$5.00 a day and $20.00 a calendar month" in heard(
        Policy(Mode.ACTIVE), Budget(5.0, 20.0)
    )


def test_a_policy_and_itself_differ_in_nothing() -> None:
    said = aloud(Policy(Mode.BURST, (Rule("a", (), Mode.BURST),)), HOUSE, Budget())
    assert changes(said, said) == ()


def test_what_was_added_dropped_and_moved_is_told_once() -> None:
    tools = Rule("tools", (ToolsPresent(True),), Mode.ACTIVE)
    talk = Rule("talk", (ToolsPresent(False),), Mode.RESTING)
    old = aloud(Policy(Mode.BURST, (tools, talk)), HOUSE, Budget())
    moved = aloud(Policy(Mode.BURST, (talk, tools)), HOUSE, Budget())
    assert changes(old, moved) == (
        Change(
            "rules",
            "Read in the order `tools`, then `talk`.",
            "Read in the order `talk`, then `tools`.",
        ),
    )
    fewer = aloud(Policy(Mode.BURST, (tools,)), HOUSE, Budget())
    gone = "Rule `talk`: when no tools are offered, resting answers."
    assert changes(old, fewer) == (Change("rules", gone, None),)
    assert changes(fewer, old) == (Change("rules", None, gone),)
