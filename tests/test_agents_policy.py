"""The policy: log-probabilities, values, predict, the reference, LoRA, and the way to disk and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from tests.text_rows import SMALL, WORDS, TokenRows, random_model
from tokengym.agents.cache import FullDecoder
from tokengym.agents.lora import LoRA
from tokengym.agents.policy import CausalLMPolicy

ROWS = torch.tensor([[5, 9, 14, 3, 2, 0], [7, 8, 21, 33, 40, 2], [6, 2, 0, 0, 0, 0]])
REAL = (torch.arange(6) < torch.tensor([[5], [6], [2]])).long()
TOKENIZER = {"model": {"vocab": {"a": 0, "b": 1, "c": 57}}, "added_tokens": [{"id": 58, "content": "<eos>"}]}


@pytest.fixture
def policy() -> CausalLMPolicy:
    return CausalLMPolicy(random_model())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random_model().save_pretrained(tmp_path / "base")
    (tmp_path / "base" / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    return tmp_path / "base"


def test_logp_equals_the_models_log_softmax(policy: CausalLMPolicy) -> None:
    logits = policy.model(ROWS, attention_mask=REAL).logits
    naive = torch.log_softmax(logits[:, :-1], -1).gather(2, ROWS[:, 1:, None])[..., 0] * REAL[:, 1:]
    ours = policy.logp(ROWS, REAL)
    assert ours.dtype == torch.float32 and ours.shape == (3, 6)
    assert torch.allclose(ours[:, 1:], naive, atol=1e-5)
    assert ours[:, 0].tolist() == [0, 0, 0]
    assert ours[2, 2:].tolist() == [0, 0, 0, 0]


def test_temperature_divides_the_logits(policy: CausalLMPolicy) -> None:
    out = policy(ROWS, REAL, temperature=0.5, with_entropy=True)
    halved = torch.log_softmax(policy.model(ROWS).logits[:, :-1] / 0.5, -1)
    assert torch.allclose(out.logp[1, 1:], halved[1].gather(1, ROWS[1, 1:, None])[:, 0], atol=1e-5)
    assert torch.allclose(out.entropy[1, 1:], -(halved[1].exp() * halved[1]).sum(-1), atol=1e-5)


def test_padding_changes_nothing_on_either_side(policy: CausalLMPolicy) -> None:
    torch.nn.init.normal_(policy.value_head.weight)
    alone = policy(ROWS[:1, :5], REAL[:1, :5], with_values=True)
    right = policy(ROWS, REAL, with_values=True)
    perturbed = policy(torch.where(REAL == 1, ROWS, 17), REAL, with_values=True)
    left = policy(torch.cat([torch.full((1, 3), 17), ROWS[:1, :5]], 1), torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1]]), with_values=True)
    for x in ("logp", "values"):
        assert torch.allclose(getattr(right, x)[:1, :5], getattr(alone, x), atol=1e-5)
        assert torch.equal(getattr(right, x), getattr(perturbed, x))
        assert torch.allclose(getattr(left, x)[:, 3:], getattr(alone, x), atol=1e-5)
        assert getattr(left, x)[0, :4].abs().sum() == 0


def test_values_are_those_of_the_tokens_before_and_zero_at_the_start(policy: CausalLMPolicy) -> None:
    assert policy(ROWS, REAL, with_values=True).values.abs().sum() == 0
    torch.nn.init.normal_(policy.value_head.weight)
    values = policy(ROWS, REAL, with_values=True).values
    hidden = policy.model.model(ROWS).last_hidden_state
    assert torch.allclose(values[1, 1:], policy.value_head(hidden[1, :-1])[:, 0], atol=1e-5)
    other_end = ROWS.clone()
    other_end[1, 5] = 11
    assert torch.equal(values[1], policy(other_end, REAL, with_values=True).values[1])


def test_a_mask_restricts_the_work(policy: CausalLMPolicy) -> None:
    mask = torch.tensor([[0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0]])
    full, some = policy(ROWS, REAL, with_values=True), policy(ROWS, REAL, with_values=True, mask=mask)
    assert torch.allclose(some.logp, full.logp * mask, atol=1e-5)
    nothing = policy(ROWS, REAL, with_values=True, with_entropy=True, mask=torch.zeros_like(mask))
    assert nothing.logp.shape == nothing.values.shape == nothing.entropy.shape == (3, 6)
    assert nothing.logp.abs().sum() == 0
    with pytest.raises(ValueError, match=r"input_ids \(3, 6\).*mask \(3, 5\)"):
        policy(ROWS, REAL, mask=mask[:, :5])


def test_dropout_stays_off() -> None:
    model = random_model("gpt2")  # its configuration says 0.1 everywhere
    policy = CausalLMPolicy(model).train()
    assert not any(module.training for module in policy.modules())
    assert torch.equal(policy.logp(ROWS, REAL), policy.logp(ROWS, REAL))


def test_tokens_beyond_the_tokenizers_have_no_probability(folder: Path) -> None:
    policy = CausalLMPolicy.from_pretrained(str(folder), device="cpu")
    assert policy.num_actions == 59 and policy.model.config.vocab_size == WORDS
    logits = policy.model(ROWS).logits[:, :-1, :59]
    assert torch.allclose(policy.logp(ROWS, REAL)[1, 1:], torch.log_softmax(logits, -1)[1].gather(1, ROWS[1, 1:, None])[:, 0], atol=1e-5)
    assert policy.tokenizer_fingerprint is not None and len(policy.tokenizer_fingerprint) == 64
    assert policy.eos_token_id == 2


def play(policy: CausalLMPolicy, with_state: bool, steps: int = 25) -> Any:
    env = TokenRows(4, reply=True)
    obs, _ = env.reset(seed=1, options={"episodes": 7})
    state, start, taken = None, np.ones(4, dtype=bool), []
    for _ in range(steps):
        actions, state = policy.predict(obs, state=state if with_state else None, episode_start=start, deterministic=True)
        active = env.active.copy()
        best = policy.model(torch.from_numpy(obs["input_ids"]).long()).logits.argmax(-1)
        last = obs["attention_mask"].sum(1) - 1
        assert actions[active].tolist() == best[np.flatnonzero(active), last[active]].tolist()
        assert actions[~active].tolist() == [0] * int((~active).sum())
        taken.append(actions)
        obs, _, ended, _, _ = env.step(actions)
        start = ended
    assert not env.active.all()
    return np.array(taken)


def test_predict_equals_greedy_full_forward_with_and_without_state(policy: CausalLMPolicy) -> None:
    assert np.array_equal(play(policy, with_state=True), play(policy, with_state=False))


def test_predict_takes_a_single_observation_and_samples_from_its_own_generator(policy: CausalLMPolicy) -> None:
    obs: dict[str, Any] = {"input_ids": np.array([5, 9, 14, 0], dtype=np.int32), "attention_mask": np.array([1, 1, 1, 0], dtype=np.int8)}
    action, state = policy.predict(obs, deterministic=True)
    assert int(action) == int(policy.model(torch.tensor([[5, 9, 14]])).logits[0, -1].argmax())
    draws = []
    for _ in range(2):
        policy.generator.manual_seed(5)
        draws.append([int(policy.predict(obs, state)[0]) for _ in range(20)])
    assert draws[0] == draws[1] and len(set(draws[0])) > 1


def test_reference_is_a_frozen_copy(policy: CausalLMPolicy) -> None:
    reference = policy.reference()
    before = policy.logp(ROWS, REAL).detach()
    assert reference.trainable_parameters() == []
    policy(ROWS, REAL).logp.sum().backward()
    torch.optim.SGD(policy.trainable_parameters(), lr=1e-2).step()
    assert not torch.allclose(policy.logp(ROWS, REAL), before, atol=1e-3)
    assert torch.equal(reference.logp(ROWS, REAL), before)


def test_save_and_load(folder: Path, tmp_path: Path) -> None:
    policy = CausalLMPolicy.from_pretrained(str(folder), device="cpu")
    torch.nn.init.normal_(policy.value_head.weight)
    policy.save(tmp_path / "saved")
    again = CausalLMPolicy.from_pretrained(str(tmp_path / "saved"), device="cpu")
    ours, theirs = policy(ROWS, REAL, with_values=True), again(ROWS, REAL, with_values=True)
    assert torch.equal(ours.logp, theirs.logp) and torch.equal(ours.values, theirs.values)
    assert again.tokenizer_fingerprint == policy.tokenizer_fingerprint
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "saved", attn_implementation=policy.model.config._attn_implementation)
    assert torch.equal(plain(ROWS).logits, policy.model(ROWS).logits)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "saved"]  # nothing is left beside


def test_restore_is_in_place(folder: Path, tmp_path: Path) -> None:
    policy = CausalLMPolicy.from_pretrained(str(folder), device="cpu")
    policy.save(tmp_path / "saved")
    before, parameters, version = policy.logp(ROWS, REAL), policy.trainable_parameters(), policy.version()
    for parameter in parameters:
        parameter.data.add_(0.1)
    policy.restore(tmp_path / "saved")
    assert torch.equal(policy.logp(ROWS, REAL), before)
    assert all(x is y for x, y in zip(parameters, policy.trainable_parameters(), strict=True))
    assert policy.version() != version
    with pytest.raises(FileNotFoundError, match="holds no saved policy"):
        policy.restore(tmp_path / "nowhere")


def test_a_save_that_fails_leaves_the_old_one(policy: CausalLMPolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy.save(tmp_path / "saved")
    was = (tmp_path / "saved" / "model.safetensors").read_bytes()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", fail)
    with pytest.raises(OSError, match="disk full"):
        policy.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "model.safetensors").read_bytes() == was
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_lora_trains_float32_adapters_on_a_bfloat16_base(folder: Path, tmp_path: Path) -> None:
    policy = CausalLMPolicy.from_pretrained(str(folder), device="cpu", lora=LoRA(rank=4, alpha=64))
    learning = {name: x for name, x in policy.named_parameters() if x.requires_grad}
    assert all("lora" in name or "value_head" in name for name in learning)
    assert {x.dtype for x in learning.values()} == {torch.float32}
    assert policy.model.lm_head.weight.dtype == torch.bfloat16
    optimizer = torch.optim.Adam(policy.trainable_parameters(), lr=1e-2)

    def update() -> None:
        optimizer.zero_grad()
        policy(ROWS, REAL).logp.sum().backward()
        optimizer.step()

    update()  # "SFT", from which RL starts
    start = policy.logp(ROWS, REAL).detach()
    reference = policy.reference()
    update()
    assert torch.equal(reference.logp(ROWS, REAL), start)  # not the bare base
    now = policy.logp(ROWS, REAL).detach()
    assert (now - start).abs().max() > 1e-2
    update()  # using the reference left the trained adapter trainable
    assert reference.trainable_parameters() == []
    assert {name for name, x in policy.named_parameters() if x.requires_grad} == set(learning)
    assert torch.equal(reference.logp(ROWS, REAL), start)

    policy.save(tmp_path / "saved")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert merged.dtype == torch.float32
    logp = CausalLMPolicy(merged).logp(ROWS, REAL)
    assert (logp - policy.logp(ROWS, REAL)).abs().max() < 0.3  # bfloat16 against float32
    twin = CausalLMPolicy.from_pretrained(str(folder), device="cpu", lora=LoRA(rank=4, alpha=64))
    twin.restore(tmp_path / "saved")
    assert torch.equal(twin.logp(ROWS, REAL), policy.logp(ROWS, REAL))


def test_lora_reference_in_float32_is_exact_and_plays(folder: Path) -> None:
    policy = CausalLMPolicy.from_pretrained(str(folder), device="cpu", dtype="float32", lora=LoRA(rank=4))
    reference = policy.reference()
    with torch.no_grad():
        for parameter in policy.trainable_parameters():
            parameter.add_(0.05)
    base = CausalLMPolicy.from_pretrained(str(folder), device="cpu")
    assert torch.allclose(reference.logp(ROWS, REAL), base.logp(ROWS, REAL), atol=1e-5)
    obs = {"input_ids": ROWS.numpy(), "attention_mask": REAL.numpy()}
    assert reference.predict(obs, deterministic=True)[0].tolist() == base.predict(obs, deterministic=True)[0].tolist()


def test_a_cache_that_cannot_be_slotted_means_the_slow_path_and_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    config = LlamaConfig(**SMALL, num_hidden_layers=2)
    policy = CausalLMPolicy(random_model(config), name="odd")
    policy.backbone.windows = {"": 2}  # masks that the model does not have
    with pytest.warns(UserWarning, match="the KV cache of 'odd' .* cannot be kept in slots"):
        decoder = policy.decoder(2, 8)
    assert isinstance(decoder, FullDecoder)
    assert isinstance(policy.decoder(2, 8), FullDecoder)  # no second warning: it would be an error here
    play(policy, with_state=True, steps=5 + 20)


def test_unknown_names_and_dtypes(folder: Path) -> None:
    with pytest.raises(ValueError, match="Did you mean 'builtin:tiny'"):
        CausalLMPolicy.from_pretrained("builtin:tinny")
    with pytest.raises(ValueError, match="dtype='int8'; expected 'auto'"):
        CausalLMPolicy.from_pretrained(str(folder), dtype="int8")
