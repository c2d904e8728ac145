"""The real data set ``nlpaug-spelling``: English words as people misspelled them, each to be corrected.

Source: the spelling list of the package nlpaug (MIT), in which every line holds a word and misspellings of it that were found in
texts. Its 13,550 lines give some 36,000 pairs, once words that are words themselves ("lock" for "luck"), those that could be several
words, and those farther than three letters from the right one are left out. A word with all its misspellings belongs to one split.
"""

from __future__ import annotations

from tokengym.envs.base import Example
from tokengym.envs.named import NamedSet, package_folder, split_of

__all__ = ["NLPAUG_SPELLING", "load"]

_FARTHEST = 3  # letters


def load(split: str) -> list[Example]:
    """Misspelled words; id "nlpaug-spelling:recieve".

    A row::

        prompt      hierachically
        references  hierarchically

    Raises:
        ImportError: the package nlpaug is not installed.
    """
    from rapidfuzz.distance import Levenshtein

    path = package_folder("nlpaug", "nlpaug-spelling", "nlpaug") / "res" / "word" / "spelling" / "spelling_en.txt"
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    known = {row[0].lower() for row in rows if row}
    meant: dict[str, set[str]] = {}
    for word, *misspelled in filter(None, rows):
        for wrong in misspelled:
            if (
                f"{wrong}{word}".isascii()
                and wrong.isalpha()
                and word.isalpha()
                and wrong.lower() not in known
                and Levenshtein.distance(wrong, word) <= _FARTHEST
            ):
                meant.setdefault(wrong, set()).add(word)
    return [
        Example(f"nlpaug-spelling:{wrong}", wrong, (word,), {"source": wrong})
        for wrong, words in meant.items()
        if len(words) == 1
        for word in words
        if split_of(word.lower()) == split
    ]


NLPAUG_SPELLING = NamedSet(
    tasks=("TextEdit-v0",),
    load=load,
    package="nlpaug",
    licence="MIT",
    source="the spelling list of nlpaug (Edward Ma, github.com/makcedward/nlpaug): words and their misspellings in texts",
)
