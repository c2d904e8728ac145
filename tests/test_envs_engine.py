"""envs/engine.py: endings, responses and scores, worked by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.letters import EOS, LETTERS, WORDS, Say, share, tokens
from tokengym.envs import Example
from tokengym.envs.engine import Ended, Engine
from tokengym.rewards import make_reward


def engine(**keywords: Any) -> Engine:
    return Engine(Say, {"dataset": WORDS, "tokenizer": LETTERS, **keywords})


def ids(text: str, *more: int) -> Any:
    return np.array([*tokens(text), *more], dtype=np.int32)


def test_reasons_to_stop() -> None:
    rules = engine(stop="b.")
    assert rules.stop_reason(ids("ab")) == ""
    assert rules.stop_reason(ids("ab", EOS)) == "eos"
    assert rules.stop_reason(ids("ab.")) == "stop"
    assert rules.stop_reason(ids("abcd")) == "max_tokens"
    assert rules.stop_reason(ids("abc", EOS)) == "eos"  # the end-of-sequence token in the last place counts as an end
    assert rules.flags("eos") == rules.flags("max_tokens") == (True, False)
    assert engine(length_limit="truncate").flags("max_tokens") == (False, True)
    assert engine(length_limit="truncate").flags("eos") == (True, False)


def test_responses_are_stripped_and_cut_at_a_stop_string() -> None:
    assert engine(stop="c").response(ids(" abcd", EOS)) == "ab"


def test_scores_components_and_metrics() -> None:
    rules = engine(reward=share, max_new_tokens=9)
    rows = [Ended(rules.book[1], 0, ids(" cdx", EOS), "eos"), Ended(rules.book[0], 1, ids("ab"), "max_tokens")]
    scored = rules.score(rows)
    assert scored.scores == pytest.approx([2 / 3, 1.0], abs=1e-12)
    assert scored.infos[0] == {
        "sample_id": "w1",
        "index": 1,
        "deal_index": 0,
        "response": "cdx",
        "reward_components": {"share": pytest.approx(2 / 3)},
        "reward_valid": True,
        "metrics": {"exact": 0.0, "token_f1": 0.0},
        "stop_reason": "eos",
        "completion_tokens": 5,
    }
    assert scored.infos[1]["metrics"] == {"exact": 1.0, "token_f1": 1.0}


def test_what_cannot_be_scored_is_not_valid_and_its_metrics_are_left_out() -> None:
    rules = engine(dataset=[Example("x", "say")], reward=share)
    scored = rules.score([Ended(rules.book[0], 0, ids("ab"), "eos")])
    assert scored.scores == [0.0]
    assert scored.infos[0]["reward_valid"] is False and scored.infos[0]["metrics"] == {}
    assert np.isnan(rules.potentials([Ended(rules.book[0], 0, ids("ab"), "")])).all()


def test_rewards_see_the_whole_prompt_and_whether_the_agent_finished() -> None:
    seen: list[Any] = []

    def spy(batch: Any) -> Any:
        seen.extend(batch)
        return np.zeros(len(batch))

    rules = engine(reward=spy, metrics=False, max_prompt_tokens=6)  # ">say ab:" has 8 tokens and <bos>
    rules.score([Ended(rules.book[0], 0, ids("a"), reason) for reason in ("eos", "stop", "max_tokens")])
    assert [s.finished for s in seen] == [True, True, False]
    assert (seen[0].prompt, seen[0].references, seen[0].meta) == (">say ab:", ("ab",), {"word": "ab"})


def test_metrics_can_be_named_or_left_out() -> None:
    row = engine().book[0]
    assert engine(metrics=False).score([Ended(row, 0, ids("ab"), "eos")]).infos[0]["metrics"] == {}
    assert engine(metrics=["rouge_1"]).score([Ended(row, 0, ids("ab"), "eos")]).infos[0]["metrics"] == {"rouge_1": 1.0}


def test_one_metric_needs_no_list() -> None:
    for metrics in ("rouge_1", make_reward("rouge_1")):
        assert engine(metrics=metrics).score([Ended(engine().book[0], 0, ids("ab"), "eos")]).infos[0]["metrics"] == {"rouge_1": 1.0}


def test_one_name_for_two_scores_makes_way_for_their_specifications() -> None:
    row = Ended(engine().book[0], 0, ids("ab"), "eos")
    alone = engine(reward="length(goal=2)", metrics=["length(goal=4)", "exact"]).score([row]).infos[0]
    assert alone["reward_components"] == {"length(goal=2)": 0.5}
    assert alone["metrics"] == {"length(goal=4)": 0.25, "exact": 1.0}
    terms = engine(reward="0.5*length(goal=2) + 0.5*exact", metrics=["length(goal=4)", "exact"]).score([row]).infos[0]
    assert terms["reward_components"] == {"length(goal=2)": 0.25, "exact": 0.5}
    same = engine(reward="length(goal=2)", metrics=["length(goal=2)"]).score([row]).infos[0]
    assert same["reward_components"] == same["metrics"] == {"length": 0.5}
    both = engine(reward="exact", metrics=["length(goal=2)", "length(goal=4)"]).score([row]).infos[0]
    assert both["metrics"] == {"length(goal=2)": 0.5, "length(goal=4)": 0.25}


def test_picks() -> None:
    rules = engine()
    assert rules.pick({}) is None
    assert rules.pick({"index": np.int64(2)}) == rules.pick({"sample_id": "w2"}) == 2
    assert rules.picks({"index": np.array([2, 0])}, 2) == [2, 0]
    assert rules.picks({"sample_id": ["w1", "w1"]}, 2) == [1, 1]
    assert rules.picks({"sample_id": "w1"}, 2) == [1, 1]
    bad: list[tuple[dict[str, Any], str]] = [
        ({"idx": 1}, "'idx' is not a known reset option. Did you mean 'index'"),
        ({"index": 3}, "index=3 lies outside the data set of 3 examples"),
        ({"index": -1}, "index=-1 lies outside"),
        ({"index": "a"}, "reset option index='a'; expected a whole number"),
        ({"index": 1, "sample_id": "w1"}, "give one"),
        ({"sample_id": "w9"}, "sample_id='w9' is not in the data set"),
    ]
    for options, message in bad:
        with pytest.raises(ValueError, match=message):
            rules.pick(options)
    with pytest.raises(ValueError, match="'episdes' is not a known reset option. Did you mean 'episodes'"):
        rules.picks({"episdes": 2}, 2)
    with pytest.raises(ValueError, match=r"'index' has shape \(3,\); expected one value, or \(2,\)"):
        rules.picks({"index": [0, 1, 2]}, 2)


def test_labels_as_an_agent_would_write_them() -> None:
    rules = engine()
    assert rules.label(0).completion.tolist() == [*tokens(" ab"), EOS] and rules.label(0).reason == "eos"
    assert rules.label(1).completion.tolist() == tokens(" cde") and rules.label(1).reason == "max_tokens"
    noisy = engine(dataset=[Example("x", "say", ("bad",), {"word": "good"})], max_new_tokens=9)
    noisy.task.oracle = lambda example: example.meta["word"]  # type: ignore[method-assign]
    assert noisy.response(noisy.label(0).completion) == "bad"
    assert noisy.response(noisy.label(0, clean=True).completion) == "good"
    with pytest.warns(UserWarning, match="'exact' of Say-v0 needs references, and no row of dataset='examples' has that.*earns 0.0"):
        bare = engine(dataset=[Example("x", "say")])
    with pytest.raises(ValueError, match="example 'x' has no reference"):
        bare.label(0)


def test_fingerprints_change_with_what_decides_a_result() -> None:
    base = engine().fingerprint()
    assert set(base) == {"env", "data", "tokenizer", "reward"}
    assert engine(group_size=3, order="sequential", metrics=False).fingerprint() == base
    parts: dict[str, list[dict[str, Any]]] = {
        "env": [{"max_new_tokens": 5}, {"loud": True}, {"stop": "x"}, {"length_limit": "truncate"}, {"reward_timing": "delta"}],
        "data": [{"dataset": WORDS[:2]}],
        "tokenizer": [{"tokenizer": "builtin"}],
        "reward": [{"reward": "rouge_l"}],
    }
    for part, keywords in parts.items():
        for changed in keywords:
            other = engine(**changed).fingerprint()
            assert {key for key in base if base[key] != other[key]} == {part}, changed


def test_environments_that_ask_for_the_same_data_share_it() -> None:
    first, second = (Engine(Say, {"tokenizer": LETTERS, "size": 7}) for _ in range(2))
    assert first.book is second.book
    assert Engine(Say, {"tokenizer": LETTERS, "size": 8}).book is not first.book


def test_one_token_with_truncation_is_refused() -> None:
    with pytest.raises(ValueError, match="truncates at the first step"):
        engine(max_new_tokens=1, length_limit="truncate")
    assert engine(max_new_tokens=1).width == 17


def test_a_reward_of_which_less_is_better_is_refused() -> None:
    with pytest.raises(ValueError, match="reward='repetition' is better when it is lower, and agents raise rewards; write '-repetition'"):
        engine(reward="repetition")
    assert engine(reward="-repetition", metrics=["repetition"]).reward.spec == "-repetition"


def test_what_a_state_says_of_its_environment_is_the_same_in_every_process() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Options:
        change: Any = None
        kinds: frozenset[str] = frozenset({"b", "a"})

    class Changing(Say):
        pass

    Changing.Options = Options  # type: ignore[assignment, misc]

    def about() -> list[Any]:
        def change() -> None:
            pass

        made.append(change)  # so that the next one has another address
        return Engine(Changing(Options(change=change)), {"dataset": WORDS, "tokenizer": LETTERS}).about()

    made: list[Any] = []
    assert about() == about()
    told = about()[-1]
    assert told["kinds"] == ['"a"', '"b"'] and told["change"].endswith("change>") and " at 0x" not in told["change"]
