"""A causal language model as the policy of Stable-Baselines3: the model's own probabilities, learning, saving, refusals."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.vec_env import VecMonitor

from tests.echo import echo_policy, echo_venv
from tests.tiny_model import save_tiny_model
from tokengym.agents import CausalLMActorCritic, CausalLMPolicy, LoRA, MaskableCausalLMActorCritic, SB3VecEnv


def make(policy: CausalLMPolicy | None = None, kind: Any = PPO, rows: int = 16, **options: Any) -> Any:
    given = {"model": policy if policy is not None else echo_policy(), **options.pop("policy_kwargs", {})}
    env = VecMonitor(SB3VecEnv(echo_venv(rows)))
    return kind(CausalLMActorCritic, env, policy_kwargs=given, seed=0, device="cpu", **options)


def actor(policy: CausalLMPolicy, **options: Any) -> Any:
    venv = echo_venv(2)
    return CausalLMActorCritic(venv.single_observation_space, venv.single_action_space, lambda _: 1e-3, model=policy, **options)


def steps(rows: int, count: int) -> list[tuple[dict[str, torch.Tensor], torch.Tensor]]:
    """Observations (rows, L) and the random tokens (rows,) that were taken in them."""
    venv, dice, found = echo_venv(rows), np.random.default_rng(1), []
    obs, _ = venv.reset(seed=0)
    for _ in range(count):
        actions = dice.integers(3, 11, size=rows)
        found.append(({key: torch.from_numpy(value.copy()) for key, value in obs.items()}, torch.from_numpy(actions)))
        obs = venv.step(actions)[0]
    return found


def test_probabilities_and_values_are_the_model_s_with_and_without_the_cache() -> None:
    policy = echo_policy()
    torch.nn.init.normal_(policy.value_head.weight)
    model = actor(policy)
    for obs, actions in steps(5, 8):
        length = obs["attention_mask"].sum(1)
        longer, real = obs["input_ids"].long(), obs["attention_mask"].long()
        longer = torch.nn.functional.pad(longer, (0, 1)).scatter(1, length[:, None], actions[:, None])
        real = torch.nn.functional.pad(real, (0, 1)).scatter(1, length[:, None], 1)
        out: Any = policy(longer, real, with_values=True, with_entropy=True)
        expected = [x.gather(1, length[:, None])[:, 0] for x in (out.logp, out.values, out.entropy)]
        values, logp, entropy = model.evaluate_actions(obs, actions)
        for found, wanted in zip((logp, values[:, 0], entropy), expected, strict=True):
            assert torch.allclose(found, wanted, atol=1e-5)
        assert logp.requires_grad and values.requires_grad
        with torch.no_grad():  # in turns, as a rollout and its last values are
            values_, logp_, entropy_ = model.evaluate_actions(obs, actions)
            assert torch.allclose(model.predict_values(obs), values_, atol=1e-6)
        assert all(torch.allclose(x, y, atol=1e-5) for x, y in zip((values_, logp_, entropy_), (values, logp, entropy), strict=True))


def test_beginnings_of_one_text_go_through_the_model_once() -> None:
    policy = echo_policy()
    model, passed = actor(policy), []
    taken = steps(4, 12)
    dice = np.random.default_rng(0)
    rows = [(n, row) for n in range(12) for row in range(4)]
    dice.shuffle(rows)
    obs = {key: torch.stack([taken[n][0][key][row] for n, row in rows]) for key in taken[0][0]}
    actions = torch.stack([taken[n][1][row] for n, row in rows])
    alone = [model.evaluate_actions({key: value[[i]] for key, value in obs.items()}, actions[[i]]) for i in range(len(rows))]
    hidden = policy.backbone.hidden
    policy.backbone.hidden = lambda ids, *rest: passed.append(len(ids)) or hidden(ids, *rest)  # type: ignore[method-assign, func-returns-value]
    together = model.evaluate_actions(obs, actions)
    for n, found in enumerate(together):
        assert torch.allclose(found, torch.cat([each[n] for each in alone]), atol=1e-5)
    episodes = {tuple(ids[: int(length)].tolist()) for ids, length in zip(obs["input_ids"], obs["attention_mask"].sum(1), strict=True)}
    longest = [text for text in episodes if not any(other != text and other[: len(text)] == text for other in episodes)]
    assert passed == [len(longest)] and len(longest) < len(rows) / 2


def test_an_idle_row_gets_a_value_and_changes_no_other() -> None:
    model, (obs, _) = actor(echo_policy()), steps(3, 1)[0]
    with torch.no_grad():
        alone = model.get_distribution(obs).distribution.logits
        idle = {key: value.clone() for key, value in obs.items()}
        idle["input_ids"][1], idle["attention_mask"][1] = 0, 0
        found = model.get_distribution(idle).distribution.logits
    assert torch.allclose(found[[0, 2]], alone[[0, 2]], atol=1e-6) and found.isfinite().all()


@pytest.mark.parametrize(
    ("kind", "options"),
    [(PPO, {"n_steps": 32, "batch_size": 64, "n_epochs": 4, "learning_rate": 3e-3}), (A2C, {"n_steps": 8, "learning_rate": 1e-3})],
)
def test_learns_to_beat_random(kind: Any, options: dict[str, Any]) -> None:
    model = make(kind=kind, gamma=1.0, **options)

    def score() -> float:
        venv = echo_venv(8, order="sequential")
        obs, total = venv.reset(seed=0)[0], 0.0
        state, ended = None, np.zeros(8, dtype=bool)
        while not ended.all():
            actions, state = model.predict(obs, state=state, deterministic=True)
            obs, rewards, terminated, _, _ = venv.step(actions)
            total += float(rewards[~ended].sum())
            ended |= terminated
        return total / 8

    before = score()
    model.learn(12_000)
    assert before < 0.25 and score() > 0.5


def test_the_first_pass_has_ratio_one() -> None:
    model = make(n_steps=16, batch_size=256, n_epochs=1, learning_rate=1e-3)
    start = {name: x.detach().clone() for name, x in model.policy.named_parameters()}
    model.learn(256)
    assert abs(model.logger.name_to_value["train/approx_kl"]) < 1e-6 and model.logger.name_to_value["train/clip_fraction"] == 0
    assert all(not torch.equal(x, start[name]) for name, x in model.policy.named_parameters())
    names = list(start)
    assert len(names) == len(set(names)) and all(name.startswith("features_extractor.causal_lm.") for name in names)


def test_caches_are_void_after_an_update() -> None:
    model, (obs, actions) = actor(echo_policy()), steps(4, 1)[0]
    with torch.no_grad():
        before = model.evaluate_actions(obs, actions)[1]
    model.evaluate_actions(obs, actions)[1].sum().neg().backward()
    model.optimizer.step()
    with torch.no_grad():
        after = model.evaluate_actions(obs, actions)[1]
    assert torch.allclose(after, model.evaluate_actions(obs, actions)[1], atol=1e-5) and (after > before + 1e-4).all()


def test_constrained_answers_through_maskable_ppo() -> None:
    env = SB3VecEnv("TextClassify-v0", num_envs=4, constrained=True, size=8, metrics=False)
    model = MaskablePPO(
        MaskableCausalLMActorCritic,
        env,
        n_steps=8,
        batch_size=32,
        n_epochs=1,
        policy_kwargs={"model": "builtin:tiny"},
        seed=0,
        device="cpu",
    )
    model.learn(32)
    obs = env.reset()
    masks = np.stack(env.env_method("action_masks"))
    for _ in range(3):
        actions, _ = model.predict(obs, action_masks=masks)
        assert masks[np.arange(4), actions].all()
        obs, _, _, _ = env.step(actions)
        masks = np.stack(env.env_method("action_masks"))


def test_saved_by_stable_baselines_and_for_transformers(tmp_path: Path) -> None:
    name = save_tiny_model(tmp_path / "model")
    env = SB3VecEnv("TextSumm-v0", num_envs=2, size=4, max_new_tokens=4, tokenizer=name, metrics=False)
    model: Any = PPO(
        CausalLMActorCritic, env, n_steps=4, batch_size=8, learning_rate=1e-2, policy_kwargs={"model": name}, seed=0, device="cpu"
    )
    model.learn(16)
    obs = env.reset()
    expected = model.predict(obs, deterministic=True)[0]
    model.save(tmp_path / "sb3.zip")
    again = PPO.load(tmp_path / "sb3.zip", device="cpu")
    assert np.array_equal(again.predict(obs, deterministic=True)[0], expected)
    assert np.array_equal(copy.deepcopy(model.policy).predict(obs, deterministic=True)[0], expected)
    model.policy.save(str(tmp_path / "policy.pt"))
    alone = CausalLMActorCritic.load(str(tmp_path / "policy.pt"), device="cpu")
    assert np.array_equal(alone.predict(obs, deterministic=True)[0], expected)
    model.policy.causal_lm.save(tmp_path / "lm")
    assert np.array_equal(CausalLMPolicy.from_pretrained(str(tmp_path / "lm")).predict(obs, deterministic=True)[0], expected)


def test_a_policy_that_is_given_comes_back_with_its_adapters(tmp_path: Path) -> None:
    name = save_tiny_model(tmp_path / "model")
    env = SB3VecEnv("TextSumm-v0", num_envs=2, size=4, max_new_tokens=4, tokenizer=name, metrics=False, reward="length(goal=3)")
    mine = CausalLMPolicy.from_pretrained(name, device="cpu", lora=LoRA(rank=2))
    mine.name = "of my own"
    model: Any = PPO(CausalLMActorCritic, env, n_steps=4, batch_size=8, learning_rate=1e-2, policy_kwargs={"model": mine}, device="cpu")
    model.learn(8)
    obs = env.reset()
    expected = model.predict(obs, deterministic=True)[0]
    model.policy.save(str(tmp_path / "policy.pt"))
    model.save(tmp_path / "sb3.zip")
    for again in (CausalLMActorCritic.load(str(tmp_path / "policy.pt"), device="cpu"), PPO.load(tmp_path / "sb3.zip", device="cpu")):
        assert np.array_equal(again.predict(obs, deterministic=True)[0], expected)


def test_caches_are_void_after_weights_were_exchanged() -> None:
    model, (obs, actions) = actor(echo_policy()), steps(3, 1)[0]
    with torch.no_grad():
        model.evaluate_actions(obs, actions)
    vector = model.parameters_to_vector()
    vector[:100] += 0.5
    model.load_from_vector(vector)
    with torch.no_grad():
        found = model.evaluate_actions(obs, actions)[1]
    assert torch.allclose(found, model.evaluate_actions(obs, actions)[1], atol=1e-5)


def test_parts_and_adapters_learn_alone() -> None:
    frozen = make(policy_kwargs={"train_only": "lm_head"}, n_steps=4, batch_size=64, learning_rate=1e-2)
    start = {name: x.detach().clone() for name, x in frozen.policy.named_parameters()}
    frozen.learn(64)
    moved = {name for name, x in frozen.policy.named_parameters() if not torch.equal(x, start[name])}
    assert {name.removeprefix("features_extractor.causal_lm.").split(".")[-2] for name in moved} == {"lm_head", "value_head"}


def test_adapters_of_a_model_by_name(tmp_path: Path) -> None:
    name = save_tiny_model(tmp_path / "model")
    env = SB3VecEnv("TextSumm-v0", num_envs=2, size=4, max_new_tokens=4, tokenizer=name, metrics=False, reward="length(goal=3)")
    given = {"model": name, "lora": LoRA(rank=2)}
    model = PPO(CausalLMActorCritic, env, n_steps=4, batch_size=8, learning_rate=1e-2, policy_kwargs=given, seed=0, device="cpu")
    make_one: Any = CausalLMActorCritic
    small = make_one(env.observation_space, env.action_space, lambda _: 1e-3, dtype="bfloat16", **given)
    plain: Any = model.policy  # rollout and update agree in it
    assert (plain.causal_lm.backbone.dtype, small.causal_lm.backbone.dtype) == (torch.float32, torch.bfloat16)
    with pytest.warns(UserWarning, match="trained tensors are bfloat16"):
        make_one(env.observation_space, env.action_space, lambda _: 1e-3, model=name, dtype="bfloat16")
    start = {key: x.detach().clone() for key, x in model.policy.named_parameters()}
    model.learn(8)
    moved = {key for key, x in model.policy.named_parameters() if not torch.equal(x, start[key])}
    assert moved and all("lora" in key or "value_head" in key for key in moved)


def test_what_does_not_fit_is_refused() -> None:
    venv = gymnasium.make_vec("TextSumm-v0", num_envs=2, size=4)
    observations, actions = venv.single_observation_space, venv.single_action_space
    make_one: Any = CausalLMActorCritic

    def refuse(says: str, *given: Any, **options: Any) -> None:
        with pytest.raises(ValueError, match=says):
            make_one(*given, lambda _: 1e-3, **options)

    refuse("expected a Dict with input_ids", gymnasium.spaces.Box(0, 1, (3,)), actions)
    refuse("expected Discrete", observations, gymnasium.spaces.Box(0, 1, (3,)))
    refuse("lora goes with a model by name", observations, actions, model=echo_policy(), lora=LoRA())
    refuse("dtype goes with a model by name", observations, actions, model=echo_policy(), dtype="bfloat16")
    with pytest.raises(TypeError, match="model is a int; expected a name"):
        make_one(observations, actions, lambda _: 1e-3, model=7)
    with pytest.raises(TypeError, match="net_arch"):
        make_one(observations, actions, lambda _: 1e-3, net_arch=[64])
    refuse("continuous actions", observations, actions, use_sde=True)
    refuse("tokenizer='builtin:tiny'", observations, gymnasium.spaces.Discrete(11))
    refuse("only 11 tokens", observations, actions, model=echo_policy_without_tokenizer())


def echo_policy_without_tokenizer() -> CausalLMPolicy:
    policy = echo_policy()
    policy.tokenizer_fingerprint = None
    return policy
