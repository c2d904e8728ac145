"""Stop strings, looked for only after a token that can complete one, and only in the last few tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tokengym.envs.tokenizer import TextTokenizer

__all__ = ["StopStrings"]


class StopStrings:
    """Decides whether an answer has just reached a stop string.

    Args:
        stop: the texts; none makes every question False.
        tokenizer: whose tokens the answer is made of.

    Attributes:
        completing: (V,) bool; tokens after which :meth:`reached` can be True.
    """

    def __init__(self, stop: Sequence[str], tokenizer: TextTokenizer) -> None:
        self.stop = tuple(stop)
        self._tokenizer = tokenizer
        self._special = tokenizer.special_ids
        self._tail = max((len(text.encode()) for text in stop), default=0) + 3  # tokens; 3 more bytes may start the first character
        self.completing: npt.NDArray[np.bool_] = np.zeros(tokenizer.vocab_size, dtype=np.bool_)
        if self.stop:
            self.completing[:] = [self._completes(token) for token in range(tokenizer.vocab_size)]

    def reached(self, completion: npt.NDArray[np.int32]) -> bool:
        """Whether a stop string stands in the text of ``completion`` (T,), whose last token has just been added."""
        tail: list[int] = []
        for token in completion[::-1].tolist():  # special tokens have no text and do not count
            if token not in self._special:
                tail.append(token)
                if len(tail) == self._tail:
                    break
        text = self._tokenizer.decode(tail[::-1])
        return any(stop in text for stop in self.stop)

    def cut(self, text: str) -> str:
        """``text`` up to the first stop string in it."""
        if not self.stop:
            return text
        places = [place for place in (text.find(stop) for stop in self.stop) if place >= 0]
        return text[: min(places)] if places else text

    def _completes(self, token: int) -> bool:
        if token in self._special:
            return False
        text = self._tokenizer.decode([token])
        if "\ufffd" in text and not all(stop.isascii() for stop in self.stop):  # part of a character: such a stop string may end with it
            return True
        for shown in (text, " " + text):  # decoders drop the leading space of a token that stands alone
            starts = [shown[:n] for n in range(1, len(shown) + 1)]
            if any(stop in shown or any(stop.endswith(start) for start in starts) for stop in self.stop):
                return True
        return False
