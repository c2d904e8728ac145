"""A Markov decision process of seven episodes, all of which can be enumerated, a tabular policy for it, and exact gradients."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tokengym.agents.policy import PolicyOutput
from tokengym.agents.rollout import Rollout

END = 2  # of three tokens; an episode ends with it, or after two tokens
EPISODES = [(END,), *((first, second) for first in (0, 1) for second in (0, 1, END))]
SCORES = torch.tensor([0.3, 1.0, -0.5, 0.2, 0.0, 0.9, 0.4], dtype=torch.float64)


class Table(nn.Module):
    """A logit for each (previous token, next token), a value for each previous token; the prompt is the one token 0 at position 0."""

    name = "table"
    device = torch.device("cpu")
    tokenizer_fingerprint = None

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.logits = nn.Parameter(torch.randn(2, 3, 3, generator=generator, dtype=torch.float64))  # (position, previous, next)
        self.critic = nn.Parameter(torch.zeros(2, 3, dtype=torch.float64))

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        temperature: float = 1.0,
        with_values: bool = False,
        with_entropy: bool = False,
        mask: Tensor | None = None,
    ) -> PolicyOutput:
        place = torch.arange(input_ids.shape[1] - 1)[None].expand(len(input_ids), -1)
        previous = input_ids[:, :-1]
        each = torch.log_softmax(self.logits[place, previous] / temperature, dim=-1)  # (B, 2, 3)
        logp = each.gather(2, input_ids[:, 1:, None])[:, :, 0]
        first = logp.new_zeros(len(input_ids), 1)
        values = torch.cat([first, self.critic[place, previous]], dim=1) if with_values else None
        entropy = torch.cat([first, -(each.exp() * each).sum(dim=-1)], dim=1) if with_entropy else None
        return PolicyOutput(torch.cat([first, logp], dim=1), values, entropy)

    def reference(self) -> Table:
        return copy.deepcopy(self).requires_grad_(False)


def sequence_logp(policy: Table) -> Tensor:
    """(7,) log-probability of each episode."""
    rollout = play(policy, range(len(EPISODES)))
    logp: Tensor = policy(rollout.input_ids, rollout.attention_mask).logp
    return (logp * rollout.completion_mask).sum(dim=1)


def play(policy: Table, numbers: Sequence[int], junk: int = 0) -> Rollout:
    """The episodes of these numbers as one collection; ``junk`` is what stands in the padding."""
    ids, agent = torch.full((len(numbers), 3), junk), torch.zeros(len(numbers), 3, dtype=torch.int64)
    ids[:, 0] = 0
    rewards = torch.zeros(len(numbers), 3, dtype=torch.float64)
    for row, number in enumerate(numbers):
        tokens = EPISODES[number]
        ids[row, 1 : 1 + len(tokens)], agent[row, 1 : 1 + len(tokens)] = torch.tensor(tokens), 1
        rewards[row, len(tokens)] = SCORES[number]
    attention = agent.clone()
    attention[:, 0] = 1
    with torch.no_grad():
        out = policy(ids, attention, with_values=True)
    assert out.values is not None
    infos: list[dict[str, Any]] = [{"reward_valid": True, "index": 0} for _ in numbers]
    return Rollout(ids, attention, agent, out.logp * agent, out.values * agent, rewards, infos)


def token_logp(policy: Table, number: int) -> list[Tensor]:
    """Log-probability of each token of an episode, straight from the table."""
    previous, found = 0, []
    for place, token in enumerate(EPISODES[number]):
        found.append(torch.log_softmax(policy.logits[place, previous], dim=-1)[token])
        previous = token
    return found


def exact_gradient(policy: Table, score: Callable[[Tensor], Tensor] = lambda logp: SCORES) -> Tensor:
    """Of minus the expected score with respect to the logits; the score may depend on the (7,) log-probabilities."""
    logp = sequence_logp(policy)
    (gradient,) = torch.autograd.grad(-(logp.exp() * score(logp)).sum(), policy.logits)
    return gradient


def enumerate_batches(player: Table, batch: int) -> list[tuple[tuple[int, ...], Tensor]]:
    """All batches of ``batch`` episodes, each with its probability under ``player``."""
    with torch.no_grad():
        probability = sequence_logp(player).exp()
    return [(numbers, probability[list(numbers)].prod()) for numbers in itertools.product(range(len(EPISODES)), repeat=batch)]


def expected_gradient(policy: Table, batch: int, backward: Callable[[Rollout], object], player: Table | None = None) -> Tensor:
    """The mean of what ``backward`` leaves in the logits' grad, over all batches of ``batch`` episodes, weighted by probability.

    ``player``: who plays; None: ``policy`` itself.
    """
    total = torch.zeros_like(policy.logits)
    for numbers, probability in enumerate_batches(player or policy, batch):
        policy.zero_grad()
        backward(play(player or policy, numbers))
        assert policy.logits.grad is not None
        total += probability * policy.logits.grad
    return total


def surrogate_gradient(policy: Table, batch: int, loss: Callable[[tuple[int, ...]], Tensor], player: Table | None = None) -> Tensor:
    """The gradient of the expectation of ``loss(numbers)`` over all batches, whose probabilities count as constants."""
    expected = sum(probability * loss(numbers) for numbers, probability in enumerate_batches(player or policy, batch))
    assert isinstance(expected, Tensor)
    (gradient,) = torch.autograd.grad(expected, policy.logits)
    return gradient
