# pyright: basic, reportMissingImports=false
"""Train the house model from scratch: ``python -m trainer.house --out DIR [--quick]``.

First some hundred steps of bare copying (without them a model this small never learns to copy what
it has not seen), then conversations, every one of them new.  Loss on replies only.  The budget is
steps, or minutes if `--minutes` is given and ends sooner; the learning rate follows whichever share
is spent.  Every few minutes the averaged weights are measured and exported, so DIR always holds the
best usable model so far with its history (``training.json``), and ``DIR/.train/state.pt`` lets an
interrupted run continue.
(Basic type checking: torch is an extra.)
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.multiprocessing as processes
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from trainer.house import data, export, heldout
from trainer.house import tokenizer as tokenizers_
from trainer.house.model import HouseModel, Shape
from trainer.house.optimiser import optimisers


@dataclass(frozen=True)
class Plan:
    """What one run does."""

    out: Path
    """Where the model goes."""
    steps: int = 6000
    """The budget in steps, the copy warm-up included."""
    warmup_steps: int = 256
    """How many of them only copy."""
    minutes: float | None = None
    """The budget in minutes; None means that only steps count."""
    tokens: int = 2048
    """Tokens in one process's batch, padding included; half as many while only copying."""
    matrix_lr: float = 0.02
    """Muon's highest rate."""
    other_lr: float = 3e-3
    """AdamW's highest rate, for embeddings and norms."""
    seed: int = 0
    """Fixes initial weights, data and evaluation."""
    threads: int = 2
    """Processes of one thread each, which share every step (see `Team`)."""
    every: int = 200
    """Steps between two measurements with export."""
    per_skill: int = 8
    """Evaluation requests of each skill in each headline group, while training."""
    small: bool = False
    """Whether to train a much smaller model (the shortened run of the tests)."""


QUICK = {
    "steps": 290,
    "warmup_steps": 180,
    "every": 290,
    "per_skill": 2,
    "tokens": 2048,
    "small": True,
}
"""What `--quick` changes: a minute or two that goes through every part of the real run."""


@dataclass
class Row:
    """One tokenised conversation."""

    tokens: list[int]
    """Its token ids."""
    trains: list[bool]
    """For each token whether it is the model's to say."""


class Encoder:
    """Conversations to rows."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer
        self.start = tokenizer.encode("<|im_start|>assistant\n").ids
        self.end = tokenizer.token_to_id("<|im_end|>")

    def row(self, conversation: data.Conversation) -> Row:
        """Tokens, and a mask over every assistant message with its closing token."""
        ids = self.tokenizer.encode(data.render(conversation.messages, conversation.tools)).ids
        trains = [False] * len(ids)
        speaking = False
        for index in range(len(ids)):
            trains[index] = speaking
            if speaking and ids[index] == self.end:
                speaking = False
            elif not speaking and ids[index - len(self.start) + 1 : index + 1] == self.start:
                speaking = True
        return Row(ids, trains)


def batches(
    encoder: Encoder, plan: Plan, first_step: int, member: int
) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Batches of rows of about one length, from `first_step` on: tokens, mask, share of copying.

    Data is drawn in pools of sixteen batches, each from its own seed, so that a resumed run sees
    what an uninterrupted one would have; every member of the team draws its own.
    """
    step = first_step
    while True:
        pool_index = step // 16
        rng = random.Random(f"train:{plan.seed}:{member}:{pool_index}")  # noqa: S311 - data, no secrets
        copying = pool_index * 16 < plan.warmup_steps
        make = data.copy_conversation if copying else data.training_conversation
        rows: list[Row] = []
        size = plan.tokens // 2 if copying else plan.tokens
        budget = 16 * size
        while budget > 0:
            rows.append(encoder.row(make(rng)))
            budget -= len(rows[-1].tokens)
        rows.sort(key=lambda row: len(row.tokens))
        groups = _cut(rows, size)
        rng.shuffle(groups)
        for group in groups[: 16 - step % 16]:
            yield *_pad(group), float(copying)
            step += 1
        step = max(step, (pool_index + 1) * 16)


def _cut(rows: list[Row], tokens: int) -> list[list[Row]]:
    groups: list[list[Row]] = [[]]
    for row in rows:
        if groups[-1] and (len(groups[-1]) + 1) * len(row.tokens) > tokens:
            groups.append([])
        groups[-1].append(row)
    return groups


def _pad(rows: list[Row]) -> tuple[Tensor, Tensor]:
    longest = max(len(row.tokens) for row in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    trains = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = torch.tensor(row.tokens)
        trains[index, : len(row.tokens)] = torch.tensor(row.trains)
    return tokens, trains


def loss_of(model: HouseModel, tokens: Tensor, trains: Tensor) -> Tensor:
    """Mean cross-entropy over the tokens that are the model's to say."""
    wanted = trains[:, 1:]
    hidden = model.hidden(tokens[:, :-1])[wanted]
    return functional.cross_entropy(model.logits(hidden), tokens[:, 1:][wanted])


@torch.no_grad()
def exact(model: HouseModel, rows: list[Row]) -> list[bool]:
    """For each row whether its last reply is the greedy one.

    Teacher-forced: if every token of the reply is the most likely one, greedy decoding writes it.
    """
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].tokens))
    right = [False] * len(rows)
    for at in range(0, len(order), 24):
        chosen = order[at : at + 24]
        tokens, trains = _pad([rows[index] for index in chosen])
        hidden = model.hidden(tokens[:, :-1])
        for line, index in enumerate(chosen):
            wanted = trains[line, 1:]
            guess = model.logits(hidden[line][wanted]).argmax(-1)
            right[index] = bool((guess == tokens[line, 1:][wanted]).all())
    return right


def _last_only(row: Row) -> Row:
    trains = row.trains[:]
    at = len(trains) - 1
    while not trains[at]:
        at -= 1
    while trains[at]:
        at -= 1
    return Row(row.tokens, [index > at and wanted for index, wanted in enumerate(trains)])


class Examiner:
    """The held-out cases, tokenised once."""

    def __init__(self, encoder: Encoder, plan: Plan) -> None:
        self.cases = heldout.cases(plan.per_skill, seed=1)
        self.rows = [
            _last_only(encoder.row(data.Conversation(case.tools, [*case.messages, case.expected])))
            for case in self.cases
        ]
        rng = random.Random("copying")  # noqa: S311 - data, no secrets
        self.copies = [encoder.row(data.copy_conversation(rng)) for _ in range(100)]

    def copy_share(self, model: HouseModel) -> float:
        """The share of bare copies that are exact."""
        return sum(exact(model, self.copies)) / len(self.copies)

    def groups(self, model: HouseModel) -> dict[str, float]:
        """The share of exact replies in every group."""
        found: dict[str, list[bool]] = defaultdict(list)
        self.wrong = []
        for case, right in zip(self.cases, exact(model, self.rows), strict=True):
            found[case.group].append(right)
            if not right:
                self.wrong.append(case)
        return {group: sum(rights) / len(rights) for group, rights in found.items()}


@dataclass
class Average:
    """A running average of the weights: what is measured and exported."""

    weights: dict[str, Tensor]
    """The average so far."""

    def update(self, model: HouseModel, step: int) -> None:
        keep = min(0.99, (step + 1) / (step + 20))
        for name, value in model.state_dict().items():
            self.weights[name].lerp_(value, 1 - keep)


def rate(share: float) -> float:
    """The learning rate's share of its peak: a short rise, flat to four tenths, then down to 0."""
    if share < 0.01:
        return 0.1 + 0.9 * share / 0.01
    return 1.0 if share < 0.4 else max(0.0, (1 - share) / 0.6) ** 0.9


class Team:
    """Helper processes that compute gradients of batches of their own, one thread each.

    Threads inside each operation wait for the slowest of them hundreds of times a step, which tells
    on a machine that others use too; the two were not compared under equal load. Weights live in
    shared memory; only the first process writes them, between two barriers.
    """

    def __init__(self, model: HouseModel, tokenizer, plan: Plan, first_step: int) -> None:
        context = processes.get_context("spawn")
        count = plan.threads - 1
        self.barrier = context.Barrier(plan.threads)
        model.share_memory()
        self.gradients = [_like(model) for _ in range(count)]
        for member, gradients in enumerate(self.gradients, start=1):
            given = (model, gradients, self.barrier, tokenizer.to_str(), plan, first_step, member)
            context.Process(target=_help, args=given, daemon=True).start()

    def together(self, model: HouseModel, tokens: Tensor, trains: Tensor) -> float:
        """One step's mean gradient over the whole team, left in the model; returns the loss."""
        self.barrier.wait()
        loss = loss_of(model, tokens, trains)
        loss.backward()
        self.barrier.wait()
        for index, parameter in enumerate(model.parameters()):
            assert parameter.grad is not None
            for gradients in self.gradients:
                parameter.grad += gradients[index]
            parameter.grad /= 1 + len(self.gradients)
        return loss.item()


_PATIENCE = 900.0
"""Seconds after which a helper that nobody waits for gives up."""


def _like(model: HouseModel) -> list[Tensor]:
    return [torch.zeros_like(parameter).share_memory_() for parameter in model.parameters()]


def _help(model, gradients, barrier, tokenizer: str, plan: Plan, step: int, member: int) -> None:
    """A helper's life: draw a batch, wait for the weights, leave its gradients, until killed."""
    torch.set_num_threads(1)
    for tokens, trains, _ in batches(Encoder(Tokenizer.from_str(tokenizer)), plan, step, member):
        barrier.wait(_PATIENCE)
        model.zero_grad(set_to_none=True)
        loss_of(model, tokens, trains).backward()
        for gradient, parameter in zip(gradients, model.parameters(), strict=True):
            gradient.copy_(parameter.grad)
        barrier.wait(_PATIENCE)


class Run:
    """One training run."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(1)
        self.plan = plan
        self.tokenizer = tokenizers_.build_default(plan.seed)
        self.encoder = Encoder(self.tokenizer)
        small = {
            "hidden_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "intermediate_size": 256,
        }
        self.shape = Shape(self.tokenizer.get_vocab_size(), **(small if plan.small else {}))
        self.model = HouseModel(self.shape)
        self.optimisers = optimisers(self.model, plan.matrix_lr, plan.other_lr)
        self.average = Average(
            {name: value.clone() for name, value in self.model.state_dict().items()}
        )
        self.examiner = Examiner(self.encoder, plan)
        self.step, self.elapsed, self.tokens = 0, 0.0, 0
        self.losses: list[float] = []
        self.copy_losses: list[float] = []
        self.state_file = plan.out / ".train" / "state.pt"

    def resume(self) -> None:
        """Continue where a run into the same directory was interrupted, if one was."""
        if not self.state_file.exists():
            return
        state = torch.load(self.state_file, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average = Average(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.elapsed, self.tokens = state["step"], state["elapsed"], state["tokens"]
        self.losses, self.copy_losses = state["losses"], state["copy_losses"]
        say(f"continuing at step {self.step}, minute {self.elapsed / 60:.1f}")

    def save(self) -> None:
        self.state_file.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "average": self.average.weights,
            "step": self.step,
            "elapsed": self.elapsed,
            "tokens": self.tokens,
            "losses": self.losses,
            "copy_losses": self.copy_losses,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }
        torch.save(state, self.state_file.with_suffix(".partial"))
        self.state_file.with_suffix(".partial").replace(self.state_file)

    def share(self) -> float:
        """How much of the budget is spent."""
        by_clock = self.elapsed / (60 * self.plan.minutes) if self.plan.minutes else 0.0
        return max(self.step / self.plan.steps, by_clock)

    def train(self) -> dict[str, float]:
        """Run to the end of the budget; returns the last measurement."""
        source = batches(self.encoder, self.plan, self.step, 0)
        team = Team(self.model, self.tokenizer, self.plan, self.step)
        measured: dict[str, float] = {}
        while (share := self.share()) < 1:
            started = time.monotonic()
            tokens, trains, copying = next(source)
            loss = team.together(self.model, tokens, trains)
            self._optimise(rate(share))
            (self.copy_losses if copying else self.losses).append(loss)
            self.tokens += tokens.numel() * self.plan.threads
            self.elapsed += time.monotonic() - started
            self.step += 1
            if copying and self.step % 50 == 0:
                self._report_copying()
            if self.step % self.plan.every == 0 and not copying:
                measured = self.measure()
        return self.measure() if self.step % self.plan.every else measured

    def _optimise(self, factor: float) -> None:
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * factor
            optimiser.step()
            optimiser.zero_grad()
        self.average.update(self.model, self.step)

    def _report_copying(self) -> None:
        share = self.examiner.copy_share(self.model)
        say(
            f"step {self.step} copying: loss {_recent(self.copy_losses):.3f}, "
            f"exact {share:.0%}, {self.elapsed:.0f} s"
        )

    def measure(self) -> dict[str, float]:
        """Measure the averaged weights, export them, and save the run."""
        averaged = HouseModel(self.shape)
        averaged.load_state_dict(self.average.weights)
        groups = self.examiner.groups(averaged)
        line = ", ".join(f"{group} {share:.0%}" for group, share in groups.items())
        say(
            f"step {self.step} minute {self.elapsed / 60:.1f} "
            f"loss {_recent(self.losses):.4f}: {line}"
        )
        weights = {name: value.numpy() for name, value in self.average.weights.items()}
        export.write(self.plan.out, weights, self.shape, self.tokenizer)
        history = self.history(groups)
        (self.plan.out / "training.json").write_text(json.dumps(history, indent=1) + "\n")
        self.save()
        return groups

    def history(self, groups: dict[str, float]) -> dict[str, object]:
        """What this run did so far; no paths and no dates, so that it may ship with the model."""
        return {
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "steps": self.step,
            "of which only copying": min(self.step, self.plan.warmup_steps),
            "tokens, about": self.tokens,
            "minutes": round(self.elapsed / 60, 1),
            "processes": self.plan.threads,
            "seed": self.plan.seed,
            "copying loss": _ends(self.copy_losses),
            "loss": _ends(self.losses),
            "last measurement, teacher-forced": {name: round(x, 3) for name, x in groups.items()},
        }


def _recent(losses: list[float]) -> float:
    last = losses[-50:]
    return sum(last) / max(1, len(last))


def _ends(losses: list[float]) -> dict[str, float | None]:
    """The mean of the first five losses and of the last twenty; None where there were none."""
    if not losses:
        return {"first": None, "last": None}
    first, last = losses[:5], losses[-20:]
    return {
        "first": round(sum(first) / len(first), 4),
        "last": round(sum(last) / len(last), 4),
    }


def say(line: str) -> None:
    """Progress, at once."""
    print(line, flush=True)  # noqa: T201 - a command line prints


def parse(arguments: list[str] | None = None) -> Plan:
    """The command line as a plan."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.house", description="Train the house model from scratch."
    )
    parser.add_argument("--out", type=Path, required=True, help="directory that receives the model")
    parser.add_argument(
        "--quick", action="store_true", help="a minute or two through every part, for tests"
    )
    parser.add_argument("--steps", type=int, help=f"budget in steps (default {Plan.steps})")
    parser.add_argument(
        "--minutes", type=float, help="budget in minutes, if it ends before the steps do"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    found = vars(parser.parse_args(arguments))
    settings = dict(QUICK) if found.pop("quick") else {}
    return Plan(**(settings | {name: value for name, value in found.items() if value is not None}))


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train; prints progress and returns the last measurement."""
    run = Run(parse(arguments))
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    say(
        f"{parameters:,} parameters, {run.shape.vocab_size} tokens, "
        f"{len(run.examiner.cases)} held-out cases"
    )
    run.resume()
    return run.train()
