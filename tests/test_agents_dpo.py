"""DPO: the loss by hand and at its start, pairs from the policy, a file or the data set, and what is counted and resumed."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.echo import EXAMPLES, LETTERS, echo_policy, echo_venv
from tests.killed import learn_until
from tests.toy_mdp import SCORES, Table, play, sequence_logp
from tokengym.agents.dpo import DPO, DPOConfig
from tokengym.agents.preference import best_and_worst, dpo_loss
from tokengym.envs import Example

PAIRED = [Example(id=e.id, prompt=e.prompt, meta={"chosen": e.id, "rejected": f"{e.id} a"}) for e in EXAMPLES]


def test_the_loss_by_hand() -> None:
    chosen, rejected = torch.tensor([-1.0, -3.0]), torch.tensor([-2.0, -2.5])
    ref_chosen, ref_rejected = torch.tensor([-1.5, -2.0]), torch.tensor([-1.0, -2.5])
    # margins: 0.5 * ((0.5) - (-1.0)) = 0.75 and 0.5 * ((-1.0) - 0.0) = -0.5
    loss, margins = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, 2, beta=0.5)
    assert margins.tolist() == [0.75, -0.5]
    plain = [math.log1p(math.exp(-0.75)), math.log1p(math.exp(0.5))]
    assert float(loss) == pytest.approx(sum(plain) / 2, abs=1e-6)
    turned = [math.log1p(math.exp(0.75)), math.log1p(math.exp(-0.5))]
    smooth, _ = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, 2, beta=0.5, label_smoothing=0.1)
    assert float(smooth) == pytest.approx((0.9 * sum(plain) + 0.1 * sum(turned)) / 2, abs=1e-6)


def test_the_gradient_by_hand() -> None:
    # -beta sigmoid(-m) on the chosen answer's log-probability, + on the rejected one's; with smoothing e: -beta (sigmoid(-m) - e)
    for smoothing in (0.0, 0.2):
        chosen, rejected = torch.tensor([-1.0], requires_grad=True), torch.tensor([-2.0], requires_grad=True)
        loss, _ = dpo_loss(chosen, rejected, torch.tensor([-1.5]), torch.tensor([-1.0]), 1, beta=0.5, label_smoothing=smoothing)
        loss.backward()
        expected = 0.5 * (1 / (1 + math.exp(0.75)) - smoothing)
        assert float(chosen.grad) == pytest.approx(-expected, abs=1e-6)  # type: ignore[arg-type]
        assert float(rejected.grad) == pytest.approx(expected, abs=1e-6)  # type: ignore[arg-type]


def test_best_and_worst_by_hand() -> None:
    scores = torch.tensor([0.1, 0.9, 0.9, 0.1, 0.5, 0.5, 0.5, 0.5, 0.2, 0.3, 0.9, 0.0])
    valid = torch.ones(12, dtype=torch.bool)
    assert [rows.tolist() for rows in best_and_worst(scores, 4, valid)] == [[1, 10], [0, 11]]  # equal scores make no pair
    assert [rows.tolist() for rows in best_and_worst(scores, 4, valid, margin=0.85)] == [[10], [11]]
    valid[[0, 10]] = False
    assert [rows.tolist() for rows in best_and_worst(scores, 4, valid)] == [[1, 9], [3, 11]]
    valid[8:11] = False  # one alone has nobody to be compared with
    assert [rows.tolist() for rows in best_and_worst(scores, 4, valid)] == [[1], [3]]
    with pytest.raises(ValueError, match="group=1 of 12 scores"):
        best_and_worst(scores, 1, valid)


def make(policy: Table | None = None, group: int = 2, **options: Any) -> DPO:
    settings: dict[str, Any] = {"group_size": group, "episodes_per_update": group, "beta": 0.5}
    return DPO(policy or Table(), config=DPOConfig(**{**settings, **options}))


def test_training_starts_at_ln_2_and_the_reference_stays() -> None:
    agent = make(group=4, learning_rate=0.1)
    start = agent.policy.logits.detach().clone()
    first = agent.learn_from(play(agent.policy, [1, 2, 5, 3]))
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-12)
    assert first["accuracy"] == first["margin"] == first["chosen_reward"] == 0.0
    assert first["pairs"] == 1 and first["score_gap"] == 1.5
    second = agent.learn_from(play(agent.policy, [1, 2, 5, 3]))
    assert second["loss"] < math.log(2) and second["accuracy"] == 1.0
    assert second["chosen_reward"] > 0 > second["rejected_reward"]
    assert second["margin"] == pytest.approx(second["chosen_reward"] - second["rejected_reward"])
    assert torch.equal(agent.reference.logits, start) and not torch.equal(agent.policy.logits, start)


def moved(agent: DPO) -> Table:
    """The policy, away from the reference."""
    policy: Table = agent.policy
    with torch.no_grad():
        policy.logits.add_(torch.linspace(-0.6, 0.7, 18).view(2, 3, 3))
    return policy


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_expected_gradient_is_that_of_its_enumerated_surrogate(smoothing: float) -> None:
    # the logistic loss of the better of two sampled episodes, over all pairs of episodes that can happen
    agent = make(label_smoothing=smoothing)
    policy = moved(agent)
    probability = sequence_logp(policy).detach().exp()
    ratio = sequence_logp(policy) - sequence_logp(agent.reference)
    surrogate, found = torch.zeros((), dtype=torch.float64), torch.zeros_like(policy.logits)
    for pair in itertools.product(range(7), repeat=2):
        if pair[0] == pair[1]:
            continue
        chance = probability[list(pair)].prod()
        better, worse = pair if SCORES[pair[0]] > SCORES[pair[1]] else pair[::-1]
        margin = 0.5 * (ratio[better] - ratio[worse])
        surrogate = surrogate - chance * ((1 - smoothing) * torch.sigmoid(margin).log() + smoothing * torch.sigmoid(-margin).log())
        policy.zero_grad()
        rollout = play(policy, pair)
        chosen, rejected = best_and_worst(rollout.scores, 2, rollout.valid)
        batch = {name: x[torch.cat([chosen, rejected])] for name, x in agent.batch(rollout).items()}
        batch["ref"] = agent.answer_logp(agent.reference, batch)
        agent.backward(batch)
        assert policy.logits.grad is not None
        found += chance * policy.logits.grad
    (expected,) = torch.autograd.grad(surrogate, policy.logits)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_micro_batches_never_part_a_pair_and_add_up() -> None:
    found = []
    for tokens, junk in ((1, 0), (9, 1), (10_000, 2)):
        agent = make(micro_batch_tokens=tokens)
        policy = moved(agent)
        batch = agent.batch(play(policy, [0, 2, 5, 4, 6, 3], junk))  # the first three are chosen
        cuts = agent.pair_cuts(batch)
        assert sorted(row for cut in cuts for row in cut.tolist()) == [*range(6)]
        assert all(cut[len(cut) // 2 :].tolist() == [row + 3 for row in cut[: len(cut) // 2].tolist()] for cut in cuts)
        batch["ref"] = agent.answer_logp(agent.reference, batch)
        policy.zero_grad()
        agent.backward(batch)
        found.append(policy.logits.grad)
    torch.testing.assert_close(found[1], found[0], atol=1e-14, rtol=0)
    torch.testing.assert_close(found[2], found[0], atol=1e-14, rtol=0)


def test_passes_and_steps_are_as_many_as_said() -> None:
    agent = make(group=2, episodes_per_update=6, epochs=2, batch_size=2, learning_rate=0.0)
    pairs: list[int] = []
    backward = agent.backward

    def seen(batch: Any) -> dict[str, float]:
        pairs.append(len(batch["ref"]) // 2)
        return backward(batch)

    agent.backward = seen  # type: ignore[method-assign]
    assert agent.learn_from(play(agent.policy, [1, 2, 5, 4, 6, 3]))["pairs"] == 3
    assert pairs == [2, 1, 2, 1]


def test_a_collection_without_a_pair_leaves_the_policy_alone_and_warns() -> None:
    agent = make(margin=0.5)
    with pytest.warns(RuntimeWarning, match="no completion of the first collection scored better than another"):
        assert agent.learn_from(play(agent.policy, [0, 3]))["pairs"] == 0  # 0.3 and 0.2
    assert torch.equal(agent.policy.logits, Table().logits)


def echo(group: int = 4, venv: Any = None, **options: Any) -> DPO:
    settings: dict[str, Any] = {"episodes_per_update": 32, "group_size": group, "learning_rate": 3e-3, "batch_size": 8}
    return DPO(echo_policy(), venv or echo_venv(group_size=group), config=DPOConfig(**{**settings, **options}))


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("key", ["prompt", "index", "sample_id", "dataset"])
def test_written_pairs_teach_the_same_whatever_names_their_prompts(key: str, tmp_path: Path) -> None:
    if key == "dataset":
        agent = echo(venv=echo_venv(group_size=4, dataset=PAIRED), pairs="dataset")
    else:
        rows = [{key: k if key == "index" else LETTERS[k], "chosen": LETTERS[k], "rejected": f"{LETTERS[k]} a"} for k in range(8)]
        agent = echo(pairs=write(tmp_path / "pairs.jsonl", rows))
    batch = agent.draw()
    order = batch["input_ids"][:8, 1].tolist()
    assert sorted(order) == [*range(3, 11)] and agent.used["labels"] == 8
    # <bos> letter -> letter <eos>, and <bos> letter -> letter a <eos>
    assert batch["input_ids"].tolist() == [[1, k, k, 2, 0] for k in order] + [[1, k, k, 3, 2] for k in order]
    assert batch["completion_mask"].tolist() == [[0, 0, 1, 1, 0]] * 8 + [[0, 0, 1, 1, 1]] * 8
    assert batch["lengths"].tolist() == [4] * 8 + [5] * 8
    agent.learn(40 * 20, progress=False)
    assert agent.history[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert agent.history[0]["tokens"] == 40 and agent.history[-1]["accuracy"] == 1.0 and agent.history[-1]["loss"] < 0.2
    assert agent.used == {"labels": 8, "reward_calls": 0}


def test_a_pass_shows_each_written_pair_once(tmp_path: Path) -> None:
    rows = [{"index": k, "chosen": LETTERS[k], "rejected": "h a"} for k in range(8)]
    agent = echo(pairs=write(tmp_path / "pairs.jsonl", rows), batch_size=3)
    seen = [token for _ in range(8) for token in agent.draw()["input_ids"][:3, 1].tolist()]
    assert sorted(seen[:8]) == sorted(seen[8:16]) == sorted(seen[16:]) == [*range(3, 11)]


def test_the_environment_encodes_answers_as_labels_are_encoded() -> None:
    venv = echo_venv()
    by_index, by_text, labels = venv.answered([0, 3], ["a", "d"]), venv.answered(["a", "d"], ["a", "d"]), venv.labelled([0, 3])
    for name, column in labels.items():
        assert np.array_equal(by_index[name], column) and np.array_equal(by_text[name], column)
    with pytest.raises(ValueError, match="2 prompts and 1 answers"):
        venv.answered([0, 1], ["a"])
    with pytest.raises(IndexError, match="index=8"):
        venv.answered([8], ["a"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"index": 0, "chosen": "a\u2028b", "rejected": "c"}\n{', "line 2 is no JSON"),
        ("[1]", "line 1 is a list"),
        ('{"chosen": "a", "rejected": "b"}', "has none of prompt, index, sample_id"),
        ('{"index": 0, "prompt": "a", "chosen": "a", "rejected": "b"}', "has prompt and index of"),
        ('{"index": 0, "chosen": "a"}', "rejected is None; expected a str"),
        ('{"index": "0", "chosen": "a", "rejected": "b"}', "index is '0'; expected a int"),
        ('{"index": 8, "chosen": "a", "rejected": "b"}', "index=8 lies outside the data set of 8"),
        ('{"sample_id": "z", "chosen": "a", "rejected": "b"}', "1 sample_id are not in the data set of 8 examples, the first 'z'"),
        ("", "holds no pairs"),
    ],
)
def test_a_wrong_file_is_explained(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        echo(pairs=str(file)).draw()


def test_pairs_that_are_not_there_are_explained(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no file; expected 'policy'"):
        echo(pairs=str(tmp_path / "none.jsonl")).draw()
    with pytest.raises(ValueError, match="example 'a' lacks chosen or rejected"):
        echo(pairs="dataset").draw()


@pytest.mark.parametrize("written", [False, True])
def test_a_saved_run_goes_on_bit_for_bit_and_keeps_its_reference(written: bool, tmp_path: Path) -> None:
    pairs = "policy"
    if written:
        pairs = write(tmp_path / "pairs.jsonl", [{"index": k, "chosen": LETTERS[k], "rejected": "h a"} for k in range(8)])
    options: dict[str, Any] = {"pairs": pairs, "updates": 4, "batch_size": 3}
    straight = echo(**options).learn(progress=False)
    learn_until(echo(**options, folder=str(tmp_path / "run"), checkpoint_every=2), 3)
    resumed = DPO.load(tmp_path / "run", env=echo_venv(group_size=4))
    assert resumed.updates == 2
    fresh = echo(**options).reference
    assert all(torch.equal(x, y) for x, y in zip(fresh.parameters(), resumed.reference.parameters(), strict=True))
    resumed.learn(progress=False)
    assert all(torch.equal(x, y) for x, y in zip(straight.policy.parameters(), resumed.policy.parameters(), strict=True))
    assert [stats["loss"] for stats in resumed.history] == [stats["loss"] for stats in straight.history]
    assert resumed.used == straight.used


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 0.0}, "beta=0.0"),
        ({"label_smoothing": 0.5}, "label_smoothing=0.5"),
        ({"margin": -0.1}, "margin=-0.1"),
        ({"group": 1}, "group_size=1; a pair takes 2"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_refuses_what_cannot_work(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)
