"""What stands in one column of a row, as a field of an Example: a prompt or a conversation, references, a value of meta."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tokengym._registry import unknown
from tokengym.envs.base import ROLES, Turn

__all__ = ["parse_json", "prompt_of", "read_json", "references_of", "value_at"]

_HOLD_TEXTS = ("content", "value", "text")  # keys of mappings that a message names first


def value_at(row: Mapping[str, Any], column: str, place: str) -> Any:
    """What a row has in a column; "a.b" is the column of that name, or what column "a" has under "b".

    Raises:
        ValueError: there is no such column; the message begins with ``place``, or names it.
    """
    if column in row:
        return row[column]
    first, _, inner = column.partition(".")
    if not inner or first not in row:
        raise unknown(f"column of {place}", column, row)
    inside = row[first]
    if isinstance(inside, Mapping):
        return value_at(inside, inner, f"{place}, column {first}")
    if isinstance(inside, Sequence) and not isinstance(inside, str) and all(isinstance(each, Mapping) for each in inside):
        return [value_at(each, inner, f"{place}, column {first}") for each in inside]
    raise ValueError(f"{place}: column {first!r} is a {type(inside).__name__}, so there is no {column!r} in it")


def prompt_of(value: Any, column: str, place: str) -> str | tuple[Turn, ...]:
    """A prompt: a text, what a mapping has under "text", or the turns of a conversation.

    Args:
        value: what stands in the row; a turn is a mapping with "role" and "content", or a pair of the two.
        column: where it stands.
        place: the row, for error messages.
    Raises:
        ValueError: none of these, a role or content that no turn can have, or no turns.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        return _text(value, "prompt", column, place)
    turns = tuple(_turn(turn, number, value, place) for number, turn in enumerate(value))
    if not turns:
        raise ValueError(f"{place}: the conversation in column {column!r} has no turns; leave the row out")
    return turns


def references_of(value: Any, column: str, place: str, cells: bool = False) -> tuple[str, ...]:
    """References: a text or several, or what a mapping has under "text" (as SQuAD's answers); None among them says nothing.

    Of a turn of the assistant, or of a conversation that ends with one, the content of that turn is the reference.

    Args:
        value: what stands in the row.
        column: where it stands.
        place: the row, for error messages.
        cells: it is the text of a cell, in which several references are a list in JSON.
    Raises:
        ValueError: a mapping without "text", lists within a list, or a conversation that ends with another role's turn.
    """
    if cells and isinstance(value, str):
        listed = parse_json(value)
        value = listed if isinstance(listed, list) and all(isinstance(each, str) for each in listed) else value
    if isinstance(value, Mapping) and "text" in value:
        value = value["text"]
    if getattr(value, "ndim", 0):  # numpy's arrays
        value = value.tolist()
    if value is None or value == "":
        return ()
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if several and all(_is_turn(each) for each in several):
        last = _turn(several[-1], len(several) - 1, several, place)
        if last.role != "assistant":
            raise ValueError(f"{place}: the conversation in column {column!r} ends with the turn of the {last.role}, so no answer is in it")
        return (last.content,)
    return tuple(_text(each, "references", column, place) for each in several if each is not None)


def read_json(text: str) -> Any:
    """What a text in JSON says; halves of characters, as of an emoji that was cut in two, become U+FFFD, the replacement character.

    JSON can write such a half as an escape; UTF-8 cannot hold it, and tokenizers refuse it.

    Raises:
        json.JSONDecodeError: the text is no JSON.
    """
    found = json.loads(text)
    if r"\ud" not in text.lower():  # no escape of a half
        return found
    return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def parse_json(text: str) -> Any:
    """The list or mapping that a text is in JSON, read by :func:`read_json`; the text itself where it is none."""
    if text[:1] in ("[", "{"):
        try:
            return read_json(text)
        except json.JSONDecodeError:
            pass
    return text


def _text(value: Any, field: str, column: str, place: str) -> str:
    """One text; of a mapping, its "text"."""
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        return str(value["text"])
    if isinstance(value, Mapping):
        inner = f"{column}.{next((key for key in (*_HOLD_TEXTS, *value) if key in value), 'NAME')}"
        told = f"column {column!r} is a mapping with {', '.join(map(str, value))}; expected a text"
        raise ValueError(f"{place}: {told}; name what is in it that holds one, as in columns={{{field!r}: {inner!r}}}")
    if isinstance(value, Sequence) and not isinstance(value, str):
        raise ValueError(f"{place}: column {column!r} has {value!r:.80} in a list; expected a text, or a list of texts")
    return str(value)


def _is_turn(value: Any) -> bool:
    return isinstance(value, Mapping) and {"role", "content"} <= set(value)


def _turn(turn: Any, number: int, conversation: Any, place: str) -> Turn:
    """One turn of a conversation; content in parts is joined line by line."""
    pair = (turn.get("role"), turn.get("content")) if isinstance(turn, Mapping) else turn
    named = not isinstance(turn, Mapping) or _is_turn(turn)
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2 or not named:
        raise ValueError(f"{place}: the prompt {conversation!r:.200} is no conversation; expected turns with 'role' and 'content'")
    role, content = pair
    if role not in ROLES:
        raise unknown(f"role ({place}, turn {number})", role, ROLES, "Rename it in the data, or leave the row out.")
    if isinstance(content, list | tuple) and content and all(_is_text_part(part) for part in content):
        content = "\n".join(part["text"] for part in content)
    if not isinstance(content, str):
        told = f"{place}, turn {number} ({role}): the content {content!r:.80} is no text, and no list of parts of the type 'text'"
        raise ValueError(f"{told}; leave out such turns, or the row")
    return Turn(role, content)


def _is_text_part(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type", "text") == "text" and isinstance(part.get("text"), str)
