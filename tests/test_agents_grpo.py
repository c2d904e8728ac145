"""GRPO: its expected gradient against the exact one, each variant against its own surrogate written out in loops."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.echo import EXAMPLES, echo_policy, echo_venv
from tests.toy_mdp import EPISODES, SCORES, Table, exact_gradient, expected_gradient, play, surrogate_gradient, token_logp
from tokengym.agents.grpo import GRPO, GRPOConfig
from tokengym.agents.rollout import Rollout
from tokengym.envs import Example


def grpo(policy: Table, group: int, **options: Any) -> GRPO:
    settings: dict[str, Any] = {"group_size": group, "episodes_per_update": group, "kl_beta": 0.0}
    return GRPO(policy, config=GRPOConfig(**{**settings, **options}))


def one_pass(agent: GRPO) -> Callable[[Rollout], object]:
    """The gradient of one pass over a collection."""

    def backward(rollout: Rollout) -> object:
        batch = agent.batch(rollout)
        cuts = agent.cuts(batch)
        agent.prepare(batch, cuts)
        return agent.backward(batch, cuts)

    return backward


def moved(policy: Table) -> Table:
    """A copy of the policy as it is, before it moves far enough for ratios to leave the band."""
    old = copy.deepcopy(policy)
    with torch.no_grad():
        policy.logits.add_(0.6 * torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(8)))
    return old


def written_out(policy: Table, old: Table, reference: Table | None, c: GRPOConfig) -> Callable[[tuple[int, ...]], Tensor]:
    """The loss of one collection, token by token as in the papers."""

    def loss(numbers: tuple[int, ...]) -> Tensor:
        scores = [float(SCORES[n]) for n in numbers]
        mean, deviation = statistics.fmean(scores), statistics.stdev(scores)
        tokens = sum(len(EPISODES[n]) for n in numbers)
        total = torch.zeros((), dtype=torch.float64)
        for n, score in zip(numbers, scores, strict=True):
            advantage = score - mean
            if c.divide_by_deviation:
                advantage = advantage / (deviation + 1e-4)
            share = {"constant": 1 / len(numbers), "token": 1 / tokens, "sequence": 1 / len(numbers) / len(EPISODES[n])}[c.normalize]
            before = [x.detach() for x in token_logp(old, n)]
            far = before if reference is None else [x.detach() for x in token_logp(reference, n)]
            for now, then, ref in zip(token_logp(policy, n), before, far, strict=True):
                ratio = (now - then).exp()
                held = min(max(float(ratio.detach()), 1 - c.clip_low), 1 + c.clip_high)
                gain = ratio * advantage if float(ratio.detach()) * advantage <= held * advantage else torch.tensor(held * advantage)
                penalty = {"k2": 0.5 * (now - ref) ** 2, "k3": (ref - now).exp() - 1 - (ref - now)}[c.kl]
                total = total - share * (gain - c.kl_beta * penalty)
        return total

    return loss


@pytest.mark.parametrize("group", [2, 3])
def test_the_first_step_is_the_exact_gradient_up_to_the_samples_own_share(group: int) -> None:
    policy = Table()
    found = expected_gradient(policy, group, one_pass(grpo(policy, group)))
    torch.testing.assert_close(found, (group - 1) / group * exact_gradient(policy), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    "options",
    [
        {"divide_by_deviation": True},
        {"normalize": "token"},
        {"normalize": "sequence"},
        {"normalize": "sequence", "divide_by_deviation": True, "kl_beta": 0.3},
        {"kl_beta": 0.3, "kl": "k3"},
        {"kl_beta": 0.3, "kl": "k2", "normalize": "token"},
    ],
)
def test_each_variants_first_step_is_its_own_surrogates(options: dict[str, Any]) -> None:
    policy = Table()
    agent = grpo(policy, 2, **options)
    reference = moved(policy) if agent.reference is not None else None
    surrogate = written_out(policy, copy.deepcopy(policy), reference, agent.config)
    found = expected_gradient(policy, 2, one_pass(agent))
    torch.testing.assert_close(found, surrogate_gradient(policy, 2, surrogate), atol=1e-12, rtol=0)


@pytest.mark.parametrize("options", [{}, {"clip_high": 0.2}, {"clip_low": 0.05, "normalize": "token"}, {"clip_high": 1.0, "kl_beta": 0.3}])
def test_a_later_step_is_the_clipped_surrogates_with_different_sides(options: dict[str, Any]) -> None:
    policy = Table()
    agent = grpo(policy, 2, **options)
    old = moved(policy)
    surrogate = written_out(policy, old, agent.reference, agent.config)
    found = expected_gradient(policy, 2, one_pass(agent), player=old)
    torch.testing.assert_close(found, surrogate_gradient(policy, 2, surrogate, player=old), atol=1e-12, rtol=0)


def test_the_upper_side_of_the_clip_matters_there() -> None:
    found = []
    for high in (0.2, 0.28, 1.0):
        policy = Table()
        agent = grpo(policy, 2, clip_high=high)
        found.append(expected_gradient(policy, 2, one_pass(agent), player=moved(policy)))
    assert not torch.allclose(found[0], found[1], atol=1e-4) and not torch.allclose(found[1], found[2], atol=1e-4)


def test_k2_as_a_loss_has_the_gradient_of_the_divergence_and_k3_has_not() -> None:
    gradients = {}
    for kl in ("k2", "k3"):
        policy = Table()
        agent = grpo(policy, 2, kl_beta=1.0, kl=kl)
        reference = moved(policy)
        with_kl = expected_gradient(policy, 2, one_pass(agent))
        gradients[kl] = with_kl - 0.5 * exact_gradient(policy)
    with torch.no_grad():
        first = torch.softmax(policy.logits[0, 0], dim=-1)[:2]
    there, far = torch.log_softmax(policy.logits, dim=-1), torch.log_softmax(reference.logits, dim=-1)
    divergence = (there.exp() * (there - far)).sum(dim=-1)
    (exact,) = torch.autograd.grad(divergence[0, 0] + (first * divergence[1, :2]).sum(), policy.logits)
    torch.testing.assert_close(gradients["k2"], exact, atol=1e-12, rtol=0)
    assert (gradients["k3"] - exact).abs().max() > 1e-2


def test_advantages_by_hand() -> None:
    scores, valid = torch.tensor([1.0, 3.0, 0.3, 0.3, 0.3, 9.0]), torch.tensor([True, True, True, True, True, False])
    plain = grpo(Table(), 2)
    assert plain.advantages(scores, valid).tolist() == [-1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    divided = grpo(Table(), 2, divide_by_deviation=True)
    size = 1 / (2**0.5 + 1e-4)
    torch.testing.assert_close(divided.advantages(scores, valid), torch.tensor([-size, size, 0.0, 0.0, 0.0, 0.0]))


def test_prompts_whose_completions_score_alike_are_counted_and_move_nothing() -> None:
    policy = Table()
    agent = grpo(policy, 2, episodes_per_update=6)
    stats = agent.learn_from(play(policy, [1, 1, 5, 5, 6, 6]))
    assert stats["flat_groups"] == 1.0 and stats["grad_norm"] == 0.0
    assert torch.equal(policy.logits, Table().logits)
    stats = agent.learn_from(play(policy, [1, 1, 5, 2, 6, 6]))
    assert stats["flat_groups"] == pytest.approx(2 / 3) and stats["grad_norm"] > 0


@pytest.mark.parametrize("normalize", ["constant", "sequence", "token"])
def test_micro_batches_add_up_and_padding_changes_nothing(normalize: str) -> None:
    grads = []
    for tokens, junk in ((10_000, 0), (1, 0), (7, 2), (10_000, 1)):
        policy = Table()
        agent = grpo(policy, 4, episodes_per_update=8, normalize=normalize, kl_beta=0.1, micro_batch_tokens=tokens)
        moved(policy)
        one_pass(agent)(play(policy, [0, 1, 2, 3, 4, 5, 0, 6], junk))
        assert policy.logits.grad is not None
        grads.append(policy.logits.grad)
    for other in grads[1:]:
        torch.testing.assert_close(other, grads[0], atol=1e-14, rtol=0)


def test_an_answer_that_could_not_be_scored_is_as_if_it_had_not_been_played() -> None:
    policy, other = Table(), Table()
    rollout = play(policy, [1, 4, 3, 5])
    infos = [{**info, "reward_valid": i != 1} for i, info in enumerate(rollout.infos)]
    rewards = torch.where(torch.tensor([[1], [0], [1], [1]]).bool(), rollout.rewards, 0.0)
    grpo(policy, 4).learn_from(replace(rollout, infos=infos, rewards=rewards))
    grpo(other, 3).learn_from(play(other, [1, 3, 5]))
    torch.testing.assert_close(policy.logits, other.logits)


def test_a_target_ends_the_passes_early() -> None:
    runs = {}
    for target in (None, 1e-3):
        policy = Table()
        agent = grpo(policy, 2, episodes_per_update=4, epochs=6, learning_rate=0.1, target_kl=target)
        stats = agent.learn_from(play(policy, [1, 2, 5, 0]))
        runs[target] = (stats, policy.logits.detach().clone(), agent.optimizer)
    assert "steps" not in runs[None][0] and 1 <= runs[1e-3][0]["steps"] < 6
    assert runs[1e-3][0]["approx_kl"] <= 1e-3 < runs[None][0]["approx_kl"]
    assert all(x.grad is None for group in runs[1e-3][2].param_groups for x in group["params"])


def test_the_first_pass_has_ratio_one_on_a_real_model() -> None:
    agent = GRPO(
        echo_policy(), echo_venv(group_size=4), config=GRPOConfig(group_size=4, episodes_per_update=32, temperature=0.7, updates=2)
    )
    agent.learn(progress=False)
    assert all(stats["first_ratio_error"] < 1e-4 for stats in agent.history)
    assert all(stats["approx_kl"] < 1e-5 and stats["clip_fraction"] == 0.0 for stats in agent.history)  # one pass: nothing has moved


def test_prompts_without_a_score_are_left_out() -> None:
    unscored = [*EXAMPLES[:6], *(Example(id=e.id, prompt=e.prompt, references=("?",)) for e in EXAMPLES[6:])]
    config = GRPOConfig(group_size=4, episodes_per_update=32, updates=2)
    agent = GRPO(echo_policy(), echo_venv(group_size=4, dataset=unscored), config=config).learn(progress=False)
    assert [stats["valid"] for stats in agent.history] == [0.75, 0.75]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_size": 1}, "group_size=1; GRPO compares"),
        ({"normalize": "tokens"}, "Did you mean 'token'"),
        ({"kl": "k1"}, "no gradient in expectation"),
        ({"kl": "k4"}, "not a known KL estimator"),
        ({"epochs": 0}, "epochs=0"),
        ({"target_kl": 0.0}, "target_kl=0.0 nats"),
        ({"minibatches": 3}, "minibatches=3; expected 1 to the 2 prompts"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GRPO(Table(), config=GRPOConfig(**{"group_size": 2, "episodes_per_update": 4, **options}))
