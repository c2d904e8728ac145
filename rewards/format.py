"""Does a response have the asked form: a regular expression, a JSON schema?"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.json_response import read_json
from tokengym.rewards.one_by_one import OneByOne

__all__ = ["JsonSchema", "Regex"]


class Regex(BaseReward):
    """1.0 where the whole response, without white space at its ends, matches the pattern, else 0.0.

    A pattern can take exponentially long on a text made for it ("(a|aa)+"). A match that is not decided after ``timeout`` seconds is
    given up: such a sample is not valid. Only there does the outcome depend on the machine; a pattern without nested repeats decides
    100,000 characters in milliseconds. Whether an empty response matches is the pattern's choice.

    Range 0 to 1, higher is better, needs nothing. Syntax and flags ("(?i)", "(?s)"): the package ``regex``, a superset of Python's ``re``.

    Args:
        pattern: what the response must match.
        timeout: seconds per response.
    Raises:
        ImportError: the package ``regex`` is not installed.
        ValueError: the pattern is not a regular expression, or ``timeout`` is not above 0.
    """

    name = "regex"

    def __init__(self, pattern: str, timeout: float = 1.0) -> None:
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout={timeout!r} seconds; expected a number above 0")
        _pattern(pattern)
        self.pattern = pattern
        self.timeout = timeout

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) 0 or 1, NaN where the time ran out."""
        matcher = _pattern(self.pattern)
        scores = np.empty(len(batch))  # (B,)
        for row, sample in enumerate(batch):
            try:
                scores[row] = matcher.fullmatch(sample.response.strip(), timeout=self.timeout) is not None
            except TimeoutError:
                scores[row] = math.nan
        return scores


class JsonSchema(OneByOne):
    """1.0 where the response is JSON that the schema accepts, ``partial`` where it is JSON that the schema refuses, else 0.0.

    JSON is read strictly (:func:`tokengym.rewards.json_response.read_json`): no NaN, no key twice, at most 64 levels. The dialect is
    the one that "$schema" names, else draft 2020-12; "format" is a note, as the standard has it; "$ref" reaches the schema itself and
    the standard's own schemas, nothing is ever fetched. An integer too large for a float is no multiple of a fraction. Regular
    expressions of the schema run on the response without a time limit: write none with nested repeats.

    Range 0 to 1, higher is better, needs ``meta["schema"]`` (a mapping) unless ``schema`` is given. Source: json-schema.org, by the
    package ``jsonschema``.

    Args:
        schema: a schema as JSON text, for all samples; None: each sample's ``meta["schema"]``.
        fenced: whether a response with exactly one Markdown code block is read as that block, whatever stands around it.
        partial: what JSON earns that violates the schema, 0 to 1.
    Raises:
        ImportError: the package ``jsonschema`` is not installed.
        ValueError: ``schema`` is not JSON or not a schema, or ``partial`` is not between 0 and 1.
    """

    name = "json_schema"

    def __init__(self, schema: str | None = None, fenced: bool = True, partial: float = 0.0) -> None:
        if not 0 <= partial <= 1:
            raise ValueError(f"partial={partial!r}; expected a number from 0 to 1")
        if schema is None:
            self.needs = "meta['schema']"
        else:
            _validator(schema)
        self.schema = schema
        self.fenced = fenced
        self.partial = partial

    def rate(self, sample: Sample) -> float:
        """The score of one sample, NaN where no schema is known.

        Raises:
            TypeError: meta["schema"] is not a mapping of JSON values.
            ValueError: meta["schema"] is not a schema, or refers to what is not in it or to itself without end.
        """
        schema = self.schema
        if schema is None:
            known = sample.meta.get("schema")
            if known is None:
                return math.nan
            schema = _written(known)
        validator = _validator(schema)
        try:
            value = read_json(sample.response, self.fenced)
        except ValueError:
            return 0.0
        from referencing.exceptions import Unresolvable

        try:
            return 1.0 if validator.is_valid(value) else self.partial
        except Unresolvable as error:
            raise ValueError(f"schema {schema} refers to {error.ref!r}, which is not in it; nothing is fetched") from error
        except RecursionError:
            raise ValueError(f"schema {schema} refers to itself without end") from None
        except OverflowError:  # jsonschema divides by "multipleOf" in floating point, which an integer of 400 digits leaves
            return self.partial


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    try:
        import regex  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError("the reward 'regex' needs the package regex: pip install regex") from error
    try:
        return regex.compile(pattern)
    except (regex.error, TypeError) as error:
        raise ValueError(f"pattern={pattern!r} is not a regular expression: {error}") from error


def _written(schema: object) -> str:
    """A schema as text, by which its validator is remembered."""
    try:
        if isinstance(schema, Mapping):
            return json.dumps(schema, sort_keys=True)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"meta['schema']={schema!r}; expected a mapping of JSON values")


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    try:
        from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
        from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]
        from jsonschema.validators import validator_for  # type: ignore[import-untyped]
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError("the reward 'json_schema' needs the package jsonschema: pip install 'jsonschema>=4.23'") from error
    try:
        value = json.loads(schema)
    except ValueError as error:
        raise ValueError(f"schema={schema!r} is not JSON: {error}") from error
    kind = validator_for(value, default=Draft202012Validator)
    try:
        kind.check_schema(value)
    except SchemaError as error:
        raise ValueError(f"schema={schema!r} is not a JSON schema: {error.message}") from error
    return kind(value, registry=REGISTRY)  # a registry of its own: the default one would fetch what a "$ref" names
