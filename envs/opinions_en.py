"""How English reviews of the builtin world are written."""

from __future__ import annotations

from collections.abc import Mapping

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names
from tokengym.envs.review import Aspect, Reviews, Thing

__all__ = ["ENGLISH"]

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()


def _slots(draw: Draw, names: Names) -> Mapping[str, str]:
    return {
        "place": names.place(), "family": names.family(), "firm": names.firm(), "person": names.person(), "friend": names.person(),
        "day": draw.pick(_DAYS), "month": draw.pick(_MONTHS), "number": str(draw.number(4, 97)), "year": str(draw.number(1981, 2023)),
    }  # fmt: skip


_STAFF = Aspect("staff", "friendly|helpful|polite|quick", "rude|slow|grumpy|careless")

ENGLISH = Reviews(
    slots=_slots,
    things=(
        Thing(
            "stayed at the {family} Hotel in {place}",
            "stay there",
            (
                _STAFF,
                Aspect("room", "clean|quiet|spacious|cozy", "dirty|noisy|tiny|cold"),
                Aspect("bed", "comfortable|soft|wide", "hard|lumpy|broken"),
                Aspect("breakfast", "tasty|rich|fresh", "stale|meager|bland"),
                Aspect("price", "fair|modest", "outrageous|steep"),
            ),
        ),
        Thing(
            "[ate|had dinner|had lunch] at {family}'s in {place}",
            "eat there",
            (
                _STAFF,
                Aspect("food", "delicious|tasty|fresh", "bland|cold|greasy|awful"),
                Aspect("soup", "hot|creamy|excellent", "watery|salty|cold"),
                Aspect("wine", "excellent|lovely|smooth", "sour|warm|terrible"),
                Aspect("table", "clean|cozy", "dirty|wobbly|sticky"),
            ),
        ),
        Thing(
            "[bought|got] a phone by {firm}",
            "buy it",
            (
                Aspect("screen", "bright|sharp|brilliant", "dim|blurry|scratched"),
                Aspect("battery", "strong|reliable|durable", "weak|unreliable|poor"),
                Aspect("camera", "sharp|excellent|quick", "blurry|slow|useless"),
                Aspect("sound", "clear|rich|full", "tinny|muffled|hollow"),
                Aspect("case", "elegant|solid|light", "ugly|flimsy|clumsy"),
            ),
        ),
        Thing(
            "[saw|watched] the new film by {person}",
            "watch it",
            (
                Aspect("plot", "gripping|clever|exciting", "boring|dull|predictable"),
                Aspect("acting", "convincing|brilliant|natural", "wooden|stiff|terrible"),
                Aspect("music", "beautiful|moving|fitting", "annoying|loud|tedious"),
                Aspect("ending", "surprising|moving|perfect", "silly|flat|disappointing"),
                Aspect("humor", "fresh|witty|warm", "stale|cheap|tasteless"),
            ),
        ),
        Thing(
            "took the train from {place} with {firm}",
            "travel with them",
            (
                _STAFF,
                Aspect("train", "punctual|fast|clean", "late|slow|crowded"),
                Aspect("seat", "comfortable|soft|wide", "hard|narrow|torn"),
                Aspect("ticket", "cheap|fair", "overpriced|expensive"),
                Aspect("coffee", "strong|good|hot", "weak|bitter|cold"),
            ),
        ),
        Thing(
            "[installed|tried] the [app|software] of {firm}",
            "use it",
            (
                Aspect("menu", "clear|simple|tidy", "confusing|cluttered|messy"),
                Aspect("search", "quick|precise|useful", "slow|useless|faulty"),
                Aspect("support", "helpful|patient|quick", "unhelpful|impatient|slow"),
                Aspect("design", "elegant|modern|pleasant", "ugly|outdated|clumsy"),
                Aspect("manual", "clear|thorough|helpful", "confusing|sloppy|thin"),
            ),
        ),
        Thing(
            "[heard|went to] a concert of {person} in {place}",
            "go there",
            (
                Aspect("voice", "warm|pure|powerful", "thin|shrill|hoarse"),
                Aspect("band", "tight|lively|brilliant", "sloppy|tired|loud"),
                Aspect("sound", "clear|balanced|full", "muddy|muffled|tinny"),
                Aspect("crowd", "cheerful|friendly", "drunk|hostile"),
                Aspect("hall", "beautiful|cool|spacious", "stuffy|cramped|ugly"),
            ),
        ),
        Thing(
            "[took|finished] a language course with {person}",
            "book it",
            (
                Aspect("teacher", "patient|lively|inspiring", "impatient|boring|arrogant"),
                Aspect("textbook", "clear|useful|modern", "outdated|confusing|dull"),
                Aspect("pace", "pleasant|sensible|good", "hectic|sluggish|exhausting"),
                Aspect("classroom", "bright|quiet|spacious", "dark|noisy|cramped"),
                Aspect("homework", "useful|varied|fun", "pointless|endless|tedious"),
            ),
        ),
        Thing(
            "had my car repaired at {family} Garage in {place}",
            "go there",
            (
                _STAFF,
                Aspect("repair", "quick|careful|perfect", "botched|sloppy|slow"),
                Aspect("bill", "fair|correct|modest", "outrageous|wrong|steep"),
                Aspect("advice", "honest|sound|helpful", "dishonest|misleading|useless"),
                Aspect("waiting room", "clean|bright|cozy", "filthy|dark|stuffy"),
            ),
        ),
        Thing(
            "[visited|spent a day at] the {family} Museum in {place}",
            "go there",
            (
                Aspect("exhibition", "fascinating|rich|superb", "boring|meager|chaotic"),
                Aspect("guide", "knowledgeable|funny|patient", "clueless|rude|dull"),
                Aspect("garden", "lovely|peaceful|beautiful", "neglected|muddy|dreary"),
                Aspect("shop", "charming|cheap|interesting", "overpriced|shabby|tasteless"),
                Aspect("queue", "short|quick", "endless|chaotic"),
            ),
        ),
    ),
    intros=(
        "[On {day}|In {month}|Last week|A week ago|Yesterday], I {did}.",
        "[On {day}|In {month}|Last month|A year ago|Some days ago], I {did}.",
        "I {did} [on {day}|in {month}|last week|for the first time].",
    ),
    plain=("the {aspect} was [|really |very |rather |quite ]{word}", "I found the {aspect} [|really |very ]{word}"),
    negated=(
        "the {aspect} was [not|anything but|far from|by no means|not at all|hardly] {word}",
        "nobody [could|would] call the {aspect} {word}",
        "[it would be wrong|it is impossible] to call the {aspect} {word}",
    ),
    both=("{first}, and {second}.", "{first}; {second}.", "{first}, and what is more, {second}."),
    contrasts=(
        "{first}, but {second}.",
        "Although {first}, {second}.",
        "{first}. [However|Still|Then again], {second}.",
        "While {first}, {second}.",
        "{first}; on the other hand, {second}.",
    ),
    heard=(
        "{friend} had [told me|written] that the {aspect} was {said}. [That is wrong|Not true|I disagree]: it was {word}.",
        "I had [expected the {aspect} to be|heard that the {aspect} was] {said}, but it was {word}.",
        "[Other guests|Other people|Other reviews] call the {aspect} {said}. [I do not see why|They are wrong|Not so]: it was {word}.",
        "The {aspect} [used to be|was once] {said}, but this time it was {word}.",
    ),
    others={
        "positive": ("{friend} [loved|adored|praised] it.", "{friend} [was thrilled|was delighted|could not stop smiling]."),
        "negative": ("{friend} [hated|loathed] it.", "{friend} [was furious|was disappointed|complained all the way home]."),
    },
    verdicts={
        "positive": (
            "I would {again} again [any time|at once|tomorrow].",
            "I recommend it to [everybody|all my friends].",
            "[All in all|In the end|On the whole], it was worth [every cent|the money|it].",
            "[Five stars|Full marks|Top marks] from me.",
            "[All in all|In the end|On the whole], I [was happy|was glad|have nothing to complain about].",
            "I can hardly wait to {again} again.",
            "There is no reason not to {again} again.",
        ),
        "negative": (
            "I would never {again} again.",
            "I [cannot|would not] recommend it to [anybody|my friends].",
            "[All in all|In the end|On the whole], it was not worth [a cent|the money|it].",
            "[One star|No star|The lowest mark] from me.",
            "[All in all|In the end|On the whole], I [was unhappy|was sorry|have nothing to be glad about].",
            "I want my money back.",
            "[Nobody|None of us] will {again} again.",
        ),
        "neutral": (
            "[All in all|In the end|On the whole], it was neither good nor bad.",
            "It [does|did] its job, no more and no less.",
            "[Three stars|An average mark|A middling mark] from me.",
            "I may {again} again, or I may not.",
            "[All in all|In the end|On the whole], I have no strong opinion about it.",
            "It was as [average|ordinary] as can be.",
            "I can neither recommend it nor warn [anybody|my friends] of it.",
        ),
    },
    facts=(
        "I paid {number} euros.",
        "[My neighbor|My colleague|A friend], {friend}, [was with me|had told me about it|came along].",
        "The {aspect} was [as described|as in the pictures|the same as everywhere].",
        "[It was|That was] in {year}, [too|as far as I know|if I remember well].",
        "It was [a|some] {day} [morning|evening|afternoon], as far as I remember.",
        "It all took about {number} minutes.",
    ),
    joint=" ",
    stop=".",
)
