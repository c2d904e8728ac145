"""Fluency and the likelihood of the reference: values, units, what is read, and what cannot be scored."""

from __future__ import annotations

import math
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  registers the environments
from tokengym.rewards import Sample, make_reward
from tokengym.rewards.language_model import FLOOR, Fluency, ReferenceLikelihood
from tokengym.rewards.lm import joined, language_model

PROMPT = "Lineth Sharks beat Redmouth United 5-1 on Friday. Rana Borera scored the winning goal."
GOOD = "Lineth Sharks beat Redmouth United 5-1."
JUNK = "5-1 beat goal Sharks the the Friday United on"


def mean(*pieces: str) -> float:
    return float(language_model("builtin:tiny", "auto").likelihood([joined(*pieces)]).mean()[0])


def score(spec: str, *samples: Sample) -> list[float]:
    scores: list[float] = make_reward(spec).explain(samples).scores.tolist()
    return scores


def test_fluency_is_the_mean_log_probability_of_the_response() -> None:
    sample = Sample(PROMPT, GOOD)
    assert score("fluency(unit='logp')", sample) == pytest.approx([mean(GOOD)])
    assert score("fluency", sample) == pytest.approx([math.exp(mean(GOOD))])
    assert score("fluency(unit='perplexity')", sample) == pytest.approx([math.exp(-mean(GOOD))])
    assert score("fluency(unit='logp', given_prompt=True)", sample) == pytest.approx([mean(PROMPT, GOOD)])
    assert mean(PROMPT, GOOD) > mean(GOOD)


def test_fluency_knows_good_text_from_shuffled_words_in_english_and_chinese() -> None:
    good, junk, chinese, shuffled = score(
        "fluency", Sample("", GOOD), Sample("", JUNK), Sample("", "她说周一会开门。"), Sample("", "门周开。说她会一")
    )
    assert good > 2 * junk and chinese > shuffled


@pytest.mark.parametrize("task", ["TextSumm-v0", "TextDialogue-v0"])
def test_the_tokens_are_those_of_an_episode(task: str) -> None:
    engine: Any = gymnasium.make(task).unwrapped.engine  # type: ignore[attr-defined]
    prompt = engine.book[0]
    answer = prompt.example.references[0]
    (window,) = language_model("builtin:tiny", "auto").windows([joined(prompt.text, answer)])
    assert window.ids == [*prompt.ids.tolist(), *engine.book.label(prompt, answer, 10**6)[:-1]]


def test_an_empty_response_earns_the_worst_and_needs_no_model() -> None:
    empty = [Sample("", ""), Sample("x", " \n")]
    assert score("fluency", *empty) == [0.0, 0.0]
    assert score("fluency(unit='logp')", *empty) == [FLOOR, FLOOR]
    assert score("fluency(unit='perplexity')", *empty) == pytest.approx([math.exp(20)] * 2)
    assert Fluency()([]).shape == (0,)


def test_the_reference_is_read_after_the_prompt_and_the_response() -> None:
    sample = Sample(PROMPT, "It was Rana Borera.", ("Rana Borera scored.",))
    whole = mean(PROMPT, "It was Rana Borera.", "Rana Borera scored.")
    assert score("reference_likelihood(unit='logp')", sample) == pytest.approx([whole])
    assert score("reference_likelihood", sample) == pytest.approx([math.exp(whole)])
    bare = mean(PROMPT, "Rana Borera scored.")
    assert score("reference_likelihood(unit='logp', given_response=False)", sample) == pytest.approx([bare])
    assert score("reference_likelihood(unit='gain')", sample) == pytest.approx([whole - bare])
    assert score("reference_likelihood(unit='logp', given_prompt=False)", sample) == pytest.approx(
        [mean("It was Rana Borera.", "Rana Borera scored.")]
    )
    assert score("reference_likelihood(unit='logp', cue='Answer:')", sample) == pytest.approx(
        [mean(PROMPT, "It was Rana Borera.", "Answer:", "Rana Borera scored.")]
    )


def test_a_response_that_tells_about_the_reference_gains() -> None:
    told, untold, silent = score(
        "reference_likelihood(unit='gain')",
        *(
            Sample("What happened?", response, ("Rana Borera scored the goal.",))
            for response in ("Rana Borera scored.", "It cost 35 euros.", "")
        ),
    )
    assert told > untold + 0.2 and silent == 0.0


def test_the_best_reference_or_the_mean_and_none_is_not_valid() -> None:
    sample = Sample(PROMPT, GOOD, ("Rana Borera scored.", "x"))
    each = [mean(PROMPT, GOOD, reference) for reference in sample.references]
    assert score("reference_likelihood(unit='logp')", sample) == pytest.approx([max(each)])
    assert score("reference_likelihood(unit='logp', references='mean')", sample) == pytest.approx([sum(each) / 2])
    assert score("reference_likelihood(unit='perplexity')", sample) == pytest.approx([math.exp(-max(each))])
    _, _, valid = ReferenceLikelihood().explain([sample, sample._replace(references=()), sample._replace(references=("", " "))])
    assert valid.tolist() == [True, False, False]


def test_arguments_and_directions() -> None:
    assert make_reward("fluency(model='builtin:tiny')").spec == "fluency"
    assert make_reward("fluency(unit='logp', given_prompt=True)").spec == "fluency(given_prompt=True, unit='logp')"
    for kind in (Fluency, ReferenceLikelihood):
        assert kind().range == (0.0, 1.0) and kind(unit="logp").range == (-20.0, 0.0)
        assert not kind(unit="perplexity").higher_is_better and kind(unit="logp").higher_is_better
        with pytest.raises(ValueError, match="'logits' is not a known unit. Did you mean 'logp'"):
            kind(unit="logits")
    assert ReferenceLikelihood(unit="gain").range == (-20.0, 20.0)
    with pytest.raises(ValueError, match="column 9: 'builtin:tinny' is not a known model. Did you mean 'builtin:tiny'"):
        make_reward("fluency(model='builtin:tinny')")
    with pytest.raises(ValueError, match="given_response=False leaves nothing to compare"):
        ReferenceLikelihood(unit="gain", given_response=False)
    with pytest.raises(ValueError, match="references='best'"):
        ReferenceLikelihood(references="best")
    with pytest.raises(TypeError, match="references='abc' is a text"):
        ReferenceLikelihood()([Sample("", "abc", "abc")])  # type: ignore[arg-type]


def test_a_model_that_must_be_pulled_says_how(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("TOKENGYM_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="tokengym models pull smollm2-135m"):
        Fluency(model="smollm2-135m")


def test_a_pickled_reward_holds_no_model() -> None:
    reward = Fluency(unit="logp")
    before = reward([Sample("", GOOD)])
    data = pickle.dumps(reward)
    assert len(data) < 500 and np.array_equal(pickle.loads(data)([Sample("", GOOD)]), before)
