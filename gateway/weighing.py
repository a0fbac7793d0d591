"""One request as the learning router weighs it: before home is asked, after each local reply, and
once the cloud has answered. Belongs to one exchange; what it came to is kept with that
(`capture.weighing`).

A local reply that may be handed over is held until every local model that may answer was asked, and
then the one most likely right goes out, or the cloud answers. An audited reply is not handed over
either: the cloud answers, and the two are held against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from capture.exchange import Mode, Reason, RouteDecision
from capture.messages import Message
from capture.replies import Choice, ReplyReader
from capture.weighing import Agreement, Weighing
from gateway.upstreams.base import ChatRequest
from routers.agreement import agree
from routers.brain import Settled
from routers.cascade import Step, next_look
from routers.checks import Asked, Looked
from routers.checks.looking import look
from routers.features import Features
from routers.learning import Learning
from routers.tasks import task_text

BESIDE_BYTES = 4 * 1024 * 1024
"""Most bytes of the cloud's reply that are held against the local ones."""
_AWAY = Reason("away", "what home says to this is hardly ever worth a look")
_AUDITED = "the cloud is asked all the same, to hold the two against each other"


class Weigher:
    """See the module."""

    def __init__(
        self,
        learning: Learning,
        weights: Mapping[Mode, str],
        request: ChatRequest,
        decision: RouteDecision,
        features: Features,
    ) -> None:
        """`weights` names what each mode is now: model, upstream and adapter."""
        body = request.body
        messages = body["messages"]
        learning.notice(weights)
        self._learning, self._weights, self._id = learning, weights, request.id
        self._asked = Asked(
            messages,
            body.get("tools") or body.get("functions") or (),
            body.get("tool_choice", body.get("function_call")),
        )
        self._homes = [place.mode for place in decision.checked]
        skill = decision.skill_name or features.skill
        text = task_text(messages)
        self._met = learning.meet(text, skill, len(features.tools), len(messages))
        self._looks: dict[str, Looked] = {}
        self._said: dict[Mode, Message] = {}
        self._agreement: Agreement | None = None
        self.weighing: Weighing | None = None
        """What it came to; None until that is clear."""
        if not self._met.asks_home:
            self.weighing = Weighing(
                "away",
                _AWAY,
                None,
                keys=tuple(self._met.sight.keys),
                bands=self._met.bands,
                figures=self._met.sight.figures,
                propensity=self._met.propensity,
                weights=weights,
            )

    @property
    def asks_home(self) -> bool:
        """Some local model is to answer first."""
        return self._met.asks_home

    @property
    def accepted(self) -> Mode | None:
        """Whose reply is to be handed over; None for the cloud's, and while that is not clear."""
        return None if self.weighing is None else self.weighing.who

    @property
    def reason(self) -> str | None:
        """Why in a word, once that is clear."""
        return None if self.weighing is None else self.weighing.reason.code

    def against(self, mode: Mode, choice: Choice) -> tuple[Reason, bool] | None:
        """Why this local reply must not go out now, and whether an agent could run it; None when it
        is the one to be handed over."""
        message = choice.message
        looked = look(self._asked, message, choice.finish_reason)
        if self._said and len(self._looks) == 1:
            self._agreement = agree(self._asked, next(iter(self._said.values())), message)
        self._looks[mode], self._said[mode] = looked, message
        step = next_look(self._homes, self._looks)
        reason = step.reason if step is not None else self.settle()
        if self.accepted is mode:
            return None
        fatal = looked.fatal
        if fatal is not None:
            return Reason("unfit", fatal.text), False
        return reason, True

    def settle(self) -> Reason:
        """Hand over or escalate, by what was seen so far; asked again it says the same."""
        if self.weighing is None:
            settled = self._learning.settle(self._id, self._met, self._looks, self._agreement)
            self.weighing = self._weighing(settled)
        return self.weighing.reason

    @property
    def compares(self) -> bool:
        """The cloud's reply is wanted, to hold the local ones against it."""
        return bool(self._said) and self.accepted is None

    def beside(self) -> Beside:
        """Who reads the cloud's reply."""
        return Beside(self)

    def compare(self, message: Message) -> None:
        """The cloud said this to the same request."""
        if self.weighing is not None:
            found = {mode: agree(self._asked, said, message) for mode, said in self._said.items()}
            self.weighing = replace(self.weighing, beside=found)

    def _weighing(self, settled: Settled) -> Weighing:
        estimate, against = settled.estimate, self._against_handing_over(settled)
        who = None if against is not None else Mode(estimate.best)
        accepting = self._accepting(settled)
        return Weighing(
            "escalate" if who is None else "accept",
            against or settled.verdict.reason,
            who,
            keys=tuple(self._met.sight.keys),
            bands=self._met.bands,
            figures=settled.sight.figures,
            found={
                Mode(mode): tuple([Reason(each.code, each.text) for each in looked.findings])
                for mode, looked in self._looks.items()
            },
            agreement=self._agreement,
            home={Mode(mode): p for mode, p in estimate.home.items()},
            cloud=estimate.cloud,
            spread=estimate.spread,
            limit=settled.limit,
            stays=settled.stays,
            propensity=1.0 - accepting if who is None else accepting,
            audited=against is not None and against.code == "audit",
            weights=self._weights,
        )

    def _against_handing_over(self, settled: Settled) -> Reason | None:
        """Why the local reply that is most likely right is not handed over; None: it is."""
        reason, best = settled.verdict.reason, settled.estimate.best
        if settled.verdict.step is not Step.ACCEPT:
            return reason
        if best not in self._looks:
            return Reason("unanswered", f"`{best}`, most likely right, did not answer")
        fatal = self._looks[best].fatal
        if fatal is not None:
            return Reason("unfit", fatal.text)
        return Reason("audit", f"{reason.text}, but {_AUDITED}") if settled.audit else None

    def _accepting(self, settled: Settled) -> float:
        """How likely a local reply was to be handed over."""
        looked = self._looks.get(settled.estimate.best)
        closed = settled.stays and settled.verdict.step is not Step.ACCEPT
        if closed or looked is None or looked.fatal is not None:
            return 0.0
        chance = settled.propensity if settled.stays else 1.0 - settled.propensity
        return self._met.propensity * chance * (1.0 - settled.audit_share)


class Beside:
    """The cloud's reply, read as it goes out, to hold the local ones against it."""

    def __init__(self, weigher: Weigher) -> None:
        self._weigher = weigher
        self._said = ReplyReader()
        self._size = 0

    def feed(self, out: bytes) -> None:
        """A piece of it."""
        self._size += len(out)
        if self._size <= BESIDE_BYTES:
            self._said.feed(out)

    def over(self) -> None:
        """It is whole."""
        choices = self._said.finish().choices if self._size <= BESIDE_BYTES else ()
        if len(choices) == 1:
            self._weigher.compare(choices[0].message)
