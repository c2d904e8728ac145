"""The real data sets ``reasoning-gym`` and ``reasoning-gym:NAME``: generated puzzles whose answers are checked, not compared.

Source: Stojanovski et al., "REASONING GYM: Reasoning Environments for Reinforcement Learning with Verifiable Rewards",
arXiv:2505.24760, through the package reasoning-gym (Apache-2.0). It has a hundred data sets, each endless.

Its own data sets take seed + index for each question, so that neighbouring seeds share all questions but one. Here every question has a
seed of its own, drawn from the data set's name, the split and the index; and a question belongs to one split by its text, so that
small data sets, which repeat themselves, keep their splits apart, too. A few data sets of the package (isomorphic_strings, ransom_note)
follow Python's string hashes besides: with them, PYTHONHASHSEED must be set for two processes to see the same questions.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from tokengym._registry import unknown
from tokengym.envs.base import Example
from tokengym.envs.named import NamedSet
from tokengym.envs.world import Generated
from tokengym.rewards.reasoning_gym import dataset_names, entry

__all__ = ["MIXTURE", "SET", "guess", "load", "one", "seed_of"]

# What "reasoning-gym" alone deals in turn: data sets whose questions fit into 320 tokens and whose answers fit into 32. Left out are
# isomorphic_strings and ransom_note, whose questions follow Python's string hashes: one seed gives others in the next process.
MIXTURE = (
    "aiw", "base_conversion", "basic_arithmetic", "bf", "bitwise_arithmetic", "calendar_arithmetic", "chain_sum", "coin_flip",
    "color_cube_rotation", "complex_arithmetic", "count_bits", "count_primes", "course_schedule", "decimal_arithmetic",
    "decimal_chain_sum", "dice", "family_relationships", "fraction_simplification", "gcd", "gsm_symbolic",
    "knights_knaves", "lcm", "leg_counting", "letter_counting", "maze", "number_format", "number_sequence", "power_function", "products",
    "self_reference", "simple_equations", "simple_geometry", "syllogism", "time_intervals",
)  # fmt: skip
# Tokens of the builtin tokenizer that 99 in 100 questions (with what the task adds) and answers fit into; 200 of each were measured.
ROOM: Mapping[str, tuple[int, int]] = {
    "ab": (400, 32), "acre": (656, 16), "advanced_geometry": (208, 24), "aiw": (304, 8), "arc_1d": (688, 64), "arc_agi": (9056, 1744),
    "base_conversion": (128, 16), "basic_arithmetic": (80, 24), "bf": (176, 8), "binary_alternation": (288, 8),
    "binary_matrix": (368, 208), "bitwise_arithmetic": (176, 24), "boxnet": (2432, 8), "caesar_cipher": (176, 120),
    "calendar_arithmetic": (112, 8), "chain_sum": (80, 8), "circuit_logic": (2576, 8), "codeio": (13296, 4400), "coin_flip": (48, 24),
    "color_cube_rotation": (240, 8), "complex_arithmetic": (64, 16), "count_bits": (48, 8), "count_primes": (64, 8),
    "countdown": (240, 32), "course_schedule": (320, 8), "cryptarithm": (208, 48), "decimal_arithmetic": (128, 24),
    "decimal_chain_sum": (112, 16), "dice": (160, 16), "emoji_mystery": (1504, 112), "family_relationships": (160, 16),
    "figlet_font": (1312, 16), "fraction_simplification": (80, 24), "futoshiki": (832, 640), "game_of_life": (416, 232),
    "game_of_life_halting": (496, 8), "gcd": (80, 8), "graph_color": (288, 8), "group_anagrams": (400, 216), "gsm_symbolic": (320, 16),
    "intermediate_integration": (400, 64), "isomorphic_strings": (224, 8), "jugs": (384, 168), "kakurasu": (416, 56),
    "knight_swap": (592, 216), "knights_knaves": (272, 32), "largest_island": (416, 8), "lcm": (48, 8), "leg_counting": (160, 8),
    "letter_counting": (80, 8), "letter_jumble": (304, 72), "list_functions": (544, 48), "mahjong_puzzle": (1696, 8),
    "manipulate_matrix": (512, 168), "maze": (256, 8), "mini_sudoku": (240, 40), "modulo_grid": (1344, 1264), "n_queens": (416, 128),
    "needle_haystack": (1728, 16), "number_filtering": (176, 88), "number_format": (208, 24), "number_sequence": (48, 8),
    "number_sorting": (336, 96), "palindrome_generation": (224, 16), "palindrome_partitioning": (224, 7104), "path_star": (480, 40),
    "polynomial_equations": (480, 24), "polynomial_multiplication": (352, 112), "pool_matrix": (480, 224), "power_function": (144, 32),
    "prime_factorization": (80, 40), "products": (64, 16), "propositional_logic": (384, 8), "puzzle24": (192, 24),
    "quantum_lock": (288, 80), "ransom_note": (192, 8), "rearc": (3824, 352), "rectangle_count": (7008, 8), "rotate_matrix": (304, 208),
    "rotten_oranges": (2128, 8), "rubiks_cube": (416, 8), "rush_hour": (272, 8), "self_reference": (304, 8),
    "sentence_reordering": (96, 64), "shortest_path": (432, 32), "simple_equations": (64, 8), "simple_geometry": (160, 8),
    "simple_integration": (336, 56), "sokoban": (352, 80), "spell_backward": (48, 16), "spiral_matrix": (608, 208),
    "string_insertion": (464, 24), "string_manipulation": (720, 24), "string_splitting": (800, 16), "string_synthesis": (704, 24),
    "sudoku": (272, 168), "survo": (256, 64), "syllogism": (112, 8), "time_intervals": (128, 24), "tower_of_hanoi": (272, 2752),
    "tsumego": (528, 8), "word_ladder": (128, 64), "word_sequence_reversal": (128, 40), "word_sorting": (224, 64),
    "zebra_puzzles": (752, 8),
}  # fmt: skip
SIZES = {"train": 20_000, "validation": 1_000, "test": 1_000}  # where nobody asks for another size
_QUARTERS = {"train": (0, 1), "validation": (2,), "test": (3,)}  # of the questions, by the hash of their text
_TRIES = 400  # seeds, of which one in two or four gives a question of the split


def load(split: str, size: int | None = None, datasets: Sequence[str] = MIXTURE) -> Generated:
    """The examples of ``split``: 20,000 / 1,000 / 1,000, or ``size``; made when they are asked for. Of ``datasets``, one each in turn::

        id          chain_sum-train-37
        prompt      State the final answer to the following arithmetic problem: 9.5 + 7.1 - 3.6 =
        references  13.0
        reasoning_gym  {"dataset": "chain_sum", "seed": 2385101043}

    A few data sets have many right answers and give none: their examples have no reference, and no oracle.

    Raises:
        ImportError: the package reasoning-gym is not installed.
    """
    dataset_names()  # tells of a missing package now, not at the first example

    def make(index: int) -> Example:
        name, place = datasets[index % len(datasets)], index // len(datasets)
        for attempt in range(_TRIES):
            seed = seed_of(name, split, place, attempt)
            asked = entry(name, seed)
            question = str(asked["question"]).strip()
            if _quarter(question) in _QUARTERS[split]:
                break
        else:
            raise ValueError(f"reasoning-gym:{name} has too few different questions for split={split!r}")
        answer = None if asked["answer"] is None else str(asked["answer"])
        meta = {"reasoning_gym": {"dataset": name, "seed": seed}} | ({} if answer is None else {"answer": answer})
        return Example(f"{name}-{split}-{place}", question, () if answer is None else (answer,), meta)

    return Generated(make, SIZES[split] if size is None else size)


def _quarter(question: str) -> int:
    """0 to 3, the same for questions that differ in case and spaces only."""
    return hashlib.sha256(" ".join(question.casefold().split()).encode()).digest()[0] % 4


def seed_of(dataset: str, split: str, index: int, attempt: int = 0) -> int:
    """A seed below 2**32 for the question ``index``, as far from those of its neighbours, and of other splits, as any two are."""
    spawned = np.random.SeedSequence([tuple(SIZES).index(split), index, attempt], spawn_key=tuple(dataset.encode()))
    return int(spawned.generate_state(1)[0])


def one(dataset: str) -> NamedSet:
    """``reasoning-gym:dataset``, with budgets that its questions fit into.

    Raises:
        ImportError: the package reasoning-gym is not installed.
        ValueError: it has no such data set.
    """
    if dataset not in dataset_names():
        raise unknown("dataset of reasoning-gym", dataset, dataset_names())

    def load_one(split: str, size: int | None = None) -> Generated:
        return load(split, size, (dataset,))

    prompt, answer = ROOM.get(dataset, (1024, 256))
    return dataclasses.replace(SET, load=load_one, part=None, max_prompt_tokens=prompt, max_new_tokens=answer)


SET = NamedSet(
    tasks=("TextQA-v0",),
    load=load,
    package="reasoning-gym",
    licence="Apache-2.0",
    source="Stojanovski et al. 2025, arXiv:2505.24760; generated, as many as size asks for",
    reward="reasoning_gym",
    max_prompt_tokens=320,
    max_new_tokens=32,
    part=one,
    endless=True,
)

_SUM = re.compile(r"(?<![\w).])-?[(\d][\d\s.()]*(?:(?:[+\-/]|\*(?!\*))[\d\s.()+\-]*)+")
_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def guess(question: str) -> str:
    """What a sensible rule without learning answers: the value of the longest sum; or No, where Yes or No is asked; or the last number."""
    sums = sorted((found.strip() for found in _SUM.findall(question)), key=len)
    value = _value(sums[-1]) if sums else None
    if value is not None:
        return str(value) if value.denominator == 1 else f"{float(value):.12g}"
    if re.search(r"\bTrue\b|\bYes\b", question):
        return "No" if "Yes" in question else "False"
    numbers = re.findall(r"-?\d+(?:\.\d+)?", question)
    return str(numbers[-1]) if numbers else question.split()[-1]


def _value(text: str) -> Fraction | None:
    """What a sum of numbers comes to; None where the text is none, or has no value."""
    try:
        tree: ast.expr = ast.parse(text, mode="eval").body
        return None if isinstance(tree, ast.Constant) else _worked_out(tree)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return None


def _worked_out(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_worked_out(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_worked_out(node.left), _worked_out(node.right))
    raise ValueError(f"{ast.dump(node)} is no sum of numbers")
