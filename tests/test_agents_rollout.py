"""The rollout engine: exactly the episodes dealt, the same results on any number of rows, log-probabilities equal to the update's."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

import tokengym  # noqa: F401  registers the ids
from tests.text_rows import TokenRows, random_model
from tokengym.agents import rollout as rollout_module
from tokengym.agents.cache import FullDecoder
from tokengym.agents.lora import LoRA
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.rollout import Rollout, RolloutEngine


def policy_with_values(shape: str = "llama", attention: str = "sdpa") -> CausalLMPolicy:
    policy = CausalLMPolicy(random_model(shape, attention))
    with torch.no_grad():
        policy.value_head.weight.fill_(0.1)
    return policy


def collect(policy: CausalLMPolicy, rows: int, episodes: int = 20, temperature: float = 1.0, **env: Any) -> Rollout:
    return RolloutEngine(policy, TokenRows(rows, **env), seed=3, temperature=temperature).collect(episodes)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen3"])
@pytest.mark.parametrize("reply", [False, True])
def test_rollout_logp_and_values_equal_the_update_pass(shape: str, attention: str, reply: bool) -> None:
    policy = policy_with_values(shape, attention)
    rollout = collect(policy, rows=5, temperature=0.7, group_size=4, reply=reply)
    update = policy(rollout.input_ids, rollout.attention_mask, temperature=0.7, with_values=True, mask=rollout.completion_mask)
    assert update.values is not None
    assert torch.allclose(rollout.logp, update.logp, atol=1e-5)
    assert torch.allclose(rollout.values, update.values, atol=1e-5)
    ratio = (update.logp - rollout.logp).exp()[rollout.completion_mask.bool()]
    assert (ratio - 1).abs().max() < 1e-4


def test_results_do_not_depend_on_the_number_of_rows() -> None:
    policy = policy_with_values()
    one, many = collect(policy, rows=1), collect(policy, rows=8)
    assert torch.equal(one.input_ids, many.input_ids)
    assert torch.equal(one.completion_mask, many.completion_mask)
    assert torch.allclose(one.logp, many.logp, atol=1e-5)
    assert one.infos == many.infos
    assert len({tuple(row) for row in one.input_ids.tolist()}) == 20  # not all the same, for the equality above to mean something


def test_noise_is_uploaded_before_the_model_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    policy = policy_with_values()

    def telling(word: str, call: Any) -> Any:
        def told(*given: Any, **more: Any) -> Any:
            said.append(word)
            return call(*given, **more)

        return told

    monkeypatch.setattr(rollout_module._Play, "noise", telling("noise", rollout_module._Play.noise))
    monkeypatch.setattr(FullDecoder, "advance", telling("model", FullDecoder.advance))
    engine = RolloutEngine(policy, TokenRows(2), seed=3)
    engine._decoder = FullDecoder(policy.backbone, 2, TokenRows(2).width)
    said.clear()
    engine.collect(3)
    assert said[:4] == ["noise", "model", "noise", "model"]


def test_an_engine_that_is_set_back_sees_that_the_weights_changed() -> None:
    policy = policy_with_values()
    engine = RolloutEngine(policy, TokenRows(5), seed=3)
    engine.collect(5)  # the cache holds the prompts that come again
    with torch.no_grad():
        policy.model.get_input_embeddings().weight.mul_(1.2)
    engine.collections = 0
    again, fresh = engine.collect(5), collect(policy, rows=5, episodes=5)
    assert torch.equal(again.input_ids, fresh.input_ids)
    assert torch.equal(again.logp, fresh.logp)


def test_slot_path_plays_what_the_slow_path_plays() -> None:
    policy = policy_with_values()
    engine = RolloutEngine(policy, TokenRows(5, reply=True), seed=3)
    engine._decoder = FullDecoder(policy.backbone, 5, TokenRows(5).width)
    slow, fast = engine.collect(20), collect(policy, rows=5, reply=True)
    assert torch.equal(slow.input_ids, fast.input_ids)
    assert torch.allclose(slow.logp, fast.logp, atol=1e-5)


def test_a_collection_is_the_next_dealt_episodes_whole() -> None:
    env = TokenRows(4)
    engine = RolloutEngine(policy_with_values(), env, seed=3)
    first, second = engine.collect(10), engine.collect(7)
    assert [info["deal_index"] for info in first.infos] == list(range(10))
    assert [info["deal_index"] for info in second.infos] == list(range(10, 17))
    for i in range(10):
        prompt = env.prompt(i)
        assert first.input_ids[i, : len(prompt)].tolist() == prompt.tolist()
        spoken = first.input_ids[i][first.completion_mask[i].bool()].tolist()
        assert len(spoken) == 9 or spoken[-1] == 2
        assert first.lengths[i] == len(prompt) + len(spoken)
        even = np.mean([token % 2 == 0 for token in spoken])
        assert first.scores[i].item() == pytest.approx(even)
        assert first.rewards[i, first.lengths[i] - 1].item() == pytest.approx(even)  # on the last agent token
        assert first.infos[i] == {"deal_index": i, "metrics": {"even": pytest.approx(even)}}
    assert first.valid.tolist() == [True] * 10


def test_members_of_a_group_stand_together_and_differ() -> None:
    rollout = collect(policy_with_values(), rows=5, episodes=12, group_size=4)
    for start in range(0, 12, 4):
        prompts = {tuple(ids[agent == 0][real[agent == 0] == 1].tolist()) for ids, agent, real in
                   zip(rollout.input_ids[start : start + 4], rollout.completion_mask[start : start + 4],
                       rollout.attention_mask[start : start + 4], strict=True)}  # fmt: skip
        assert len(prompts) == 1
    assert len({tuple(row) for row in rollout.input_ids[:4].tolist()}) == 4


def test_the_seed_decides_and_collections_differ() -> None:
    policy = policy_with_values()
    again = collect(policy, rows=3), collect(policy, rows=3)
    assert torch.equal(again[0].input_ids, again[1].input_ids)
    other = RolloutEngine(policy, TokenRows(3), seed=4).collect(20)
    assert again[0].input_ids.tolist() != other.input_ids.tolist()
    env = TokenRows(3)
    engine = RolloutEngine(policy, env, seed=3)
    first = engine.collect(20)
    env.next = 0  # the same prompts again
    assert first.input_ids.tolist() != engine.collect(20).input_ids.tolist()


def test_a_weight_that_changes_voids_the_cache() -> None:
    policy = policy_with_values()
    engine = RolloutEngine(policy, TokenRows(3), seed=3)
    engine.collect(5)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.mul_(0.9)
    rollout = engine.collect(5)
    update = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask)
    assert torch.allclose(rollout.logp, update.logp, atol=1e-5)


def test_greedy_collections_follow_the_likeliest_token() -> None:
    policy = policy_with_values()
    rollout = RolloutEngine(policy, TokenRows(3), seed=3).collect(6, deterministic=True)
    best = policy.model(rollout.input_ids).logits.argmax(-1)[:, :-1]
    spoken = rollout.completion_mask[:, 1:].bool()
    assert torch.equal(best[spoken], rollout.input_ids[:, 1:][spoken])


def test_a_rollout_can_be_trained_on() -> None:
    policy = policy_with_values()
    rollout = collect(policy, rows=3, episodes=6)
    out = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask, with_values=True)
    assert out.values is not None
    (out.logp * rollout.logp + (out.values - rollout.rewards) ** 2).sum().backward()
    assert all(parameter.grad is not None for parameter in policy.trainable_parameters())


def test_what_it_refuses() -> None:
    policy = policy_with_values()
    env = TokenRows(2)
    env.deal = "independent"
    with pytest.raises(ValueError, match="deal='shared'"):
        RolloutEngine(policy, env)
    env = TokenRows(2)
    env.metadata = {"autoreset_mode": "NextStep"}
    with pytest.raises(ValueError, match="'SameStep'"):
        RolloutEngine(policy, env)
    with pytest.raises(ValueError, match="temperature=0"):
        RolloutEngine(policy, TokenRows(2), temperature=0)
    with pytest.raises(ValueError, match="episodes=0"):
        RolloutEngine(policy, TokenRows(2)).collect(0)
    wide = TokenRows(2)
    wide.single_action_space = gymnasium.spaces.Discrete(99)
    with pytest.raises(ValueError, match="99 actions and the model 'model' only 61 tokens"):
        RolloutEngine(policy, wide)


@pytest.mark.parametrize("task", ["TextSumm-v0", "TextDialogue-v0", "TextQA-v0"])
def test_the_embedded_model_plays_a_real_task_as_the_update_pass_sees_it(task: str) -> None:
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    venv = gymnasium.make_vec(task, num_envs=11, deal="shared", group_size=4, size=50)
    rollout = RolloutEngine(policy, venv, seed=0).collect(40)
    venv.close()
    packed = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask)
    plain = policy(rollout.input_ids, rollout.attention_mask).logp * rollout.completion_mask
    assert rollout.completion_mask.sum() > 500
    assert (rollout.logp - packed.logp).abs().max() < 1e-5  # of every token: no relative part, no mean
    assert (rollout.logp - plain).abs().max() < 1e-5
    for info, spoken in zip(rollout.infos, rollout.completion_mask.sum(1).tolist(), strict=True):
        assert info["completion_tokens"] == spoken
    assert [info["index"] for info in rollout.infos[::4]] == [info["index"] for info in rollout.infos[3::4]]


@pytest.mark.slow
def test_smollm2_plays_as_the_update_pass_sees_it() -> None:
    try:
        policy = CausalLMPolicy.from_pretrained("smollm2-135m", device="cpu", dtype="float32")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    kwargs: dict[str, Any] = {
        "tokenizer": "smollm2-135m",
        "prompt_format": "chat",
        "max_prompt_tokens": 256,
        "max_new_tokens": 16,
        "size": 50,
    }
    venv = gymnasium.make_vec("TextQA-v0", num_envs=4, deal="shared", group_size=2, **kwargs)
    rollout = RolloutEngine(policy, venv, seed=0).collect(8)
    venv.close()
    update = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask)
    assert (rollout.logp - update.logp).abs().max() < 1e-4
    assert rollout.completion_mask.sum() > 20


def test_lora_on_a_bfloat16_base_plays() -> None:
    policy = CausalLMPolicy(random_model().bfloat16(), lora=LoRA(rank=2))
    rollout = collect(policy, rows=3, episodes=8, group_size=4)
    update = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask)
    assert update.logp.dtype == rollout.logp.dtype == torch.float32
    difference = (update.logp - rollout.logp).abs()[rollout.completion_mask.bool()]
    assert difference.mean() < 0.1  # bfloat16: old log-probabilities are computed again before an update


@pytest.mark.parametrize("options", [{}, {"foreach": True}, {"fused": True}], ids=["default", "foreach", "fused"])
def test_every_optimizer_step_changes_the_version(options: dict[str, bool]) -> None:
    policy = policy_with_values()
    optimizer = torch.optim.AdamW(policy.trainable_parameters(), lr=1e-3, foreach=options.get("foreach"), fused=options.get("fused"))
    rollout = collect(policy, rows=3, episodes=6)
    policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask).logp.sum().backward()
    before = policy.version()
    optimizer.step()
    assert policy.version() != before
