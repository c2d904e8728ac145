"""A Markov decision process of seven episodes, all of which can be enumerated, and a tabular policy for it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
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
