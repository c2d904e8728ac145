"""The real data set ``presidio``: sentences that people write to banks and shops, with typed slots that names of the builtin world fill.

Source: the templates of presidio-evaluator (Microsoft, MIT), read from the installed package; only that file is used. Templates that
name something outside of their slots are left out, so that every mention is known. Each template is in one split only, by its hash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokengym.envs.base import Example
from tokengym.envs.bio import cut_words, listing, span_tags
from tokengym.envs.draw import Draw
from tokengym.envs.named import NamedSet, package_folder, split_of
from tokengym.envs.names import Names

__all__ = ["SET", "TYPES", "load"]

TYPES = ("PERSON", "PLACE", "ORG", "DATE", "CONTACT", "ACCOUNT")
_FILLS = 5  # examples of each template, with other names
_LONGEST = 160  # characters of a template
_SLOT = re.compile(r"\{\{ ?(\w+) ?\}\}")
_KINDS: Mapping[str, str] = {  # slot of the templates -> our slot
    "person": "person", "name": "person", "name_female": "person", "name_male": "person", "name_non_binary": "person",
    "first_name": "given", "first_name_female": "given", "first_name_male": "given", "first_name_nonbinary": "given",
    "last_name": "family", "last_name_female": "family", "last_name_male": "family", "country": "place", "city": "place",
    "state": "place", "address": "address", "street_name": "street", "street_address": "address", "organization": "org", "company": "org",
    "date_of_birth": "date", "date_time": "date", "date": "date", "birthday": "date", "phone_number": "phone", "email": "email",
    "email_address": "email", "url": "url", "credit_card_number": "card", "iban": "iban", "ssn": "ssn", "us_ssn": "ssn",
}  # fmt: skip
# Capitals that name nobody.
_CAPITALS = re.compile(
    r"(?:\A|[.?!:,\"] +|[?!\"(] ?)[\"']?[A-Z][a-z]*|\bI\b|\b(?:IBAN|SSN|ATM|ASAP|ID|OK|PIN|SMS|URL|Bot|User|Mr|Ms|Mrs)\b"
)
# What is left then names something, tells a time, or makes no sentence.
_NAMED = re.compile(r"[A-Z\d\[\]{}|\\\ufffd]|\b(?:week|month|night|morning|year)s?\b|x street\b")


def load(split: str) -> list[Example]:
    """The examples of ``split`` (362 / 82 / 63), up to five for each of 109 templates, their names from the split's own. A row::

        id          87:0
        prompt      The address of Dovager Steel is 164 Hazelington Avenue, Hurford
        references  Dovager Steel (ORG); 164 Hazelington Avenue, Hurford (PLACE)

    Raises:
        ImportError: the package presidio-evaluator is not installed.
    """
    line = "pip install --no-deps presidio-evaluator"  # what it depends on is large, and its templates need none of it
    folder = package_folder("presidio_evaluator", "presidio", "presidio-evaluator", line)
    file = folder / "data_generator" / "raw_data" / "templates.txt"
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    numbered = [(number, line.strip()) for number, line in enumerate(lines)]
    kept = [(number, line) for number, line in numbered if _usable(line) and split_of(line) == split]
    examples = [_example(number, fill, line, split) for number, line in kept for fill in range(_FILLS)]
    return list({example.prompt: example for example in reversed(examples)}.values())[::-1]  # the first of each text


def _usable(template: str) -> bool:
    """Whether every name and number of the template is in a slot that can be filled."""
    if not template or len(template) > _LONGEST or any(slot not in _KINDS for slot in _SLOT.findall(template)):
        return False
    outside = _CAPITALS.sub("", _SLOT.sub("x", template))
    return not _NAMED.search(outside)


def _slots(draw: Draw, names: Names) -> Mapping[str, tuple[str, str]]:
    """Our slot -> surface and type, of one fill of a slot."""
    person = names.person()
    given, _, family = person.partition(" ")
    street = f"{names.place()} {draw.pick(('Street', 'Road', 'Lane', 'Avenue'))}"
    month = draw.pick("January February March April May June July August September October November December".split())

    def digits(*groups: int) -> list[str]:
        return [str(draw.number(10 ** (size - 1), 10**size - 1)) for size in groups]

    return {
        "person": (person, "PERSON"),
        "given": (given, "PERSON"),
        "family": (family, "PERSON"),
        "place": (names.place(), "PLACE"),
        "street": (street, "PLACE"),
        "address": (f"{draw.number(2, 190)} {street}, {names.place()}", "PLACE"),
        "org": (names.firm(), "ORG"),
        "date": (f"{draw.number(1, 28)} {month} {draw.number(1941, 2015)}", "DATE"),
        "phone": ("-".join(digits(3, 3, 4)), "CONTACT"),
        "email": (f"{given}.{family}@{names.family()}.com".lower(), "CONTACT"),
        "url": (f"www.{names.family()}{family}.com".lower(), "CONTACT"),
        "card": (" ".join(digits(4, 4, 4, 4)), "ACCOUNT"),
        "iban": (" ".join((f"GB{digits(2)[0]}", *digits(4, 4, 4))), "ACCOUNT"),
        "ssn": ("-".join(digits(3, 2, 4)), "ACCOUNT"),
    }


def _example(number: int, fill: int, template: str, split: str) -> Example:
    draw = Draw(f"presidio/{template}/{fill}")
    names = Names(draw, split)
    text, end = "", 0
    spans: list[tuple[int, int, str]] = []
    for found in _SLOT.finditer(template):
        surface, kind = _slots(draw, names)[_KINDS[found[1]]]
        text += template[end : found.start()]
        spans.append((len(text), len(text) + len(surface), kind))
        text, end = text + surface, found.end()
    text += template[end:]
    entities = tuple((text[first:last], kind) for first, last, kind in spans)
    meta = {"entities": entities, "tags": tuple(span_tags(text, spans)), "words": tuple(cut_words(text)), "types": TYPES}
    return Example(f"{number}:{fill}", text, (listing(entities),), meta)


SET = NamedSet(
    tasks=("TextNER-v0",),
    load=load,
    package="presidio-evaluator",
    licence="MIT",
    source="Microsoft presidio-evaluator, templates of sentences with personal data",
)
