"""English sentences of the builtin world in which every name, date, time, sum and number has its type."""

from __future__ import annotations

from collections.abc import Mapping

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names

__all__ = ["PLAIN", "TEMPLATES", "slots"]

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_SPOTS = "Bridge Station Street Park Harbor Square Airport Castle Forest".split()
_TEAMS = "United Rovers Athletic Rangers Wanderers Albion".split()
_WORDS = "three four five six seven eight nine eleven twelve twenty thirty forty fifty sixty ninety".split()
_TIMES = ("noon", "midnight", "half past eight", "quarter to nine", "half past six", "quarter past ten")


def _organization(draw: Draw, names: Names) -> str:
    kind = draw.number(0, 6)
    if kind == 0:
        return f"the |University of {names.place()}"
    if kind == 1:
        return f"{names.place()} {draw.pick(('Council', 'Hospital', 'Herald', 'Courier'))}"
    if kind == 2:
        return f"{names.place()} {draw.pick(_TEAMS)}"
    if kind == 3:
        return f"{names.family()} & {names.family()}"
    return names.firm()


def _spot(draw: Draw, names: Names) -> str:
    return f"{draw.pick(('Lake', 'Mount'))} {names.place()}" if draw.chance(0.25) else f"{names.place()} {draw.pick(_SPOTS)}"


def _money(draw: Draw) -> str:
    amount, unit = draw.number(2, 950), draw.pick(("euros", "dollars", "pounds"))
    large = f"{draw.number(2, 60)},{amount + 40:03} {unit}"
    return draw.pick((f"${amount}", f"${amount} million", f"{amount} {unit}", f"{amount} million {unit}", large))


def slots(draw: Draw, names: Names) -> Mapping[str, tuple[str, str]]:
    """Slot to (surface, type), for one sentence; what stands before a bar is no part of the name."""
    person, month = names.person(), draw.pick(_MONTHS)
    year, day = draw.number(1921, 2024), draw.number(1, 28)
    low, clock = draw.number(2, 989), draw.number(1, 12)
    return {
        "person": (person, "PERSON"),
        "person2": (names.person(), "PERSON"),
        "family": (person.split()[-1], "PERSON"),  # so that a second sentence can come back to the person of the first
        "place": (names.place(), "PLACE"),
        "place2": (names.place(), "PLACE"),
        "spot": (_spot(draw, names), "PLACE"),
        "org": (_organization(draw, names), "ORG"),
        "org2": (_organization(draw, names), "ORG"),
        "short": (names.family(), "ORG"),  # a company by its founder's name
        "club": (names.place(), "ORG"),  # a team by its town's name
        "club2": (names.place(), "ORG"),
        "day": (draw.pick((draw.pick(_DAYS), draw.pick(_DAYS), f"{day} {month}", f"{month} {day}", f"{day} {month} {year}")), "DATE"),
        "year": (draw.pick((str(year), str(year), month, f"{month} {year}")), "DATE"),
        "time": (draw.pick((f"{clock}:{draw.number(10, 59)}", f"{clock} {draw.pick(('am', 'pm'))}", draw.pick(_TIMES))), "TIME"),
        "money": (_money(draw), "MONEY"),
        "number": (draw.pick((str(low), str(low), f"{draw.number(1, 80)},{low:03}", draw.pick(_WORDS))), "NUMBER"),
    }


# No digit, no number in words and, but for titles, no capital may stand outside of a slot.
TEMPLATES = (
    "{person} [left|moved to|returned to|grew up in|was last seen in] {place} in {year}.",
    "{person} of {org} [met|called|wrote to] {person2} at {time}.",
    "{org} [sold|bought|ordered] {number} [buses|houses|machines|computers] for {money}.",
    "On {day}, {number} people [walked|cycled|ran] from {place} to {place2}.",
    "[Police in|Officials in|Doctors in|Reporters in] {place} said that {number} people were [injured|missing|safe].",
    "[Mayor|Senator|Captain] {family} [opened|closed|visited|inspected] {spot} on {day}.",
    "The [train|bus|ferry] from {place} to {place2} [leaves|arrives] at {time}.",
    "{short} [will cut|plans to cut|has cut|is creating] {number} jobs in {place}.",
    "[Shares of|Profits of|Sales at] {short} [fell|rose] by {money} in {year}.",
    "{club} [beat|defeated|lost to] {club2} in front of {number} fans on {day}.",
    "{club} [beat|lost to] {club2} by {number} [goals|points].",
    "{family}, who [joined|left|advised] {org} in {year}, now [works for|runs|owns] {org2}.",
    "[Dr.|Professor] {family} has [taught|lectured|worked] at {org} since {year}.",
    "The [house|painting|farm|ship] was [sold|given] to {person}, who paid {money}.",
    "[According to|As reported by] {org}, {person} will [stay|leave|resign] in {year}.",
    "At {time} on {day}, {person} [reached|left|crossed] {spot}.",
    "A [man|woman|teacher|nurse] from {place} [found|lost|won|gave away] {money}.",
    "{number} [pupils|guests|workers|tourists] [came|went] to {spot} [with|without] {person}.",
    "It was {person} who [founded|sold|saved] {org} with {money}.",
    "[Work on|The repair of] {spot} [begins|ends] in {year}.",
    "[My neighbor|The lawyer|The driver|A farmer], {person}, [was born|got married|died] on {day} in {place}.",
    "{person} and {person2} [own|run|manage] {number} [shops|hotels|farms] in {place}.",
    "Between {place} and {place2}, {number} [trees|poles|signs] fell on {day}.",
    "The [trial of|case against|concert of] {person} [began|ended] at {time}.",
    "Judge {family} fined {org} {money}.",
    "{org} and {org2} [signed a contract|are in talks|share an office] in {place}.",
    "[Ms.|Mr.|Dr.] {family} paid {money} for a [seat|flat|car|horse] in {place}.",
    "By {time}, {number} [calls|letters|complaints] had reached {org}.",
    "{short} [hired|dismissed|promoted] {person} as its [director|lawyer|engineer].",
    "The [bridge|road|tunnel] to {place} will cost {money}, [according to|said] {person}.",
    "{club} [signed|sold] {person} for {money}.",
    "I [met|saw|photographed] {family} at {spot} [at|around|before] {time}.",
    "{family} [says|claims|denies] that {short}, [the bank|the airline|the brewery|the insurer], [owes|lost|stole] {money}.",
    '"[We have waited since|Nothing has changed since] {year}," said {person} of {place}.',
    "[In|Near|Outside] {place}, a [storm|fire|flood] [destroyed|damaged] {number} [houses|barns|cars].",
    "{day} is [a holiday|market day] in {place}.",
    "[Few people|Nobody] in {place} knew that {family} [owned|had sold|was suing] {org}.",
    "{time} is too [early|late] for {person}.",
    "{money} [is missing|was found|was stolen] at {org}.",
    "Professor {family} has [written|published] {number} books since {year}.",
    "After {number} years, {org} is leaving {spot} for {place}.",
    "[Heavy rain|Fog|A strike|Snow] [delayed|stopped] {number} flights to {place} on {day}.",
    "Without {short} and its [factory|jobs|taxes], {place} would [be poor|have no school].",
    "[The bank|The airline|The brewery|The insurer] {short} [sued|praised|blamed] {family} in {year}.",
    "[The keys|The papers|The tickets] are with {person}, [not|never] with {org}.",
)
# Subjects, verbs, objects and circumstances of sentences without any entity.
PLAIN = (
    "The old baker|A tired nurse|Our neighbor|The children next door|A lost dog|The new teacher|An angry driver|The night guard"
    "|A young farmer|The last guest",
    "forgot|found|repaired|carried away|painted|dropped|hid|washed|wanted|broke",
    "the red umbrella|a wooden chair|the heavy suitcase|an old radio|the broken lamp|the muddy boots|the kitchen clock"
    "|the blue bicycle|a basket of apples|the garden gate",
    "in the rain.|after lunch.|without a word.|behind the barn.|for a friend.|before the storm.|in a hurry.|with great care."
    "|at home.|as usual.",
)
