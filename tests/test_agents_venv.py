"""From an id, a spec or a vector env to what an agent plays."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics, TransformReward
from transformers import LlamaConfig, OPTConfig

import tokengym  # noqa: F401  (registers the ids)
from tests.echo import echo_policy, echo_venv
from tests.text_rows import SMALL, random_model
from tokengym.agents import SFT, SFTConfig, load_agent
from tokengym.agents.parallel import Ranks, Shard
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.venv import (
    check_context,
    check_groups,
    check_tokenizer,
    data_key,
    describe,
    differs,
    make_venv,
    recall,
    to_go_on,
    validation_venv,
)
from tokengym.envs import Example


def test_an_id_and_a_spec_become_shared_vector_envs_that_score_no_metrics() -> None:
    spec = copy.deepcopy(gymnasium.spec("TextQA-v0"))
    spec.kwargs["size"] = 8
    before = dict(spec.kwargs)
    for given, size in ((spec, 8), ("TextQA-v0", None)):
        venv = make_venv(given, num_envs=3, group_size=2)
        inner = venv.unwrapped
        assert (venv.num_envs, inner.deal, inner.engine.keywords.group_size, inner.engine.metrics) == (3, "shared", 2, [])
        assert size is None or len(inner.examples) == size
    assert spec.kwargs == before


def test_validation_is_the_validation_split_in_order_with_the_same_reward() -> None:
    spec = copy.deepcopy(gymnasium.spec("TextQA-v0"))
    spec.kwargs.update(size=8, reward="exact", max_new_tokens=5)
    train = make_venv(spec, num_envs=3)
    inner = validation_venv(None, train, 2, metrics=True).unwrapped
    keywords = inner.engine.keywords
    assert (keywords.split, keywords.order, inner.reward.spec, inner.engine.max_new_tokens) == ("validation", "sequential", "exact", 5)
    assert inner.engine.metrics and len(inner.examples) != 8
    given = echo_venv(2)
    assert validation_venv(given, train, 4, metrics=False) is given


def test_validation_on_the_rows_of_training_is_told() -> None:
    def made(rows: list[Example]) -> Any:
        return gymnasium.make_vec("TextQA-v0", num_envs=2, deal="shared", dataset=rows)

    train, held_out = ([Example(f"{name}{i}", f"Who is {name}{i}?", (name,)) for i in range(3)] for name in ("Ada", "Bob"))
    with pytest.warns(UserWarning, match=r"validation plays the rows of training.*make_vec\('TextQA-v0', num_envs=2.*validation_env="):
        validation_venv(None, made(train), 2, metrics=False)
    other = made(held_out)
    assert validation_venv(other, made(train), 2, metrics=False) is other


def test_validation_on_the_training_split_is_told_and_on_the_training_environment_refused() -> None:
    spec = copy.deepcopy(gymnasium.spec("TextQA-v0"))
    spec.kwargs["size"] = 8
    train = make_venv(spec, num_envs=2)
    said = r"validation_env has the same examples as env.*make_vec\('TextQA-v0', num_envs=2, deal='shared', split='validation'\)"
    for given in (spec, make_venv(spec, num_envs=2)):
        with pytest.warns(UserWarning, match=said):
            validation_venv(given, train, 2, metrics=False)
    held_out = copy.deepcopy(spec)
    held_out.kwargs["split"] = "validation"
    assert validation_venv(held_out, train, 2, metrics=False).unwrapped.engine.keywords.split == "validation"
    for given, env in ((train, train), (RecordEpisodeStatistics(train), train), (train, RecordEpisodeStatistics(train))):
        with pytest.raises(ValueError, match=r"validation_env is the training environment itself.*make_vec\('TextQA-v0'"):
            validation_venv(given, env, 2, metrics=False)


def test_an_environment_without_a_spec_needs_its_validation_given() -> None:
    with pytest.raises(ValueError, match="validation_env="):
        validation_venv(None, echo_venv(2), 2, metrics=False)


def test_descriptions_are_json_where_they_can_be() -> None:
    spec = copy.deepcopy(gymnasium.spec("TextQA-v0"))
    spec.kwargs["size"] = 8
    described = describe(make_venv(spec, num_envs=3, group_size=2))
    assert described["id"] == "TextQA-v0" and described["num_envs"] == 3 and described["kwargs"]["size"] == 8
    assert "group_size" not in described["kwargs"]
    json.dumps(described)
    assert describe(echo_venv(2)) == {"id": "TextGenVectorEnv", "num_envs": 2, "kwargs": None}


def test_infos_as_a_list_are_refused() -> None:
    listed = RecordEpisodeStatistics(DictInfoToList(echo_venv()))
    with pytest.raises(ValueError, match="wrapped in DictInfoToList, and agents read infos as a dict of arrays"):
        make_venv(listed, num_envs=8)
    kept = RecordEpisodeStatistics(echo_venv())
    assert make_venv(kept, num_envs=8) is kept


def test_groups_of_another_size_are_refused() -> None:
    venv = gymnasium.make_vec("TextQA-v0", num_envs=2, deal="shared", group_size=2, size=8)
    assert make_venv(venv, 64, group_size=2) is venv
    assert make_venv(venv, 64, group_size=1) is venv
    with pytest.raises(ValueError, match="deals groups of 2 and the config says group_size=4"):
        make_venv(venv, 64, group_size=4)
    check_groups([{"index": 3}, {"index": 3}, {"index": 0}, {"index": 0}], 2)
    check_groups([{}, {}], 2)
    with pytest.raises(ValueError, match="group_size=2"):
        check_groups([{"index": 3}, {"index": 4}], 2)


def test_tokenizers_are_compared_by_content() -> None:
    policy, venv = echo_policy(), echo_venv(2)
    check_tokenizer(policy, venv)
    policy.tokenizer_fingerprint = None  # a model without tokenizer files: nothing to compare
    check_tokenizer(policy, venv)
    policy.tokenizer_fingerprint = "0" * 64
    with pytest.raises(ValueError, match="tokenizer='tiny'"):
        check_tokenizer(policy, gymnasium.make_vec("TextQA-v0", num_envs=2, deal="shared", size=8))


def test_what_was_described_is_made_again() -> None:
    spec = copy.deepcopy(gymnasium.spec("TextQA-v0"))
    spec.kwargs["size"] = 8
    for env in (spec, make_venv(spec, num_envs=3, group_size=2)):
        told = json.loads(json.dumps(describe(env)))
        again = recall(told, group_size=2)
        assert type(again) is type(env) and describe(again) == told
    assert describe("TextQA-v0")["id"] == recall(describe("TextQA-v0")).id == "TextQA-v0"
    assert recall({}) is None and recall(describe(echo_venv(2))) is None


def test_a_vector_env_is_made_again_with_its_own_group_size() -> None:
    told = json.loads(json.dumps(describe(gymnasium.make_vec("TextQA-v0", num_envs=2, deal="shared", size=8, group_size=4))))
    assert recall(told, group_size=1).unwrapped.engine.keywords.group_size == 4
    del told["group_size"]  # an older checkpoint
    assert recall(told, group_size=2).unwrapped.engine.keywords.group_size == 2


def test_wrappers_are_not_lost_without_a_word(tmp_path: Path) -> None:
    inner = gymnasium.make_vec("TextQA-v0", num_envs=2, deal="shared", size=8)
    wrapped = TransformReward(inner, lambda reward: 10 * reward + 1)
    assert describe(wrapped) == {"id": "TextQA-v0", "num_envs": 2, "kwargs": None} and recall(describe(wrapped)) is None
    assert describe(Shard(inner, Ranks(0, 2))) == describe(inner)  # a process's share is ours, and made again
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    again = load_agent(SFT(policy, wrapped, config=SFTConfig(batch_size=2, updates=1)).save(tmp_path / "agent"))
    with pytest.raises(ValueError, match=r"has no environment; give one to its constructor, to load\(\), or to set_env\(\)"):
        again.learn(progress=False)


def test_environments_are_told_apart() -> None:
    def made(**keywords: Any) -> Any:
        return gymnasium.make_vec("TextQA-v0", num_envs=2, deal="shared", **{"size": 8, **keywords})

    told = json.loads(json.dumps(describe(made())))
    assert not differs(made(), told) and not differs(made(metrics=False), told) and not differs(made(), {})
    assert differs(made(reward="exact"), told) and differs(made(split="test"), told) and differs(echo_venv(2), told)
    assert not differs(TransformReward(made(), float), told)  # nobody knows
    assert data_key(made()) == data_key(made(reward="exact")) != data_key(made(size=7)) != data_key(made(split="test"))
    assert data_key(echo_venv(2)) == data_key(echo_venv(4)) and data_key(None) == ""


def test_a_loaded_agent_validates_where_it_did(tmp_path: Path) -> None:
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    config = SFTConfig(batch_size=2, updates=1, num_envs=2, validate_every=1, validation_episodes=2)
    folder = SFT(policy, "TextQA-v0", config=config, validation_env="TextTranslate-v0").save(tmp_path / "agent")
    again = load_agent(folder)
    again.validate()
    assert again._validation.unwrapped.spec.id == "TextTranslate-v0"
    agent = SFT(echo_policy(), echo_venv(), config=config, validation_env=echo_venv(2))
    with pytest.warns(UserWarning, match="validation environment TextGenVectorEnv that was saved cannot be made again"):
        load_agent(agent.save(tmp_path / "other"), env=echo_venv())


def test_an_episode_longer_than_the_table_of_positions_is_refused() -> None:
    opt = OPTConfig(vocab_size=1024, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, word_embed_proj_dim=16)
    opt.max_position_embeddings = 128
    for model in (random_model("gpt2"), random_model(opt)):  # 128 positions; OPT's table has two rows more
        policy = CausalLMPolicy(model)
        with pytest.raises(ValueError, match="knows 128 positions; lower max_prompt_tokens"):
            check_context(policy, make_venv("TextQA-v0", num_envs=1))
        check_context(policy, echo_venv(1))
    rotary = random_model(LlamaConfig(**SMALL, num_hidden_layers=1, max_position_embeddings=SMALL["vocab_size"]))
    check_context(CausalLMPolicy(rotary), make_venv("TextQA-v0", num_envs=1))  # as many words as positions, and no table of those


def test_how_people_go_on_with_a_run(tmp_path: Path) -> None:
    known = make_venv("TextQA-v0", num_envs=1)
    assert to_go_on("tokengym train --out {folder} --resume", tmp_path, known) == f"tokengym train --out {tmp_path} --resume"
    assert to_go_on("", tmp_path, known) == f'python -c "from tokengym.agents import load_agent; load_agent({str(tmp_path)!r}).learn()"'
    wrapped = RecordEpisodeStatistics(known)
    assert to_go_on("", tmp_path, wrapped).startswith(f"load_agent({str(tmp_path)!r}, env=...).learn() with the environment, which")


def test_examples_of_other_kinds_have_no_key() -> None:
    class Plain:
        examples = ("a", "b")

    assert data_key(Plain()) == ""
