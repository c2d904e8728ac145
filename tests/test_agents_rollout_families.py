"""The engine plays what a full forward pass plays: model families, attentions, resets, replies and action masks, at random lengths."""

from __future__ import annotations

import functools
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import (
    Gemma3TextConfig,
    GPT2Config,
    GraniteConfig,
    Lfm2Config,
    LlamaConfig,
    MambaConfig,
    PreTrainedConfig,
    Qwen3Config,
    RecurrentGemmaConfig,
)

import tokengym  # noqa: F401  registers the ids
from tests.text_rows import SMALL, WORDS, TokenRows, random_model
from tokengym.agents.cache import FullDecoder, SlotDecoder
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.ppo import PPO, PPOConfig
from tokengym.agents.rollout import Rollout, RolloutEngine

HEADS = {key: value for key, value in SMALL.items() if key not in ("head_dim", "vocab_size")}
FAMILIES = ("llama", "qwen3", "gpt2", "gemma3", "granite")


def config(family: str, vocabulary: int) -> PreTrainedConfig:
    """Small models of each family, with what makes it different: Gemma's windows are shorter than the episodes here."""
    common: dict[str, Any] = {**HEADS, "vocab_size": vocabulary, "num_hidden_layers": 2}
    if family == "llama":
        return LlamaConfig(**common, tie_word_embeddings=True)
    if family == "qwen3":
        return Qwen3Config(**common, head_dim=8)
    if family == "gpt2":
        return GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=512, bos_token_id=1, eos_token_id=2)
    if family == "granite":
        multipliers: dict[str, Any] = {
            "attention_multiplier": 0.2,
            "residual_multiplier": 0.7,
            "embedding_multiplier": 3.0,
            "logits_scaling": 4.0,
        }
        return GraniteConfig(**common, **multipliers)
    kinds = ["sliding_attention", "full_attention", "sliding_attention"]
    common |= {"num_hidden_layers": 3, "head_dim": 8}
    return Gemma3TextConfig(**common, sliding_window=5, layer_types=kinds, final_logit_softcapping=4.0)


@functools.cache
def policy_of(family: str, attention: str, vocabulary: int = WORDS) -> CausalLMPolicy:
    policy = CausalLMPolicy(random_model(config(family, vocabulary), attention), name=family)
    with torch.no_grad():
        policy.value_head.weight.fill_(0.1)
    return policy


class MaskedRows(TokenRows):
    """Token rows that allow a random half of the tokens, token 2 among them, and everything at each fifth token."""

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        obs, infos = super().reset(seed=seed, options=options)
        return obs, infos | self._masks()

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        for row in np.flatnonzero(self.active).tolist():
            assert self.mask_of(row)[actions[row]] == 1
        obs, rewards, terminated, truncated, infos = super().step(actions)
        return obs, rewards, terminated, truncated, infos | self._masks()

    def mask_of(self, row: int) -> Any:
        if self.spoken[row] % 5 == 4:
            return np.ones(WORDS, dtype=np.int8)
        mask = (np.random.default_rng([self.deal_index[row], self.spoken[row]]).random(WORDS) < 0.5).astype(np.int8)
        mask[2] = 1
        return mask

    def _masks(self) -> dict[str, Any]:
        masks = np.zeros((self.num_envs, WORDS), dtype=np.int8)
        for row in np.flatnonzero(self.active).tolist():
            masks[row] = self.mask_of(row)
        return {"action_mask": masks, "_action_mask": self.active.copy()}


def engine_of(policy: CausalLMPolicy, venv: Any, slow: bool, **options: Any) -> RolloutEngine:
    engine = RolloutEngine(policy, venv, **options)
    assert isinstance(engine._decoder, SlotDecoder)
    if slow:
        engine._decoder = FullDecoder(policy.backbone, *venv.observation_space["input_ids"].shape)
    return engine


def check_equal(policy: CausalLMPolicy, played: list[Rollout], temperature: float = 1.0) -> None:
    """Tokens, masks, log-probabilities and values of both paths, and of the update pass."""
    fast, slow = played
    assert torch.equal(fast.input_ids, slow.input_ids)
    assert torch.equal(fast.completion_mask, slow.completion_mask)
    assert torch.equal(fast.rewards, slow.rewards)
    assert (fast.logp - slow.logp).abs().max() < 1e-5
    update = policy(fast.input_ids, fast.attention_mask, temperature, with_values=True, mask=fast.completion_mask, allowed=fast.allowed)
    assert (fast.logp - update.logp).abs().max() < 1e-5
    assert torch.allclose(fast.values, update.values, atol=1e-5)
    assert torch.allclose(fast.values, slow.values, atol=1e-5)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    rows=st.integers(1, 7),
    most=st.integers(1, 14),
    episodes=st.integers(1, 14),
    group_size=st.integers(1, 3),
    reply=st.booleans(),
    masked=st.booleans(),
    seed=st.integers(0, 10_000),
    temperature=st.sampled_from([0.7, 1.0]),
)
def test_the_engine_plays_what_a_full_forward_pass_plays(
    family: str,
    attention: str,
    rows: int,
    most: int,
    episodes: int,
    group_size: int,
    reply: bool,
    masked: bool,
    seed: int,
    temperature: float,
) -> None:
    policy = policy_of(family, attention)
    played = []
    for slow in (False, True):
        venv = (MaskedRows if masked else TokenRows)(rows, most=most, group_size=group_size, reply=reply)
        played.append(engine_of(policy, venv, slow, seed=seed, temperature=temperature).collect(episodes))
    check_equal(policy, played, temperature)
    assert (played[0].allowed is not None) == masked


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_in_several_turns_the_replies_see_the_past_and_are_seen(family: str, attention: str) -> None:
    policy = policy_of(family, attention, vocabulary=1024)
    played = []
    for slow in (False, True):
        venv = gymnasium.make_vec("TextDialogue-v0", num_envs=3, deal="shared", turns=3, max_new_tokens=5, size=20, metrics=False)
        played.append(engine_of(policy, venv, slow, seed=1).collect(5))
        venv.close()
    check_equal(policy, played)
    fast = played[0]
    agent = fast.completion_mask
    turns = ((agent[:, 1:] == 1) & (agent[:, :-1] == 0)).sum(1)
    assert turns.tolist() == [3] * 5  # the agent spoke three times in each: two replies stand between


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_real_constrained_task(family: str, attention: str) -> None:
    policy = policy_of(family, attention, vocabulary=1024)
    played = []
    for slow in (False, True):
        venv = gymnasium.make_vec("TextRank-v0", num_envs=3, deal="shared", candidates=4, constrained=True, size=20, max_prompt_tokens=80)
        played.append(engine_of(policy, venv, slow, seed=1).collect(5))
        venv.close()
    check_equal(policy, played)
    assert all(info["stop_reason"] == "complete" for info in played[0].infos)


def manual(policy: CausalLMPolicy, rollout: Rollout) -> torch.Tensor:
    """Log-probabilities by the definition: the model's softmax over each token's list."""
    allowed = rollout.allowed
    assert allowed is not None
    logits = policy.model(rollout.input_ids).logits.float()
    found = torch.zeros(rollout.input_ids.shape)
    for row, column in rollout.completion_mask.nonzero().tolist():
        number = int(allowed.index[row, column])
        some = slice(None) if number < 0 else allowed.ids[int(allowed.ends[number]) : int(allowed.ends[number + 1])]
        before = logits[row, column - 1]
        found[row, column] = before[rollout.input_ids[row, column]] - before[some].logsumexp(0)
    return found


def test_masks_renormalize_policy_and_reference_alike_and_the_first_ratio_is_one() -> None:
    policy = CausalLMPolicy(random_model(config("llama", WORDS)))
    reference = policy.reference()
    rollout = RolloutEngine(policy, MaskedRows(4, group_size=2, reply=True), seed=5).collect(12)
    assert rollout.allowed is not None and (rollout.allowed.index >= 0).sum() > 20
    everything = rollout.completion_mask.bool() & (rollout.allowed.index < 0)
    assert 0 < everything.sum() < rollout.completion_mask.sum() / 2
    assert bool((rollout.allowed.index[~rollout.completion_mask.bool()] == -1).all())
    expected = manual(policy, rollout).detach()
    assert (rollout.logp - expected).abs().max() < 1e-5
    agent = PPO(policy, config=PPOConfig(group_size=2, episodes_per_update=12, kl_beta=0.1, micro_batch_tokens=60))
    batch = agent.batch(rollout)
    assert (agent.logp(reference, batch) - expected).abs().max() < 1e-5
    stats = agent.learn_from(rollout)
    assert stats["first_ratio_error"] < 1e-4
    assert stats["kl"] == pytest.approx(0.0, abs=1e-4)


def test_entropy_is_that_of_what_was_allowed_and_its_gradient_is_finite() -> None:
    policy = CausalLMPolicy(random_model(config("llama", WORDS)))
    rollout = RolloutEngine(policy, MaskedRows(3), seed=5).collect(5)
    allowed = rollout.allowed
    assert allowed is not None
    out = policy(rollout.input_ids, rollout.attention_mask, with_entropy=True, mask=rollout.completion_mask, allowed=allowed)
    assert out.entropy is not None
    row, column = next((r, c) for r, c in rollout.completion_mask.nonzero().tolist() if allowed.index[r, c] >= 0)
    number = int(allowed.index[row, column])
    some = allowed.ids[int(allowed.ends[number]) : int(allowed.ends[number + 1])]
    probability = policy.model(rollout.input_ids).logits[row, column - 1][some].softmax(0)
    assert out.entropy[row, column].item() == pytest.approx(float(-(probability * probability.log()).sum().detach()), abs=1e-5)
    (out.logp.sum() + out.entropy.sum()).backward()
    assert all(bool(x.grad.isfinite().all()) for x in policy.trainable_parameters() if x.grad is not None)


def test_greedy_choices_respect_masks_in_collections_and_in_predict() -> None:
    policy = policy_of("llama", "sdpa")
    rollout = RolloutEngine(policy, MaskedRows(3), seed=5).collect(6, deterministic=True)  # the environment asserts
    free = RolloutEngine(policy, TokenRows(3), seed=5).collect(6, deterministic=True)
    assert rollout.input_ids.tolist() != free.input_ids.tolist()
    for deterministic in (True, False):
        env = MaskedRows(3)
        obs, infos = env.reset(seed=5, options={"episodes": 6})
        state = None
        while env.active.any():
            masks = infos["action_mask"]
            actions, state = policy.predict(obs, state, deterministic=deterministic, action_masks=masks)
            obs, _, _, _, infos = env.step(actions)
    row = {name: value[0] for name, value in MaskedRows(1).reset(seed=5, options={"episodes": 1})[0].items()}
    only = np.zeros(WORDS, dtype=bool)
    only[17] = True
    assert policy.predict(row, action_masks=only)[0] == 17
    with pytest.raises(ValueError, match="action mask of row 0 allows nothing"):
        policy.predict(row, action_masks=np.zeros(WORDS, dtype=bool))
    with pytest.raises(ValueError, match=r"shape \(1, 60\) for 1 rows of 61 actions"):
        policy.predict(row, action_masks=only[:60])


@pytest.mark.parametrize(
    "odd",
    [
        MambaConfig(vocab_size=WORDS, hidden_size=16, state_size=4, num_hidden_layers=2, pad_token_id=0, bos_token_id=1, eos_token_id=2),
        Lfm2Config(**HEADS, vocab_size=WORDS, num_hidden_layers=2, layer_types=["conv", "full_attention"]),
        RecurrentGemmaConfig(**SMALL, num_hidden_layers=3, lru_width=32, attention_window_size=8),
    ],
    ids=["mamba", "lfm2", "recurrent-gemma"],
)
def test_recurrent_models_take_the_slow_path_with_one_warning(odd: PreTrainedConfig) -> None:
    policy = CausalLMPolicy(random_model(odd, "eager"), name="odd")
    with pytest.warns(UserWarning, match="the KV cache of 'odd' .* cannot be kept in slots") as warned:
        engine = RolloutEngine(policy, MaskedRows(4, reply=True), seed=1)
    assert len(warned) == 1 and isinstance(engine._decoder, FullDecoder)
    rollout = engine.collect(6)
    update = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask, allowed=rollout.allowed)
    assert (rollout.logp - update.logp).abs().max() < 1e-5
    expected = manual(policy, rollout).detach()
    assert (rollout.logp - expected).abs().max() < 1e-4  # rows alone and rows together are rounded apart
