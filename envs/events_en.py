"""What happens in the English news of the builtin world: for each genre the facts of one event, and what could be mistaken for them."""

from __future__ import annotations

from collections.abc import Mapping

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names

__all__ = ["business", "council", "crime", "culture", "disaster", "rail", "science", "sport"]

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()


def disaster(draw: Draw, names: Names) -> Mapping[str, str]:
    kind, cause, other = draw.pick(
        (
            ("flood", "a broken dam", "blocked drains"),
            ("flood", "three days of rain", "a high tide"),
            ("fire", "a faulty heater", "an unattended stove"),
            ("fire", "a lightning strike", "a careless smoker"),
            ("landslide", "heavy rain", "an old quarry"),
            ("gas leak", "a cracked pipe", "a broken valve"),
            ("power cut", "an overloaded cable", "a fallen tree"),
            ("blast", "a leaking tank", "a welding spark"),
        )
    )
    hurt, oldhurt = draw.two(3, 89)
    return {
        "kind": kind,
        "cause": cause,
        "other": other,
        "place": names.place(),
        "near": names.place(),
        "hurt": hurt,
        "oldhurt": oldhurt,
        "moved": str(draw.number(10, 95) * 10),
        "person": names.person(),
        "day": draw.pick(_DAYS),
        "year": str(draw.number(1971, 2019)),
    }


def business(draw: Draw, names: Names) -> Mapping[str, str]:
    jobs, oldjobs = draw.two(12, 98)
    return {
        "firm": names.firm(),
        "rival": names.firm(),
        "place": names.place(),
        "near": names.place(),
        "person": names.person(),
        "jobs": jobs + "0",
        "oldjobs": oldjobs + "0",
        "money": str(draw.number(4, 400)),
        "month": draw.pick(_MONTHS),
        "what": draw.pick(
            "battery plant|data center|paper mill|bicycle factory|solar farm|bakery|call center|glass works|shoe factory|research lab|chip plant|warehouse".split(
                "|"
            )
        ),
    }


def sport(draw: Draw, names: Names) -> Mapping[str, str]:
    nick, nick2 = draw.some("Rovers United Athletic Rangers City Wanderers Albion Stars Lions Eagles Bears Sharks".split(), 2)
    high, low = draw.number(2, 6), draw.number(0, 1)
    return {
        "team": f"{names.place()} {nick}",
        "rival": f"{names.place()} {nick2}",
        "score": f"{high}-{low}",
        "oldscore": f"{high - 1}-{low + 1}",
        "person": names.person(),
        "coach": names.person(),
        "crowd": str(draw.number(11, 480) * 100),
        "minute": str(draw.number(2, 89)),
        "day": draw.pick(_DAYS),
    }


def council(draw: Draw, names: Names) -> Mapping[str, str]:
    yes, no = draw.number(8, 15), draw.number(1, 7)
    cost, oldcost = draw.two(2, 95)
    month, late = draw.some(_MONTHS, 2)
    return {
        "place": names.place(),
        "near": names.place(),
        "mayor": names.person(),
        "critic": names.person(),
        "vote": f"{yes} to {no}",
        "cost": cost,
        "oldcost": oldcost,
        "month": month,
        "late": late,
        "what": draw.pick(
            "tram line|swimming pool|public library|flood wall|bus station|city park|primary school|car-free market|concert hall|bridge repair|fire station|skate park".split(
                "|"
            )
        ),
    }


def science(draw: Draw, names: Names) -> Mapping[str, str]:
    cut, oldcut = draw.two(7, 68)
    habit, habit2 = draw.some(
        "short naps|cold baths|daily walks|green tea|slow breathing|playing chess|morning light|folk dancing|fewer screens|oat bran|choir singing|garden work".split(
            "|"
        ),
        2,
    )
    return {
        "place": names.place(),
        "near": names.place(),
        "person": names.person(),
        "doubter": names.person(),
        "habit": habit,
        "habit2": habit2,
        "cut": cut,
        "oldcut": oldcut,
        "sample": str(draw.number(12, 940) * 10),
        "what": draw.pick(
            "back pain|stress|memory loss|headaches|high blood pressure|poor sleep|asthma attacks|joint pain|low mood|hay fever".split("|")
        ),
    }


def culture(draw: Draw, names: Names) -> Mapping[str, str]:
    guests, oldguests = draw.two(15, 96)
    day, day2 = draw.some(_DAYS, 2)
    return {
        "place": names.place(),
        "near": names.place(),
        "firm": names.firm(),
        "person": names.person(),
        "star": names.person(),
        "day": day,
        "day2": day2,
        "guests": guests + "00",
        "oldguests": oldguests + "00",
        "what": draw.pick(
            "jazz festival|book fair|film festival|kite festival|poetry week|food fair|light show|puppet festival|photo exhibition|dance festival|comic fair|flower show".split(
                "|"
            )
        ),
    }


def crime(draw: Draw, names: Names) -> Mapping[str, str]:
    worth, oldworth = draw.two(11, 96)
    count, oldcount = draw.some(("two", "three", "four", "five", "six", "seven"), 2)
    return {
        "place": names.place(),
        "near": names.place(),
        "person": names.person(),
        "owner": names.person(),
        "worth": worth + "000",
        "oldworth": oldworth + "000",
        "count": count,
        "oldcount": oldcount,
        "day": draw.pick(_DAYS),
        "what": draw.pick(
            "paintings|racing bikes|silver coins|violins|rare stamps|laptops|gold watches|vintage wines|old maps|copper cables|diamonds|carpets".split(
                "|"
            )
        ),
        "site": draw.pick("museum|warehouse|gallery|train depot|private house|jewelry shop|university|harbor office".split("|")),
    }


def rail(draw: Draw, names: Names) -> Mapping[str, str]:
    fast = draw.number(12, 55)
    month, late = draw.some(_MONTHS, 2)
    return {
        "place": names.place(),
        "end": names.place(),
        "near": names.place(),
        "firm": names.firm(),
        "person": names.person(),
        "fast": str(fast),
        "slow": str(fast + draw.number(10, 40)),
        "length": str(draw.number(14, 160)),
        "month": month,
        "late": late,
        "cost": str(draw.number(20, 900)),
        "what": draw.pick("railway|ferry route|tunnel|motorway|bus line|cable car".split("|")),
    }
