"""TextCode-v0: a signature and a docstring to the Python function."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.options import option
from tokengym.envs.programs import program
from tokengym.envs.world import Generated

__all__ = ["TextCode"]

_SIGNATURE = re.compile(r"def (\w+)\(([^)]*)\)")
# What the heuristic knows of docstrings: patterns, tried in this order, and the Python of the first one found; {k} is what it caught.
_SOURCES = {
    "in the text": "{p}.split()",
    "words of": "{p}.split()",
    "digits": "map(int, str({p}))",
    "(?:from|numbers) 1 to": "range(1, {p} + 1)",
}
_KEEPS = {
    "not divisible by (\\d+)": "x % {k} != 0",
    "divisible by (\\d+)|are multiples of (\\d+)": "x % {k} == 0",
    "even": "x % 2 == 0",
    "odd": "x % 2 == 1",
    "(?:greater than|above) (\\d+)": "x > {k}",
    "(?:less than|below) (\\d+)": "x < {k}",
    "longer than (\\d+)": "len(x) > {k}",
    "that start with ('.')": "x[0] == {k}",
    "that contain ('.')": "{k} in x",
}
_CHANGES = {
    "squared|squares": "x * x",
    "doubled|doubles": "2 * x",
    "increased by (\\d+)": "x + {k}",
    "multiplied by (\\d+)|(\\d+) times": "{k} * x",
    "lengths|numbers of letters": "len(x)",
    "capitals|upper case": "x.upper()",
    "first letters|initials": "x[0]",
}
_FOLDS = {
    "sum|add up": "sum({x})",
    "largest|maximum": "max([{x}], default=0)",
    "smallest|minimum": "min([{x}], default=0)",
    "hyphens": '"-".join({x})',
    "join": '" ".join({x})',
    "descending": "sorted({x})[::-1]",
    "sort|order": "sorted({x})",
    "different": "len({{{x}}})",
    "": "[{x}]",
}


class TextCode(Task):
    """Write the Python function that a docstring describes.

    Description:
        One episode is one function. The answer is the whole function, from ``def`` on; helpers and imports may stand before it, and
        the last fenced block counts where there is one. The tests use other values than the examples of the docstring. A row::

            prompt      def derive(end):
                            \"\"\"Sort the doubles of the numbers from 1 to end that are odd, large to small.

                            >>> derive(15)
                            [30, 26, 22, 18, 14, 10, 6, 2]
                            ...
                            \"\"\"
            references  def derive(end):
                            return sorted(2 * x for x in range(1, end + 1) if x % 2 == 1)[::-1]
            tests       assert derive(10) == [18, 14, 10, 6, 2], and five others

        Three tenths of the training labels forget one step, as people in a hurry do: they pass some of the tests. Compositions of steps
        (even, square, sum) belong to one split each, so a composition met in training is not asked for in validation or test.

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: signature and docstring, ``# Program:``, and the program so far, as token ids.
    Rewards: the share of the unit tests that the program passes in a sandbox, at the end.
    Starting State: a function of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics the share of unit tests, and 1.0 where all are passed (pass@1).
    Arguments: ``label_noise``, the share of training labels that forget a step (validation and test are clean). The named set
        ``human-eval`` is for measurement: it has the split "test" only, and helpers that its prompts give belong into the answer.
    Version History: v0.
    """

    name = "TextCode-v0"
    revision = 2  # 2: no flawed label passes all tests
    reward = "unit_tests"
    metrics = ("unit_tests", "threshold(unit_tests, at=1.0)")
    max_prompt_tokens = 224
    max_new_tokens = 96

    @dataclass(frozen=True, kw_only=True)
    class Options:
        label_noise: float = option(0.3, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        noise = self.options.label_noise if split == "train" else 0.0

        def make(index: int) -> Example:
            made = program(split, str(index))
            label = made.draw.pick(made.misses) if made.misses and made.draw.chance(noise) else made.code
            meta = {"tests": made.tests, "answer": made.code, "composition": made.composition}
            return Example(f"code-{split}-{index}", made.stub, (label,), meta)

        return Generated(make, size)

    def parts(self, example: Example) -> Parts:
        instruction = "Write this Python function. Answer with the whole function and nothing else."
        return Parts("", example.text.rstrip(), "\n# Program:", keep="start", instruction=instruction)

    def heuristic(self, example: Example) -> str:
        """A comprehension whose parts are chosen by single words of the docstring; it knows some phrases, and no branches."""
        prompt = example.text
        functions = _SIGNATURE.findall(prompt)
        function, parameters = functions[-1] if functions else ("f", "x")
        said = prompt.split(">>>")[0]

        def first(table: Mapping[str, str], default: str = "") -> tuple[str, str]:
            found = ((re.search(pattern, said, re.IGNORECASE), code) for pattern, code in table.items())
            return next(((match[match.lastindex or 0], code) for match, code in found if match), ("", default))

        k, keep = first(_KEEPS)
        elements = first(_SOURCES, "{p}")[1].format(p=re.split("[^a-z_A-Z0-9]", parameters.strip())[0])
        if keep:
            elements += " if " + keep.format(k=k)
        k, change = first(_CHANGES, "x")
        return f"def {function}({parameters}):\n    return {first(_FOLDS)[1].format(x=f'{change.format(k=k)} for x in {elements}')}"
