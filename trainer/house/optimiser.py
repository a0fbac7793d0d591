# pyright: basic, reportMissingImports=false
"""Muon for the matrices, AdamW for embeddings and norms.

Muon (Jordan et al. 2024) takes the momentum of a matrix's gradient, makes it orthogonal by five
Newton-Schulz steps and scales it by the matrix's shape; on a model this small it needs about half
of AdamW's steps.  (Basic type checking: torch is an extra.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def orthogonal(gradient: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly: singular values end up between 0.7 and 1.2."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = gradient / (gradient.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; decoupled weight decay."""

    def __init__(
        self,
        parameters: list[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:  # noqa: ARG002 - the base class has it
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if "velocity" not in state:
                    state["velocity"] = torch.zeros_like(parameter)
                velocity = state["velocity"]
                velocity.lerp_(parameter.grad, 1 - group["momentum"])
                update = orthogonal(parameter.grad.lerp(velocity, group["momentum"]))
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(
                    update,
                    alpha=-group["lr"] * max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5,
                )


def optimisers(model: nn.Module, matrix_lr: float, other_lr: float) -> list[torch.optim.Optimizer]:
    """The pair that trains a house model; each group remembers its full rate as ``peak``."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    pair = [
        Muon(matrices, lr=matrix_lr),
        torch.optim.AdamW(others, lr=other_lr, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    for optimiser in pair:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return pair
