"""The real data set ``countryinfo``: questions about the facts of two countries, which a passage tells.

Source: the package countryinfo (MIT), which holds facts of 254 countries and territories, some of them years old. The passage tells
them as they stand there, so the right answer is the passage's. Each country is in one split only, by the hash of its ISO code, the
one that it is told with included.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokengym.envs.base import Example
from tokengym.envs.draw import Draw
from tokengym.envs.named import NamedSet, package_folder, split_of

__all__ = ["FACTS", "SET", "load"]

FACTS: Mapping[str, tuple[str, str]] = {  # fact: how the passage tells it, how it is asked for
    "capital": (
        "[The capital of {name} is {value}|{value} is the capital of {name}].",
        "[What is the capital of {name}?|Which city is the capital of {name}?]",
    ),
    "subregion": (
        "[{name} lies in {value}|{name} is part of {value}].",
        "[In which part of the world does {name} lie?|What region is {name} part of?]",
    ),
    "population": (
        "[About {value} people live in {name}|{name} has {value} inhabitants].",
        "[How many people live in {name}?|How many inhabitants does {name} have?]",
    ),
    "area": (
        "[{name} covers {value} square kilometers|The area of {name} is {value} square kilometers].",
        "[How many square kilometers does {name} cover?|How many square kilometers is the area of {name}?]",
    ),
    "currency": (
        "[People in {name} pay in {value}|The currency of {name} is {value}].",
        "[What is the code of the currency of {name}?|In which currency do people in {name} pay?]",
    ),
    "demonym": (
        "[Somebody from {name} is called {value}|A person from {name} is {value}].",
        "[What is somebody from {name} called?|What do you call a person from {name}?]",
    ),
    "domain": (
        "[Internet addresses of {name} end in {value}|The internet domain of {name} is {value}].",
        "[What do internet addresses of {name} end in?|What is the internet domain of {name}?]",
    ),
    "calling code": (
        "[The calling code of {name} is {value}|To call {name}, dial {value}].",
        "[What is the calling code of {name}?|Which code do you dial to call {name}?]",
    ),
}
_TOLD = 3  # facts of each of the two countries in a passage


def load(split: str) -> list[Example]:
    """The examples of ``split``, one for each fact of each country: 1,467 / 202 / 235. A row::

        id          ASM:capital
        prompt      Pago Pago is the capital of American Samoa. American Samoa has 55519 inhabitants. Italy covers 301336 square
                    kilometers. The calling code of Italy is +39. Somebody from American Samoa is called American Samoan. The
                    capital of Italy is Rome.
        question    What is the capital of American Samoa?
        references  Pago Pago

    Raises:
        ImportError: the package countryinfo is not installed.
    """
    folder = package_folder("countryinfo", "countryinfo", "countryinfo") / "data"
    rows = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    known = {row["ISO"]["alpha3"]: _facts(row) for row in rows if split_of(row["ISO"]["alpha3"]) == split}
    names = {row["ISO"]["alpha3"]: row["name"] for row in rows}
    return [_example(code, fact, known, names) for code in known for fact in known[code]]


def _facts(row: Mapping[str, Any]) -> dict[str, str]:
    """The facts of a country that its file knows, as texts."""

    def first(key: str) -> Any:
        return next(iter(row.get(key) or ()), None)

    code = first("callingCodes")
    found = {
        "capital": row.get("capital"),
        "subregion": row.get("subregion"),
        "population": row.get("population"),
        "area": row.get("area"),
        "currency": first("currencies"),
        "demonym": row.get("demonym"),
        "domain": first("tld"),
        "calling code": code and f"+{code}",
    }
    texts = {fact: f"{value:.0f}" if isinstance(value, float) else str(value).strip() for fact, value in found.items() if value}
    return {fact: text for fact, text in texts.items() if text and fact in FACTS}


def _example(code: str, fact: str, known: Mapping[str, Mapping[str, str]], names: Mapping[str, str]) -> Example:
    """The question for one fact; another country, told with the same fact where it has it, stands beside to be mixed up."""
    draw = Draw(f"countryinfo/{code}/{fact}")
    others = [each for each in known if each != code and fact in known[each]] or [each for each in known if each != code]
    other = draw.pick(others)
    told: list[str] = []
    for country in (code, other):
        mine = known[country]
        shown = [fact] * (fact in mine) + draw.some([each for each in mine if each != fact], _TOLD - 1)
        told += [draw.text(FACTS[each][0], {"name": names[country], "value": mine[each]}) for each in shown]
    answer = known[code][fact]
    question = draw.text(FACTS[fact][1], {"name": names[code], "value": ""})
    meta = {"question": question, "answer": answer, "facts": (answer,), "fact": fact, "country": names[code], "beside": names[other]}
    return Example(f"{code}:{fact.replace(' ', '-')}", " ".join(draw.some(told, len(told))), (answer,), meta)


SET = NamedSet(
    tasks=("TextQA-v0",),
    load=load,
    package="countryinfo",
    licence="MIT",
    source="country facts of the package countryinfo",
    max_prompt_tokens=232,
)
