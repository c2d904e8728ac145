"""Questions over a collection of passages: the collection is searched first (BM25), and the best passages stand in the prompt."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from tokengym.envs.base import Example
from tokengym.rewards import BaseReward, Sample

__all__ = ["RETRIEVERS", "Collection", "RetrievalHit", "Searched", "searched", "terms"]

RETRIEVERS = ("none", "bm25")
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_RUNS = re.compile(rf"[{_CJK}]+|[^\W{_CJK}_]+")
_SHARED: WeakValueDictionary[bytes, _Index] = WeakValueDictionary()  # sha256 of the passages -> index, for all environments of a process


class _Index:
    """A BM25 index; it holds no texts."""

    def __init__(self, passages: Sequence[str]) -> None:
        try:
            import bm25s
        except ImportError as error:
            raise ImportError("retriever='bm25' searches with the package bm25s: pip install 'tokengym[retrieval]', or bm25s") from error
        self._bm25 = bm25s.BM25(method="lucene", k1=1.5, b=0.75, backend="numpy")
        self._bm25.index([terms(passage) for passage in passages], show_progress=False)

    def scores(self, query: str, count: int) -> npt.NDArray[np.float32]:
        """(count,) BM25 scores of the passages; 0 where none of the query's words is in any passage."""
        asked = terms(query)
        if not asked or not self._bm25.get_tokens_ids(asked):
            return np.zeros(count, dtype=np.float32)
        found: npt.NDArray[np.float32] = self._bm25.get_scores(asked)
        return found


class Collection:
    """Passages that can be searched, each text once, in the order given.

    The index is built at the first search, and shared by all collections of the same texts in this process.

    Args:
        passages: texts; those that come again are left out.
        name: for errors.
    """

    def __init__(self, passages: Sequence[str], name: str = "this collection") -> None:
        self.passages = tuple(dict.fromkeys(passages))
        self.name = name
        self._place = {passage: place for place, passage in enumerate(self.passages)}
        self._index: _Index | None = None

    def search(self, query: str) -> list[int]:
        """Places of all passages, the best first; equal ones as they stand.

        Source: BM25 as Lucene has it (Kamphuis et al. 2020, doi:10.1007/978-3-030-45442-5_4), k1 = 1.5, b = 0.75.

        Raises:
            ImportError: the package bm25s is not installed.
        """
        if self._index is None:
            key = hashlib.sha256("\0".join(self.passages).encode("utf-8", "surrogatepass")).digest()
            self._index = _SHARED.get(key)
            if self._index is None:
                self._index = _SHARED[key] = _Index(self.passages)
        order: list[int] = np.argsort(-self._index.scores(query, len(self.passages)), kind="stable").tolist()
        return order

    def place(self, passage: str) -> int | None:
        """Where a passage stands; None where it is not in the collection."""
        return self._place.get(passage)


class Searched(Sequence[Example]):
    """Questions with the passages that a search for them finds; each is made when it is asked for, and kept.

    The prompt of each is its best ``documents`` passages, "[1] ..." and so on, one a line. To the meta come ``question``;
    ``retrieved``, the passages' places in the collection; ``answer_shown``, whether an accepted answer stands in them, which bounds what
    reading can earn; and where the row has a passage of its own: ``passage``, ``hit`` (whether it is shown) and ``rank`` (1 is best).

    Args:
        examples: a question each, in ``meta["question"]``, with its passage as the prompt; or a question as the prompt.
        collection: index of an example -> what is searched for it.
        documents: how many passages are shown.
        size: how many of the examples are asked, the first ones; None: all.
    """

    def __init__(
        self, examples: Sequence[Example], collection: Callable[[int], Collection], documents: int, size: int | None = None
    ) -> None:
        self._examples = examples
        self._size = len(examples) if size is None else size
        self._collection = collection
        self._documents = documents
        self._kept: dict[int, Example] = {}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return _Part(self, range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        index %= len(self)
        if index not in self._kept:
            self._kept[index] = self._made(index)
        return self._kept[index]

    def _made(self, index: int) -> Example:
        example, collection = self._examples[index], self._collection(index)
        if self._documents > len(collection.passages):
            raise ValueError(
                f"documents={self._documents}, and {collection.name} has {len(collection.passages)} different passages; ask for fewer"
            )
        asked = question_of(example)
        order = collection.search(asked)
        best = order[: self._documents]
        shown = "\n".join(f"[{number}] {' '.join(collection.passages[place].split())}" for number, place in enumerate(best, 1))
        accepted = [str(text).lower() for text in ((example.meta["answer"],) if "answer" in example.meta else example.references)]
        meta: dict[str, Any] = {**example.meta, "question": asked, "retrieved": best}
        meta["answer_shown"] = any(text in shown.lower() for text in accepted)
        meta.pop("documents", None)
        own = collection.place(str(example.prompt)) if "question" in example.meta else None
        if own is not None:
            meta |= {"passage": str(example.prompt), "rank": order.index(own) + 1, "hit": own in best}
        return Example(example.id, shown, example.references, meta)


class _Part(Sequence[Example]):
    """Some of the examples of another sequence, which goes on to make them when they are asked for."""

    def __init__(self, whole: Sequence[Example], places: range) -> None:
        self._whole = whole
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return _Part(self._whole, self._places[index])
        return self._whole[self._places[index]]


def searched(examples: Sequence[Example], documents: int) -> Searched:
    """The examples of a data set, each searched for in one collection: the passages of them all, and the ``documents`` in their meta.

    Args:
        examples: rows with a passage as the prompt and ``meta["question"]``, or with a question as the prompt; either may bring more
            passages as ``meta["documents"]``, a list of texts.
        documents: how many passages are shown.
    Raises:
        ValueError: a prompt that is a conversation, documents that are no texts, or no passages at all.
    """
    passages: list[str] = []
    for example in examples:
        if not isinstance(example.prompt, str):
            raise ValueError(f"example {example.id!r} is a conversation; a retriever needs a text as the prompt: a passage, or a question")
        passages += [example.prompt] if "question" in example.meta else []
        passages += _documents(example)
    if not passages:
        raise ValueError(
            "there is nothing to search: the examples have neither meta['question'] beside a passage as the prompt nor meta['documents']; "
            "map columns, as in columns={'prompt': 'context', 'question': 'question'}"
        )
    whole = Collection(passages, "the data set")
    return Searched(examples, lambda index: whole, documents)


def question_of(example: Example) -> str:
    """What is asked: ``meta["question"]``, or else the prompt."""
    return str(example.meta.get("question", example.prompt))


def _documents(example: Example) -> list[str]:
    found = example.meta.get("documents", ())
    if isinstance(found, str) or not isinstance(found, Sequence) or not all(isinstance(text, str) for text in found):
        raise ValueError(f"example {example.id!r}: meta['documents'] is {found!r:.80}; expected a list of texts")
    return list(found)


def terms(text: str) -> list[str]:
    """What is searched by: lower-case words and numbers; of Chinese and Japanese, single characters and pairs of neighbours."""
    return [term for run in _RUNS.findall(text.lower()) for term in _terms_of(run)]


def _terms_of(run: str) -> Iterator[str]:
    if not re.match(f"[{_CJK}]", run):
        yield run
        return
    yield from run
    yield from (run[i : i + 2] for i in range(len(run) - 1))


class RetrievalHit(BaseReward):
    """1.0 where the search found the question's own passage, else 0.0: a metric; nothing that the agent says changes it.

    Range 0 to 1, higher is better, needs ``meta["hit"]``, as :class:`Searched` writes it. Source: recall at k with one relevant passage.
    """

    name = "retrieval_hit"
    needs = "meta['hit']"

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
        """(B,) 0 or 1; NaN where no passage is the question's own."""
        return np.array([_hit(sample.meta) for sample in batch], dtype=np.float64)


def _hit(meta: Mapping[str, Any]) -> float:
    return float(meta["hit"]) if "hit" in meta else math.nan
