"""envs/simulated_user.py and TextDialogue-v0 in several turns: customers by hand, anchors, one environment or many, rollouts."""

from __future__ import annotations

import re
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

import tokengym  # noqa: F401  registers the ids
from tokengym.agents import CausalLMPolicy, RolloutEngine
from tokengym.envs import Example, TextAction, TextGenEnv, Turn, check_text_env
from tokengym.envs.dialogue import TextDialogue
from tokengym.envs.simulated_user import customer, listen, met

BOOKING = {"day": "Friday", "time": "19:30", "guests": "4", "town": "Marworth"}


def booking(patience: int = 1, told: tuple[str, ...] = (), **changes: str) -> Example:
    meta = {
        "slots": {**BOOKING, **changes}, "first": BOOKING, "told": list(told), "goal": "book", "language": "en", "patience": patience,
        "rivals": {},
    }  # fmt: skip
    return Example("by hand", "Hello.", (), meta)


def reply(example: Example, *said: str) -> str | None:
    return listen(example, said).reply


def test_a_customer_answers_two_questions_at_once_and_is_content_with_a_confirmation() -> None:
    example = booking()
    first = reply(example, "Which day, what time, how many people, which town?")
    assert first is not None and "Friday" in first and "19:30" in first and "Marworth" not in first
    second = reply(example, "Which day, and what time?", "How many people? Which town?")
    assert second is not None and "4" in second and "Marworth" in second
    assert reply(example, "So it is Friday, 19:30, 4 people, in Marworth?") is None
    assert listen(example, ["friday 19:30 4 marworth"]).filled == BOOKING


def test_useless_turns_cost_patience() -> None:
    example = booking(patience=1)
    assert "that already" in str(reply(booking(told=("day",)), "Which day?")) or "As I said" in str(
        reply(booking(told=("day",)), "Which day?")
    )
    assert reply(example, "Hm.") is not None
    assert reply(example, "Hm.", "Hm.") is None  # left
    assert reply(example, "Hm.", "Which day?") is not None
    assert listen(example, ["Hm.", "Friday", "Hm."]).filled == {"day": "Friday"}


def test_naming_every_value_is_no_confirmation() -> None:
    everything = "Thursday Friday 19:30 4 Marworth"
    found = listen(booking(), [everything])
    assert found.filled == {**BOOKING, "day": "Thursday"} and found.reply is not None and "Friday" in found.reply
    assert listen(booking(), ["1 2 3 4"]).filled == {"guests": "1"}
    assert listen(booking(), ["44, 19:305, Marworthing"]).filled == {}


def test_who_changes_their_mind_must_be_asked_again() -> None:
    example = booking(day="Sunday")
    confirmed = "Friday, 19:30, 4, Marworth"
    assert "Sunday" in str(reply(example, confirmed))
    assert listen(example, [confirmed]).filled["day"] == "Friday"
    assert reply(example, confirmed, "Sunday, 19:30, 4, Marworth") is None
    assert listen(example, [confirmed, "Sunday, 19:30, 4, Marworth"]).filled == {**BOOKING, "day": "Sunday"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_oracle_heuristic_random(language: str) -> None:
    env = TextGenEnv("TextDialogue-v0", split="validation", size=100, turns=8, user_language=language)
    engine, dice = env.engine, np.random.default_rng(0)
    rows = [engine.book[index] for index in range(100)]
    assert max(len(row.ids) for row in rows) <= engine.max_prompt_tokens and all(row.cut == 0 for row in rows)
    lines = [line for row in rows for line in env.task.oracle(row.example).split("\n")]
    assert max(len(env.tokenizer.encode(" " + line)) for line in lines) < engine.max_new_tokens
    oracle = engine.score([engine.answered(row, env.task.oracle(row.example)) for row in rows])
    heuristic = engine.score([engine.answered(row, env.task.heuristic(row.example)) for row in rows])
    random = engine.score([engine.acted(row, dice.integers(env.tokenizer.vocab_size, size=engine.budget).tolist()) for row in rows])
    assert all(info["metrics"]["task_success"] == info["metrics"]["slot_f1"] == 1.0 for info in oracle.infos)
    assert {info["stop_reason"] for info in oracle.infos} == {"complete"}
    for score, info in zip(oracle.scores, oracle.infos, strict=True):
        assert score == pytest.approx(1 - 0.02 * info["turns"]) and info["turns"] == len(info["response"].split("\n"))
    means = [float(np.mean(scored.scores)) for scored in (oracle, heuristic, random)]
    assert means[0] > means[1] + 0.1 and means[1] > means[2] + 0.5 and means[2] < 0


def test_a_customer_has_their_own_words_patience_and_order() -> None:
    example = booking(patience=3)
    people = [met(example, seed) for seed in range(200)]
    assert met(example, 7) == people[7]
    for person in people:
        assert (person.id, person.prompt, person.references) == (example.id, example.prompt, example.references)
        assert {name: value for name, value in person.meta.items() if name not in ("manner", "tells")} == {
            **example.meta, "patience": person.meta["patience"],
        }  # fmt: skip
        silent = 0
        while reply(person, *["Hm."] * (silent + 1)) is not None:
            silent += 1
        assert silent == person.meta["patience"]
        assert reply(person, "So it is Friday, 19:30, 4 people, in Marworth?") is None
    assert {person.meta["patience"] for person in people} == {2, 3, 4}
    told = [str(reply(person, "Which day, what time, how many people, which town?")) for person in people]
    pairs = {frozenset(name for name, value in BOOKING.items() if value in text) for text in told}
    assert len(pairs) == 6 and {len(pair) for pair in pairs} == {2}  # any two of the four come first
    assert {text.index("Friday") < text.index("19:30") for text in told if "Friday" in text and "19:30" in text} == {True, False}
    words = {str(reply(person, "Which day?")) for person in people}
    assert words == {"On Friday, please.", "Friday would be best."}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_scripts_lead_as_far_with_any_customer(language: str) -> None:
    env = TextGenEnv("TextDialogue-v0", split="train", size=40, turns=8, user_language=language)
    engine, task = env.engine, env.task
    own = [engine.book[index] for index in range(40)]
    for answer in (task.oracle, task.heuristic):
        scripts = [answer(row.example) for row in own]
        expected = engine.score([engine.answered(row, script) for row, script in zip(own, scripts, strict=True)])
        for seed in range(3):
            rows = [engine.prompt(index, seed) for index in range(40)]
            seen = engine.score([engine.answered(row, answer(row.example)) for row in rows])
            blind = engine.score([engine.answered(row, script) for row, script in zip(rows, scripts, strict=True)])  # written for others
            for found in (seen, blind):
                if answer == task.oracle:
                    assert found.scores == expected.scores
                for mine, theirs in zip(found.infos, expected.infos, strict=True):  # who fails does so after more or fewer turns
                    assert [mine["metrics"][name] for name in ("task_success", "slot_f1")] == [
                        theirs["metrics"][name] for name in ("task_success", "slot_f1")
                    ]
                    assert mine["turns"] == theirs["turns"] or mine["metrics"]["task_success"] == 0.0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_seeds_bring_customers(language: str) -> None:
    def heard(env: Any, seed: int) -> str:
        env.reset(seed=seed, options={"index": 2})
        env.step("Hm.")
        return str(env.unwrapped.engine.shown(env.unwrapped._ids[env.unwrapped._start : env.unwrapped._length]))

    env = TextAction(gymnasium.make("TextDialogue-v0", turns=8, split="train", user_language=language))
    talks = [heard(env, seed) for seed in range(30)]
    assert talks == [heard(env, seed) for seed in range(30)] and len(set(talks)) > 2
    venv: Any = gymnasium.make_vec("TextDialogue-v0", num_envs=3, deal="shared", turns=8, split="train", user_language=language).unwrapped
    venv.reset(seed=4, options={"index": 2})
    env.reset(seed=4, options={"index": 2})
    assert [venv._rows.prompt(row).example for row in range(3)] == [env.unwrapped.example] * 3  # type: ignore[attr-defined]


def test_splits_are_disjoint_and_the_same_each_time() -> None:
    rows = {split: [customer(split, index, "en") for index in range(200)] for split in ("train", "validation", "test")}
    prompts = [{row.prompt for row in split} for split in rows.values()]
    assert not (prompts[0] & prompts[1] or prompts[0] & prompts[2] or prompts[1] & prompts[2])
    assert rows["train"][7] == customer("train", 7, "en")


def test_one_turn_is_what_it_was() -> None:
    env = TextGenEnv("TextDialogue-v0", split="test")
    assert env.fingerprint()["env"] == "90b531cc6af45c407d2b280881f9faafe876f8e1cba2b21b469ee3574b666c2e"  # of results/quick
    assert env.fingerprint()["data"] == "9d41743a03d09330b57e0a1b75c5b21955f0f292da16b47f905842199b28158b"
    assert env.engine.width == 192 + 40
    other = TextGenEnv("TextDialogue-v0", split="test", turns=4, size=5).fingerprint()
    assert other["env"] != env.fingerprint()["env"] and other["data"] != env.fingerprint()["data"]


def test_wrong_options() -> None:
    for wrong in ({"turns": 0}, {"turns": True}, {"user_language": "zh"}, {"user_language": "de", "turns": 3}):
        with pytest.raises(ValueError, match="turns=|language=|known user_language"):
            TextDialogue(TextDialogue.Options(**wrong))
    env = TextGenEnv("TextDialogue-v0", turns=3, dataset=[Example("a", "Hello", ("Hi",))])
    with pytest.raises(ValueError, match="has no customer to talk to"):
        env.reset()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_side_by_side_as_alone(language: str) -> None:
    keywords: dict[str, Any] = {"split": "train", "size": 50, "turns": 3, "max_new_tokens": 8, "user_language": language}
    native = gymnasium.make_vec("TextDialogue-v0", num_envs=3, **keywords)
    single = gymnasium.vector.SyncVectorEnv([lambda: TextGenEnv("TextDialogue-v0", **keywords)] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    assert data_equivalence(native.reset(seed=5), single.reset(seed=5), exact=True)
    dice = np.random.default_rng(0)
    eos = native.unwrapped.tokenizer.eos_token_id  # type: ignore[attr-defined]
    for _ in range(80):
        actions = np.where(dice.random(3) < 0.2, eos, dice.integers(1000, size=3))
        assert data_equivalence(native.step(actions), single.step(actions), exact=True)


def test_a_conversation_as_texts() -> None:
    env = TextAction(gymnasium.make("TextDialogue-v0", turns=8, split="validation"))
    env.reset(options={"index": 1})
    inner: Any = env.unwrapped
    total = 0.0
    for line in inner.task.oracle(inner.example).split("\n"):
        _, reward, terminated, _, info = env.step(line)
        total += reward
    assert terminated and info["stop_reason"] == "complete" and info["metrics"]["task_success"] == 1.0
    assert total == pytest.approx(1 - 0.02 * info["turns"])


def test_rollout_logp_equals_the_update_pass() -> None:
    venv = gymnasium.make_vec("TextDialogue-v0", num_envs=3, deal="shared", turns=3, max_new_tokens=8, size=20)
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    rollout = RolloutEngine(policy, venv, seed=0).collect(6)
    update = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask)
    assert torch.allclose(rollout.logp, update.logp, atol=1e-5)
    for real, agent, info in zip(rollout.attention_mask, rollout.completion_mask, rollout.infos, strict=True):
        assert int(agent.sum()) == info["completion_tokens"] and info["turns"] >= 2
        spoken = torch.nonzero(agent)[:, 0]
        assert int(real[spoken[0] : spoken[-1]].sum()) > info["completion_tokens"]  # replies lie between


def test_the_promises_hold() -> None:
    check_text_env(TextGenEnv("TextDialogue-v0", turns=8), examples=20, steps=60)


def test_no_form_has_two_prices_for_one_town() -> None:
    for split, index in (("validation", 256), ("test", 791)):  # the draws of both give the same town twice at first
        system = customer(split, index, "en").prompt[0]
        assert isinstance(system, Turn)
        towns = re.findall(r"([A-Z]\w+): \d+", system.content)
        assert len(towns) == len(set(towns)) == 2
