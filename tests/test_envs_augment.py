"""envs/augment.py: every step by hand, seeds, what is never touched, and that nothing but training data is changed."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.envs import TASKS, Example, Turn, load_examples
from tokengym.envs.augment import STEPS, augment, drop, read_steps, reword, swap, synonym, typo
from tokengym.envs.data import data_fingerprint, data_name, read_dataset
from tokengym.envs.sentences import words

ROWS = [Example(f"r{i}", "The quick brown car stopped near the large shop in Marlow.", ("a shop in Marlow",)) for i in range(40)]


def prompts(steps: str, seed: int = 0) -> list[str]:
    return [str(example.prompt) for example in augment(ROWS, steps, seed)]


def test_each_step_with_certainty_by_hand() -> None:
    (row,) = augment(ROWS[:1], [drop(1.0)])
    assert row.prompt == "shop in Marlow." and row.references == ROWS[0].references and row.id == "r0~0"
    (row,) = augment(ROWS[:1], [swap(1.0)])
    assert row.prompt == "quick The car brown near stopped large the shop in Marlow."
    (row,) = augment([Example("s", "A large shop. 大约三人", ("x",))], [synonym(1.0)])
    assert row.prompt == "A big store. 大概三人"
    for example in augment([Example(f"{i}", "word", ("x",)) for i in range(30)], [typo(1.0)]):
        assert example.prompt in ("wrod", "wrd", "worrd")


def test_nothing_happens_with_probability_zero_and_about_a_tenth_with_one_tenth() -> None:
    for name in STEPS:
        assert prompts(f"{name}(0)") == [row.prompt for row in ROWS]
    long = [Example("x", " ".join(["tree"] * 5000), ("y",))]
    assert 0.08 < 1 - len(augment(long, "drop(0.1)")[0].prompt) / 24_999 < 0.12
    assert 0.08 < sum(word != "tree" for word in str(augment(long, "typo(0.1)")[0].prompt).split()) / 5000 < 0.12


def test_seeded_and_independent_of_the_rest_of_the_data() -> None:
    assert prompts("typo(0.5)+drop(0.2)") == prompts("typo(0.5) + drop(0.2)") != prompts("typo(0.5)+drop(0.2)", seed=1)
    assert len(set(prompts("typo(0.5)+drop(0.2)"))) > 20  # the same text in every row, changed differently
    assert augment(ROWS[7:], "typo(0.5)")[0] == augment(ROWS, "typo(0.5)")[7]
    shared = sum(a == b for a, b in zip(prompts("drop(0.4)", seed=3), prompts("drop(0.4)", seed=4), strict=True))
    assert shared < 5


def test_copies_differ_and_have_ids_of_their_own() -> None:
    rows = augment(ROWS[:5], "drop(0.3)", copies=3)
    assert len(rows) == 15 and len({row.id for row in rows}) == 15
    assert rows[1].id == "r1~0" and rows[6].id == "r1~1" and len({rows[1].prompt, rows[6].prompt, rows[11].prompt}) == 3
    with pytest.raises(ValueError, match="copies=0"):
        augment(ROWS, "drop", copies=0)


def test_answers_and_records_are_left_alone() -> None:
    talk = Example("t", (Turn("system", "Order 7: large tent"), Turn("user", "Where is the large tent?")), ("x",), {"facts": ("tent",)})
    (changed,) = augment([talk], [drop(1.0)])
    assert changed.prompt == (Turn("system", "Order 7: large tent"), Turn("user", "tent?"))
    for example in augment(TASKS["TextQA-v0"]().builtin("train", 100), "drop(0.5) + typo(0.5) + synonym + swap(0.3)"):
        assert words(str(example.meta["answer"])) <= words(str(example.prompt))


def test_tags_forbid_what_moves_words() -> None:
    tagged = [Example("n", "Ada left", ("x",), {"tags": ("B-PER", "O")})]
    assert len(str(augment(tagged, "typo(1.0)")[0].prompt).split()) == 2
    for name in ("drop", "swap"):
        with pytest.raises(ValueError, match="tag for each word"):
            augment(tagged, name)[0]


@pytest.mark.parametrize(("env", "language"), [("TextSumm-v0", "en"), ("TextSumm-v0", "zh"), ("TextQA-v0", "en"), ("TextQA-v0", "zh")])
def test_reword_tells_the_same_facts_in_other_words(env: str, language: str) -> None:
    task = TASKS[env](TASKS[env].Options(language=language))  # type: ignore[call-arg]
    rows = task.builtin("train", 60)
    told = augment(rows, "reword")
    assert sum(a.prompt != b.prompt for a, b in zip(rows, told, strict=True)) > 50
    for before, after in zip(rows, told, strict=True):
        text = str(after.prompt).lower()
        assert all(str(fact).lower() in text for fact in before.meta["facts"] if str(fact).lower() in str(before.prompt).lower())
    assert augment(ROWS[:1], [reword()])[0].prompt == ROWS[0].prompt  # nothing that the world has told


def test_an_environment_takes_it_for_training_only() -> None:
    asked = {"path": "builtin", "augment": "typo(0.3) + swap(0.1)", "seed": 5}
    env = gymnasium.make("TextSumm-v0", dataset=asked, size=20)
    _, info = env.reset(seed=0)
    assert info["sample_id"].endswith("~0") and env.spec is not None
    assert gymnasium.make(type(env.spec).from_json(env.spec.to_json())).reset(seed=0)[1] == info
    for split in ("validation", "test"):
        with pytest.raises(ValueError, match="is for split='train' only"):
            gymnasium.make("TextSumm-v0", dataset=asked, split=split)
    with pytest.raises(ValueError, match="no 'augment'"):
        load_examples({"path": "builtin:TextQA-v0", "seed": 3}, split="train")


def test_data_that_was_changed_has_another_name_and_fingerprint() -> None:
    task, asked = TASKS["TextQA-v0"](), {"path": "builtin", "augment": "typo"}
    changed = read_dataset(asked, task, "train", 30)
    plain = read_dataset({"path": "builtin"}, task, "train", 30)
    assert plain[3] == task.builtin("train", 30)[3] and len(changed) == 30
    assert data_fingerprint(asked, changed, task, "train") != data_fingerprint("builtin", plain, task, "train")
    assert data_name(asked) == "builtin with typo" and data_name("builtin") == "builtin"


@pytest.mark.parametrize(
    ("steps", "message"),
    [("tpyo(0.1)", "Did you mean 'typo'"), ("typo(2)", "share=2.0"), ("typo(0.1", "is no step"), ("", "is no step")],
)
def test_errors(steps: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_steps(steps)


def test_what_a_correction_starts_from_is_the_prompt_that_is_shown() -> None:
    rows = read_dataset({"path": "builtin", "augment": "drop(0.2) + typo(0.3)"}, TASKS["TextEdit-v0"](), "train", 50)
    plain = TASKS["TextEdit-v0"]().builtin("train", 50)
    assert [row.meta["source"] for row in rows] == [row.prompt for row in rows]
    assert sum(row.prompt != before.prompt for row, before in zip(rows, plain, strict=True)) > 25
    (other,) = augment([Example("o", "a long prompt", ("x",), {"source": "something else"})], [typo(1.0)])
    assert other.meta["source"] == "something else" and other.prompt != "a long prompt"
    chat = [Example("c", (Turn("system", "Correct it."), Turn("user", "a long prompt")), ("x",))]
    (row,) = read_dataset(chat, TASKS["TextEdit-v0"](), "train")
    (other,) = augment([row], [typo(1.0)])
    assert other.prompt != row.prompt and other.meta["source"] == other.text
    talk = Example("t", (Turn("user", "Hello there"), Turn("assistant", "Hi"), Turn("user", "Where?")), ("x",), {"source": "a web page"})
    assert augment([talk], [typo(1.0)])[0].meta["source"] == "a web page"


def test_a_source_that_is_no_text_is_left_alone() -> None:
    source = np.array([1, 2])
    (row,) = augment([Example("o", "a long prompt", ("x",), {"source": source})], [typo(1.0)])
    assert row.meta["source"] is source and row.prompt != "a long prompt"
