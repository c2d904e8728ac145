"""Parts of a policy by name: what is chosen, what is tied, what is refused; frozen weights stay, also through a checkpoint."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config

from tests.echo import echo_policy, echo_venv
from tokengym.agents import LoRA, Reinforce, ReinforceConfig, load_agent
from tokengym.agents.freeze import set_trained, train_only
from tokengym.agents.policy import CausalLMPolicy


def learning(policy: Any) -> set[str]:
    return {name for name, x in policy.named_parameters() if x.requires_grad}


def all_of(policy: Any, *parts: str) -> set[str]:
    return {name for name, _ in policy.named_parameters() if any(part in name for part in parts)}


def test_names_globs_and_ranges_choose_whole_parts_of_a_name() -> None:
    policy = echo_policy()
    for patterns, parts in {
        "lm_head": ("lm_head",),
        "layers.1-7": ("layers.1.",),
        "layers.0-1": ("layers.",),
        "lm_head, layers.1": ("lm_head", "layers.1."),
        "layers.*.self_attn.?_proj": ("q_proj", "k_proj", "v_proj", "o_proj"),
        "model.norm": ("model.norm.",),
    }.items():
        train_only(policy, patterns)
        assert learning(policy) == all_of(policy, *parts, "value_head"), patterns


def test_unknown_parts_are_refused_with_what_there_is() -> None:
    policy = echo_policy()
    before = learning(policy)
    with pytest.raises(ValueError) as error:
        train_only(policy, "lm_head,layers.2-9")
    assert "'layers.2-9' is not a known part of the model (train_only)" in str(error.value)
    for place in ("model.lm_head", "model.model.embed_tokens", "model.model.layers.0-1.mlp.up_proj", "value_head"):
        assert place in str(error.value)
    with pytest.raises(ValueError, match="Did you mean 'model.lm_head'"):
        train_only(policy, "model.lm_haed")
    assert learning(policy) == before  # nothing was frozen


def test_tied_embeddings_are_one_tensor_and_are_said_to_be() -> None:
    with torch.random.fork_rng(devices=[]):
        model = AutoModelForCausalLM.from_config(GPT2Config(vocab_size=11, n_positions=16, n_embd=8, n_layer=2, n_head=2))
    policy = CausalLMPolicy(model)
    with pytest.warns(UserWarning, match="lm_head.weight and model.transformer.wte.weight are one tensor.*training one trains the other"):
        train_only(policy, "lm_head")
    assert learning(policy) == {"model.transformer.wte.weight", "value_head.weight", "value_head.bias"}
    assert policy.model.lm_head.weight.requires_grad
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_only(policy, "lm_head,wte")  # whoever names both knows
        train_only(policy, "h.1")


def test_under_lora_patterns_choose_among_adapters() -> None:
    policy = CausalLMPolicy(echo_policy().model, lora=LoRA(rank=2))
    policy.reference()
    train_only(policy, "layers.1")
    found = learning(policy)
    assert all(".layers.1." in name and "lora_" in name and ".default." in name or name.startswith("value_head") for name in found)
    assert len(found) == 7 * 2 + 2
    with pytest.raises(ValueError, match="'lm_head' is not a known part"):  # bfloat16 or not, a frozen base stays frozen
        train_only(policy, "lm_head")


def test_frozen_weights_stay_and_a_checkpoint_knows_them(tmp_path: Path) -> None:
    config = ReinforceConfig(episodes_per_update=16, train_only="lm_head,layers.1", kl_beta=0.05, updates=4, learning_rate=1e-2)
    policy = echo_policy()
    before = {name: x.detach().clone() for name, x in policy.named_parameters()}
    agent = Reinforce(policy, echo_venv(group_size=4), config=config).learn(progress=False)
    moved = {name for name, x in policy.named_parameters() if not torch.equal(x, before[name])}
    assert moved == all_of(policy, "lm_head", "layers.1.")  # REINFORCE without a value baseline has no gradient for the value head
    folder = agent.save(tmp_path / "agent")
    again = load_agent(folder, env=echo_venv(group_size=4))
    assert learning(again.policy) == learning(policy)
    for name, x in again.reference.named_parameters():  # the policy as training found it, frozen parts and all
        assert torch.equal(x, before[name]), name
    for each in (agent, again):
        each.learn(progress=False)
    assert all(torch.equal(x, dict(again.policy.named_parameters())[name]) for name, x in policy.named_parameters())


def test_what_was_frozen_by_hand_is_frozen_again_by_loading(tmp_path: Path) -> None:
    policy = echo_policy()
    policy.model.model.embed_tokens.requires_grad_(False)
    agent = Reinforce(policy, echo_venv(group_size=4), config=ReinforceConfig(episodes_per_update=16, updates=1)).learn(progress=False)
    again = load_agent(agent.save(tmp_path / "agent"), env=echo_venv(group_size=4))
    assert learning(again.policy) == learning(policy)
    again.learn(progress=False)


def test_a_checkpoint_is_not_loaded_into_a_policy_that_lacks_its_weights(tmp_path: Path) -> None:
    config = ReinforceConfig(episodes_per_update=16, updates=1)
    full = Reinforce(echo_policy(), echo_venv(group_size=4), config=config).learn(progress=False).save(tmp_path / "full")
    adapted = CausalLMPolicy(echo_policy().model, lora=LoRA(rank=2))
    with pytest.raises(ValueError, match=r"this policy, with adapters \(lora=...\), lacks 14 of them, the first 'model.model.layers.0.mlp"):
        load_agent(full, policy=adapted)
    names = learning(adapted)
    with pytest.raises(ValueError, match="holds 30 trained tensors and this policy, with no adapters, lacks 28 of them"):
        set_trained(echo_policy(), names)
    set_trained(adapted, names)
    assert learning(adapted) == names
