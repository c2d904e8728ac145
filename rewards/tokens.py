"""How texts become tokens for comparison: words as the published definitions cut them, Chinese and Japanese by character."""

from __future__ import annotations

import importlib
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, TypeVar, cast

__all__ = [
    "CJK",
    "LONG",
    "has_cjk",
    "make_room",
    "ngram_counts",
    "overlap",
    "reference_counts",
    "rouge_bytes",
    "rouge_tokens",
    "shared_ngrams",
    "squad_tokens",
    "word_count",
    "word_tokens",
]

# Character class (without brackets) of Han and kana: scripts that put no space between words.
# Punctuation of these scripts (U+3001 and its neighbours) is not in it; the marks U+3005 and U+3007 act as characters.
CJK = (
    "\u3005\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)

_Item = TypeVar("_Item", bound=Hashable)
_CACHE = 8192  # texts; references come again and again, and several metrics read one response
LONG = 500  # characters of a text, from which on a cache is bounded by what it holds, too
_ROOM = 25_000_000  # characters of such texts in one cache of words, which take 11 bytes each: 270 MB
_ANY_CJK = re.compile(f"[{CJK}]")
_ROUGE_WORD_OR_CJK = re.compile(f"[a-z0-9]+|[{CJK}]")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_CJK_ARTICLE = re.compile(r"\b(?:an|the)\b")  # a lone "a" is a letter there: A组, A股
_WORD_OR_CJK = re.compile(rf"[{CJK}]|[^\W{CJK}]+")
_LOWERED = string.ascii_letters + string.digits
_ROUGE_BYTES = bytes(ord(chr(code).lower()) if chr(code) in _LOWERED else ord(" ") for code in range(256))
_WORD_OR_MARK = re.compile(rf"[{CJK}]|[^\W{CJK}]+|[^\w\s]")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)

_held: dict[str, int] = {}  # characters of long texts, times their weight, that each cache has taken in since it was last empty


def make_room(cache: Callable[..., object], size: int, weight: int = 1) -> None:
    """Empties a cache where another long text would be too much; called by what fills it, which is not called for what it holds.

    Args:
        cache: a function under ``lru_cache``.
        size: characters of the text that comes in; short ones, which their number bounds, are not counted.
        weight: how many characters of words take the memory that one takes here.
    """
    if size < LONG:
        return
    name = f"{cache.__module__}.{cache.__name__}"
    _held[name] = _held.get(name, 0) + weight * size
    if _held[name] > _ROOM:
        cast(Any, cache).cache_clear()
        _held[name] = weight * size


def has_cjk(text: str) -> bool:
    """Whether any character of ``text`` is Han, hiragana or katakana."""
    return not text.isascii() and _ANY_CJK.search(text) is not None


@lru_cache(maxsize=_CACHE)
def rouge_tokens(text: str, stem: bool = False) -> tuple[str, ...]:
    """Runs of a-z and 0-9 after lowering, as in the ``rouge-score`` package; Chinese and Japanese by character.

    A text with Chinese or Japanese is first brought to Unicode's NFKC form, so that full-width letters and digits count.

    Args:
        text: any text.
        stem: brings words of more than three letters to their stems, as ``use_stemmer=True`` of ``rouge-score`` does.
    Raises:
        ImportError: ``stem`` is asked for and nltk is not installed.
    """
    if len(text) >= LONG:
        make_room(rouge_tokens, len(text))
    if stem:
        return tuple([_stem(word) if len(word) > 3 else word for word in rouge_tokens(text)])
    if has_cjk(text):
        return tuple(_ROUGE_WORD_OR_CJK.findall(unicodedata.normalize("NFKC", text).lower()))
    return tuple(rouge_bytes(text).decode().split())


def rouge_bytes(text: str) -> bytes:
    """``text`` (no Chinese or Japanese) lowered, all but a-z and 0-9 turned to blanks: what cuts words in a fifth of a regex's time.

    A letter beyond ASCII becomes as many blanks as it has bytes, since all of those stand above 127.
    """
    # The table lowers ASCII; of all other letters only the Kelvin sign ("k") and the dotted capital I ("i" and a dot) become ASCII.
    plain = text.lower() if not text.isascii() and ("\u212a" in text or "\u0130" in text) else text
    return plain.encode("utf-8", "replace").translate(_ROUGE_BYTES)


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    return _stemmer()(word)


@cache
def _stemmer() -> Callable[[str], str]:
    """nltk's Porter stemmer, its own extensions included: the one that ``rouge-score`` uses."""
    try:
        stem: Callable[[str], str] = importlib.import_module("nltk.stem.porter").PorterStemmer().stem
    except ImportError as error:
        raise ImportError("stemming needs nltk: pip install 'nltk>=3.8'") from error
    return stem


@lru_cache(maxsize=_CACHE)
def squad_tokens(text: str) -> tuple[str, ...]:
    """Words after SQuAD's normalization: lower case, no ASCII punctuation, no articles (a, an, the).

    A text with Chinese or Japanese is brought to NFKC, loses all Unicode punctuation, and each of its Han and kana characters is a token;
    a lone "a" stays, since it is a name there ("A组") and no article.
    Source: the official SQuAD evaluation script (arXiv:1606.05250); by character as in CMRC 2018 (arXiv:1810.07366).
    """
    if len(text) >= LONG:
        make_room(squad_tokens, len(text))
    if has_cjk(text):
        kept = (c for c in unicodedata.normalize("NFKC", text).lower() if not unicodedata.category(c).startswith("P"))
        return tuple(_CJK_ARTICLE.sub(" ", _ANY_CJK.sub(r" \g<0> ", "".join(kept))).split())
    return tuple(_ARTICLE.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def ngram_counts(tokens: tuple[str, ...], n: int) -> Mapping[Hashable, int]:
    """How often each run of ``n`` tokens occurs."""
    return Counter(_ngrams(tokens, n))


@lru_cache(maxsize=_CACHE)
def reference_counts(tokens: tuple[str, ...], n: int) -> Mapping[Hashable, int]:
    """:func:`ngram_counts`, remembered; callers share the result and must not change it."""
    make_room(reference_counts, sum(map(len, tokens)), weight=2)
    return ngram_counts(tokens, n)


def overlap(first: Mapping[_Item, int], second: Mapping[_Item, int]) -> int:
    """Size of the common part of two multisets: the sum over items of the smaller count."""
    common = 0
    for item in first.keys() & second.keys():
        one, other = first[item], second[item]
        common += one if one < other else other
    return common


def shared_ngrams(tokens: tuple[str, ...], counts: Mapping[Hashable, int], n: int) -> int:
    """:func:`overlap` of ``ngram_counts(tokens, n)`` and ``counts``; counts only what is shared, which is little as a rule."""
    if counts.keys().isdisjoint(_ngrams(tokens, n)):
        return 0
    common = list(filter(counts.__contains__, _ngrams(tokens, n)))
    return len(common) if len(set(common)) == len(common) else overlap(Counter(common), counts)


def _ngrams(tokens: tuple[str, ...], n: int) -> Iterable[Hashable]:
    return tokens if n == 1 else zip(*(tokens[start:] for start in range(n)), strict=False)


@lru_cache(maxsize=_CACHE)
def word_tokens(text: str) -> tuple[str, ...]:
    """The text as it is written, cut: runs of letters and digits, each mark alone, Chinese and Japanese by character, no white space."""
    make_room(word_tokens, len(text))
    return tuple(_WORD_OR_MARK.findall(text))


@lru_cache(maxsize=_CACHE)
def word_count(text: str) -> int:
    """Words between white space; in a text with Chinese or Japanese each such character is a word, and punctuation is none."""
    return len(_WORD_OR_CJK.findall(text)) if has_cjk(text) else len(text.split())
