"""The base of metrics whose value over many texts is no mean of single scores: count each text, add up the counts, then compute."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tokengym.rewards.base import BaseReward, Sample, Values

__all__ = ["CountReward", "CountRow"]

CountRow: TypeAlias = dict[str, list[float]] | None
"""The counts of one sample, ready for JSON: key -> one number per field; None where the sample cannot be counted."""


class CountReward(BaseReward):
    """Write ``fields``, ``count`` and ``from_totals``: then ``corpus(batch)`` is the metric of all texts together.

    As a reward, a sample scores what it would be worth as the only text (override ``score`` where the published definition of the
    single-text form differs, as BLEU's does).

    What is counted stands in a table of keys and fields. The fields are the class's own and fixed ("hits", "false_alarms", "misses");
    the keys are found in the data (labels, entity types), so samples and batches need not agree on them beforehand: a key that a sample
    lacks counts 0. A metric without keys uses the one key "". A record keeps ``rows(batch)``, one JSON value for each sample, and
    gets the metric back, without the texts, by ``reduce(stack(rows))``. A macro-averaged F1 in full::

        class MacroF1(CountReward):
            name = "macro_f1"
            needs = "meta['label']"
            fields = ("hits", "false_alarms", "misses")

            def count(self, sample):
                gold, said = sample.meta.get("label"), sample.response.strip()
                if gold is None:
                    return None
                return {gold: (1, 0, 0)} if said == gold else {gold: (0, 0, 1), said: (0, 1, 0)}

            def from_totals(self, totals):  # (..., K, 3)
                hits, false_alarms, misses = np.moveaxis(totals, -1, 0)  # each (..., K)
                seen = totals.any(axis=-1)
                f1 = 2 * hits / np.where(seen, 2 * hits + false_alarms + misses, 1)
                return f1.sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)

    Attributes:
        fields: names of the F numbers that are counted for each key.
    """

    fields: tuple[str, ...] = ()

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        """Key -> F finite numbers, one per field, of this sample alone; None where it cannot be counted."""
        raise NotImplementedError(f"{type(self).__name__} must define count(sample)")

    def from_totals(self, totals: Values) -> npt.NDArray[np.float64]:
        """The metric of summed counts: (..., K, F) in, (...) out, a pure function. A key whose F totals are all 0 must not change it.

        Where no sample has any key, it gets one key of zeros. 0 / 0 must be given a value here: NaN would mean "not valid".
        """
        raise NotImplementedError(f"{type(self).__name__} must define from_totals(totals)")

    def rows(self, batch: Sequence[Sample]) -> list[CountRow]:
        """One JSON value for each sample; a row depends on its own sample only.

        Raises:
            ValueError: ``count`` gave another number of numbers than there are fields, or one that is not finite.
        """
        found: list[CountRow] = []
        for sample in batch:
            counted = self.count(sample)
            row = None if counted is None else {str(key): [float(number) for number in numbers] for key, numbers in counted.items()}
            for key, numbers in (row or {}).items():
                if len(numbers) != len(self.fields) or not all(map(math.isfinite, numbers)):
                    raise ValueError(f"{self.name!r} counted {numbers} for {key!r}; expected finite numbers for {', '.join(self.fields)}")
            found.append(row)
        return found

    def stack(self, rows: Sequence[Mapping[str, Sequence[float]] | None]) -> Values:
        """(N, C) counts of N rows, C = keys x fields: keys in alphabetical order, a key's fields side by side; None is a row of NaN.

        C is at least the number of fields, so that a row of NaN is seen also where no sample has a key.
        """
        keys = sorted({key for row in rows if row is not None for key in row}) or [""]
        place = {key: index for index, key in enumerate(keys)}
        table = np.zeros((len(rows), len(keys), len(self.fields)))  # (N, K, F)
        for number, row in enumerate(rows):
            if row is None:
                table[number] = math.nan
            else:
                for key, numbers in row.items():
                    table[number, place[key]] = numbers
        return table.reshape(len(rows), len(keys) * len(self.fields))

    def counts(self, batch: Sequence[Sample]) -> Values:
        """(B, C) counts, as in :meth:`stack`; a row of NaN where a sample cannot be counted."""
        return self.stack(self.rows(batch))

    def reduce(self, counts: npt.NDArray[Any], weights: npt.NDArray[Any] | None = None) -> npt.NDArray[np.float64]:
        """The metric of N samples together, from their counts alone: a pure function, so that a bootstrap can draw rows anew.

        Args:
            counts: (..., N, C); rows of NaN are left out.
            weights: (..., N), how often each row counts; by default once. R draws of a bootstrap are one (R, N) array of integers,
                which costs R x C numbers where the rows themselves, drawn R times, would cost R x N x C.
        Returns:
            (...) float64; NaN where no row is left.
        Raises:
            ValueError: C is no multiple of the number of fields.
        """
        counts = np.asarray(counts, dtype=np.float64)
        width = len(self.fields)
        if counts.ndim < 2 or counts.shape[-1] % width:
            raise ValueError(f"counts of shape {counts.shape}; {self.name!r} expects (..., N, C), C a multiple of {width} fields")
        valid = ~np.isnan(counts).any(axis=-1)  # (..., N)
        used = valid.astype(np.float64) if weights is None else np.where(valid, weights, 0.0)  # (..., N)
        table = np.where(valid[..., None], counts, 0.0)
        totals = used @ table if table.ndim == 2 else (used[..., None, :] @ table)[..., 0, :]  # (..., C)
        values = np.asarray(self.from_totals(totals.reshape(*totals.shape[:-1], -1, width)), dtype=np.float64)
        return np.where(used.sum(axis=-1) > 0, values, math.nan)

    def corpus(self, batch: Sequence[Sample]) -> float:
        """The metric of all samples together; NaN where none can be counted."""
        return float(self.reduce(self.counts(batch)))

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) the metric of each sample alone, NaN where it cannot be counted."""
        # Row by row: in one table, a sum over the keys of all samples could round otherwise than over those of one.
        return np.array([self.reduce(self.stack([row])) for row in self.rows(batch)], dtype=np.float64)
