"""Customer-service conversations of the builtin world: a record that the clerk can see, a customer, and what to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tokengym.envs.base import Turn
from tokengym.envs.draw import Draw
from tokengym.envs.names import Names

__all__ = ["DESKS", "Conversation", "Desk", "Intent", "conversation"]

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True)
class Intent:
    """What a customer can want: how it is asked, which slots a good answer names, and good answers (templates)."""

    ask: tuple[str, ...]
    facts: tuple[str, ...]
    reply: tuple[str, ...]


@dataclass(frozen=True)
class Desk:
    """One kind of service. ``record`` is what the clerk sees; it holds two items, of which the customer means the first."""

    name: str
    slots: Callable[[Draw, Names], Mapping[str, str]]
    record: tuple[str, str]
    opening: tuple[str, ...]
    intents: tuple[Intent, ...]
    wrong: Mapping[str, str]


@dataclass(frozen=True)
class Conversation:
    """A record, the turns so far (the customer's last), and what the answer must name.

    Attributes:
        record: the knowledge snippet, in sentences.
        turns: (role, text), the customer is "user", the clerk "assistant"; ends with the customer's question.
        replies: good answers.
        vague: polite answers that say nothing.
        mixed: an answer with a detail of the other item.
        facts: the values that a good answer names.
        follow: a later exchange in which the customer repeats the facts, for unlabelled text.
    """

    desk: str
    record: str
    turns: tuple[Turn, ...]
    replies: tuple[str, ...]
    vague: str
    mixed: str
    facts: tuple[str, ...]
    follow: tuple[Turn, ...]
    draw: Draw


def _post(draw: Draw, names: Names) -> Mapping[str, str]:
    item, item2 = draw.some(
        "desk lamp|winter coat|coffee grinder|guitar|tent|blender|chess set|backpack|telescope|rug|mirror|keyboard".split("|"), 2
    )
    day, day2 = draw.some(_DAYS, 2)
    return {
        "item": item, "item2": item2, "day": day, "day2": day2, "place": names.place(), "place2": names.place(), "firm": names.firm(),
        "firm2": names.firm(), "code": str(draw.number(1000, 9999)), "code2": str(draw.number(1000, 9999)),
    }  # fmt: skip


def _travel(draw: Draw, names: Names) -> Mapping[str, str]:
    hour, hour2 = draw.some([f"{h}:{m}" for h in range(6, 23) for m in ("05", "15", "20", "35", "40", "50")], 2)
    gate, gate2 = draw.some([str(n) for n in range(1, 30)], 2)
    return {
        "item": (place := names.place()), "place": place, "item2": (place2 := names.place()), "place2": place2, "hour": hour, "hour2": hour2,
        "gate": gate, "gate2": gate2, "price": str(draw.number(12, 95)), "price2": str(draw.number(12, 95)),
    }  # fmt: skip


def _clinic(draw: Draw, names: Names) -> Mapping[str, str]:
    item, item2 = draw.some("eye test|blood test|dental check|vaccination|X-ray|hearing test|skin check".split("|"), 2)
    day, day2 = draw.some(_DAYS, 2)
    room, room2 = draw.some([str(n) for n in range(1, 60)], 2)
    return {
        "item": item, "item2": item2, "day": day, "day2": day2, "room": room, "room2": room2, "person": names.person(), "person2": names.person(),
    }  # fmt: skip


def _hotel(draw: Draw, names: Names) -> Mapping[str, str]:
    item, item2 = draw.some("single room|double room|family room|suite|garden room|tower room".split("|"), 2)
    day, day2 = draw.some(_DAYS, 2)
    price, price2 = draw.some([str(n) for n in range(45, 290, 5)], 2)
    return {
        "item": item, "item2": item2, "day": day, "day2": day2, "price": price, "price2": price2, "place": names.place(), "place2": names.place(),
        "nights": draw.pick(("two", "three", "four", "five", "six")), "nights2": draw.pick(("two", "three", "four", "five", "six")),
    }  # fmt: skip


def _repair(draw: Draw, names: Names) -> Mapping[str, str]:
    item, item2 = draw.some("laptop|camera|bicycle|washing machine|phone|printer|violin|watch".split("|"), 2)
    fault, fault2 = draw.some(
        "a broken hinge|a worn belt|a dead battery|a loose cable|a cracked frame|a rusty screw|a burnt fuse".split("|"), 2
    )
    price, price2 = draw.some([str(n) for n in range(15, 190)], 2)
    day, day2 = draw.some(_DAYS, 2)
    return {
        "item": item, "item2": item2, "fault": fault, "fault2": fault2, "price": price, "price2": price2, "day": day, "day2": day2,
        "person": names.person(), "person2": names.person(),
    }  # fmt: skip


DESKS: tuple[Desk, ...] = (
    Desk(
        "post", _post,
        ("Order {code}: {item}, sent with {firm}, arrives on {day} in {place}.", "Order {code2}: {item2}, sent with {firm2}, arrives on {day2} in {place2}."),
        ("[Hi|Hello|Good morning], I am waiting for a parcel.", "[Hello|Hi], I have a question about my orders."),
        (
            Intent(
                ("[When|On which day] and where can I [pick up|collect] the {item}?", "[Where do I get|Where can I find] the {item}, and when?"),
                ("item", "day", "place"),
                ("Your {item} will arrive on {day} in {place}.", "You can pick up the {item} on {day} in {place}."),
            ),
            Intent(
                ("Who [brings|delivers] the {item}, and what is the order number?", "Which company [has|carries] the {item}? I also lost the order number."),
                ("firm", "code", "item"),
                ("The {item} has order number {code} and is delivered by {firm}.", "{firm} delivers the {item}, order number {code}."),
            ),
        ),
        {"day": "day2", "place": "place2", "firm": "firm2", "code": "code2"},
    ),
    Desk(
        "travel", _travel,
        ("The train to {place} leaves at {hour} from platform {gate} and costs {price} euros.", "The train to {place2} leaves at {hour2} from platform {gate2} and costs {price2} euros."),
        ("[Hi|Hello], I want to take a train.", "[Good evening|Hello], can you help me with the timetable?"),
        (
            Intent(
                ("When does the train to {place} leave, and from [where|which platform]?", "I need to go to {place}. Which platform, and at what time?"),
                ("place", "hour", "gate"),
                ("The train to {place} leaves at {hour} from platform {gate}.", "At {hour}, your train to {place} leaves from platform {gate}."),
            ),
            Intent(
                ("What does [a ticket|the train] to {place} cost, and when does it leave?", "How much is the trip to {place}, and at what time does it start?"),
                ("place", "price", "hour"),
                ("The train to {place} at {hour} costs {price} euros.", "It costs {price} euros to {place}, and the train leaves at {hour}."),
            ),
        ),
        {"hour": "hour2", "gate": "gate2", "price": "price2"},
    ),
    Desk(
        "clinic", _clinic,
        ("{item}: {day} with Dr. {person}, room {room}.", "{item2}: {day2} with Dr. {person2}, room {room2}."),
        ("[Hello|Hi], I have two appointments with you.", "[Good morning|Hello], I have forgotten my appointments."),
        (
            Intent(
                ("When is my {item}, and [in which room|where do I go]?", "I need the day and the room of my {item}, please."),
                ("item", "day", "room"),
                ("Your {item} is on {day} in room {room}.", "Please come to room {room} on {day} for your {item}."),
            ),
            Intent(
                ("Who does the {item}, and when?", "Which doctor [will do|does] my {item}, and on which day?"),
                ("item", "person", "day"),
                ("Your {item} is on {day} with Dr. {person}.", "Dr. {person} does your {item} on {day}."),
            ),
        ),
        {"day": "day2", "room": "room2", "person": "person2"},
    ),
    Desk(
        "hotel", _hotel,
        ("A {item} in {place} from {day} for {nights} nights costs {price} euros.", "A {item2} in {place2} from {day2} for {nights2} nights costs {price2} euros."),
        ("[Hello|Hi], I am planning a short holiday.", "[Good afternoon|Hello], I am looking for a place to stay."),
        (
            Intent(
                ("How much is the {item}, and for how [long|many nights]?", "What do I pay for the {item}, and how many nights is that?"),
                ("item", "price", "nights"),
                ("The {item} costs {price} euros for {nights} nights.", "For {nights} nights, the {item} costs {price} euros."),
            ),
            Intent(
                ("Where is the {item}, and from when [is it free|can I have it]?", "In which town is the {item}, and from which day?"),
                ("item", "place", "day"),
                ("The {item} in {place} is free from {day}.", "From {day}, you can have the {item} in {place}."),
            ),
        ),
        {"price": "price2", "nights": "nights2", "place": "place2", "day": "day2"},
    ),
    Desk(
        "repair", _repair,
        ("{item}: {fault}, ready on {day}, {price} euros, done by {person}.", "{item2}: {fault2}, ready on {day2}, {price2} euros, done by {person2}."),
        ("[Hi|Hello], I brought you two things last week.", "[Good morning|Hello], I want to ask about my repairs."),
        (
            Intent(
                ("When is the {item} [ready|done], and what does it cost?", "How much is the {item}, and when can I have it?"),
                ("item", "day", "price"),
                ("Your {item} will be ready on {day} and costs {price} euros.", "The {item} costs {price} euros and is ready on {day}."),
            ),
            Intent(
                ("What was wrong with the {item}, and who repairs it?", "Why did the {item} fail, and who works on it?"),
                ("item", "fault", "person"),
                ("Your {item} had {fault} and is repaired by {person}.", "{person} repairs your {item}, which had {fault}."),
            ),
        ),
        {"day": "day2", "price": "price2", "fault": "fault2", "person": "person2"},
    ),
)  # fmt: skip

_GREETING = ("[Good day|Hello|Welcome]! How can I help you?", "[Of course|Gladly]. What [would you like to|do you want to] know?")
_VAGUE = (
    "Thank you for your [message|question|patience]. We will look into it.",
    "Thank you for your [message|question|patience]. A colleague will [write to|call] you [soon|shortly].",
)


def conversation(split: str, key: str) -> Conversation:
    """The conversation with this key. Same arguments, same conversation.

    Args:
        split: whose names are used: "train", "validation" or "test".
        key: any text; "dialogue/17".
    """
    draw = Draw(f"service/{split}/{key}")
    desk = draw.pick(DESKS)
    slots = desk.slots(draw, Names(draw, split))
    lines = [draw.text(template, slots) for template in desk.record]
    record = " ".join(draw.some(lines, len(lines)))
    intent, later = draw.some(desk.intents, 2)
    opening = draw.text(draw.pick(desk.opening), slots)
    greeting = draw.text(draw.pick(_GREETING), slots)
    question = draw.text(draw.pick(intent.ask), slots)
    turns = (Turn("user", opening), Turn("assistant", greeting), Turn("user", question))
    replies = tuple(draw.text(template, slots) for template in draw.some(intent.reply, len(intent.reply)))
    fact = draw.pick([name for name in intent.facts if name in desk.wrong])
    mixed = draw.text(draw.pick(intent.reply), {**slots, fact: slots[desk.wrong[fact]]})
    answer = draw.text(draw.pick(later.reply), slots)
    follow = (
        Turn("user", draw.text(draw.pick(later.ask), slots)),
        Turn("assistant", answer),
        Turn("user", draw.text("[Thank you|Thanks], [goodbye|have a nice day]!", {})),
    )
    facts = tuple(slots[name] for name in intent.facts)
    return Conversation(desk.name, record, turns, replies, draw.text(draw.pick(_VAGUE), {}), mixed, facts, follow, draw)
