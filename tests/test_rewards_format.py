"""Formats: regular expressions and JSON schemas, by hand; slow patterns and schemas that reach out."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from tokengym.rewards import Sample, make_reward
from tokengym.rewards.format import JsonSchema, Regex

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "guests": {"type": "integer", "minimum": 1}},
    "required": ["city"],
    "additionalProperties": False,
}


def matches(pattern: str, *texts: str) -> list[float]:
    return [float(score) for score in Regex(pattern=pattern)([Sample("", text) for text in texts])]


def fits(response: str, reward: JsonSchema | None = None) -> float:
    return float((reward or JsonSchema()).explain([Sample("", response, meta={"schema": SCHEMA})]).scores[0])


def test_a_pattern_matches_the_whole_response() -> None:
    assert matches("[a-z]+", "abc", " abc\n", "abc1", "ABC", "", "a b") == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert matches("(?i)[a-z]*", "ABC", "") == [1.0, 1.0]  # an empty response may match: the pattern's choice
    assert matches("a.b", "a\nb") == [0.0]
    assert matches("(?s)a.b", "a\nb") == [1.0]
    assert matches(r"\p{Han}+。?", "北京下雨。", "rain", "שלום", "🙂") == [1.0, 0.0, 0.0, 0.0]


def test_a_pattern_that_takes_for_ever_is_given_up_and_the_batch_goes_on() -> None:
    reward = Regex(pattern="(a|aa)+", timeout=0.2)
    start = time.perf_counter()
    explained = reward.explain([Sample("", "aa"), Sample("", "a" * 60 + "c"), Sample("", "ac")])
    assert time.perf_counter() - start < 5.0
    assert explained.valid.tolist() == [True, False, True]
    assert explained.scores.tolist() == [1.0, 0.0, 0.0]


def test_other_patterns_and_timeouts_are_refused() -> None:
    with pytest.raises(ValueError, match="is not a regular expression: missing"):
        Regex(pattern="(a")
    for timeout in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="seconds; expected a number above 0"):
            Regex(pattern="a", timeout=timeout)


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ('{"city": "Leeds"}', 1.0),
        ('{"city": "Leeds", "guests": 2}', 1.0),
        ('```json\n{"city": "Leeds"}\n```', 1.0),
        ('Sure!\n```\n{"city": "Leeds"}\n```', 1.0),
        ('{"city": "Leeds", "guests": 0}', 0.0),
        ('{"city": "Leeds", "guests": "2"}', 0.0),
        ('{"guests": 2}', 0.0),
        ('{"city": "Leeds", "more": 1}', 0.0),
        ('{"city": "Leeds", "city": "York"}', 0.0),
        ("[]", 0.0),
        ("", 0.0),
        ("Leeds", 0.0),
        ('Sure! {"city": "Leeds"}', 0.0),
        ("[" * 50_000, 0.0),
    ],
)
def test_schema_by_hand(response: str, score: float) -> None:
    assert fits(response) == score
    assert fits(response, JsonSchema(schema=json.dumps(SCHEMA))) == score


def test_fences_and_partial_credit_are_options() -> None:
    assert fits('```json\n{"city": "Leeds"}\n```', JsonSchema(fenced=False)) == 0.0
    partial = JsonSchema(partial=0.25)
    assert [fits(response, partial) for response in ('{"city": "Leeds"}', '{"city": 3}', "{city}", "")] == [1.0, 0.25, 0.0, 0.0]


def test_a_schema_comes_from_the_argument_or_from_meta() -> None:
    batch = [Sample("", "3"), Sample("", "3", meta={"schema": {"type": "string"}})]
    assert JsonSchema().explain(batch).valid.tolist() == [False, True]
    given = make_reward("""json_schema(schema='{"type": "integer"}')""")
    assert given.explain(batch).scores.tolist() == [1.0, 1.0]
    assert (JsonSchema().needs, given.needs) == ("meta['schema']", "")
    assert make_reward(given.spec).spec == given.spec


def test_a_number_too_large_for_a_float_costs_its_own_sample_only() -> None:
    halves = {"multipleOf": 0.5}
    batch = [Sample("", text, meta={"schema": halves}) for text in ("1.5", "1" + "0" * 400, "1.2")]
    explained = JsonSchema(partial=0.25).explain(batch)
    assert explained.valid.all() and explained.scores.tolist() == [1.0, 0.25, 0.25]


def test_the_dialect_is_the_one_that_the_schema_names() -> None:
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 3, "exclusiveMinimum": True}
    explained = JsonSchema().explain([Sample("", number, meta={"schema": old}) for number in ("3", "4")])
    assert explained.scores.tolist() == [0.0, 1.0]


def test_a_reference_inside_and_to_the_standard_is_followed_and_no_other_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a schema must not reach out")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    tree = {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    deep = "[" * 64 + "]" * 64
    batch = [Sample("", text, meta={"schema": tree}) for text in ("[[], [[]]]", "[[3]]", deep)]
    assert JsonSchema().explain(batch).scores.tolist() == [1.0, 0.0, 1.0]
    standard = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    assert JsonSchema()([Sample("", '{"type": "nothing"}', meta={"schema": standard})]).tolist() == [0.0]
    for outside in ("http://127.0.0.1:9/x.json", "file:///etc/hostname", "#/$defs/none"):
        with pytest.raises(ValueError, match="which is not in it; nothing is fetched"):
            JsonSchema()([Sample("", "3", meta={"schema": {"$ref": outside}})])


def test_faults_of_schemas_are_named() -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        JsonSchema(schema="{")
    with pytest.raises(ValueError, match="is not a JSON schema"):
        JsonSchema(schema='{"type": "nothing"}')
    with pytest.raises(ValueError, match="is not a JSON schema"):
        JsonSchema()([Sample("", "3", meta={"schema": {"type": 3}})])
    with pytest.raises(ValueError, match="refers to itself without end"):
        JsonSchema()([Sample("", "3", meta={"schema": {"$ref": "#"}})])
    for other in ("{}", 3, {"enum": {1, 2}}):
        with pytest.raises(TypeError, match="expected a mapping of JSON values"):
            JsonSchema()([Sample("", "3", meta={"schema": other})])
    for partial in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="expected a number from 0 to 1"):
            JsonSchema(partial=partial)
