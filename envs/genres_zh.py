"""Chinese news of the builtin world: four genres, in the same tables as the English ones."""

from __future__ import annotations

from collections.abc import Mapping

from tokengym.envs.draw import Draw
from tokengym.envs.genre import Genre, Question
from tokengym.envs.names import Names

__all__ = ["CHINESE"]

_DAYS = "星期一 星期二 星期三 星期四 星期五 星期六 星期日".split()
_MONTHS = "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月".split()


def _disaster(draw: Draw, names: Names) -> Mapping[str, str]:
    kind, cause, other = draw.pick(
        (
            ("洪水", "大坝决口", "排水管堵塞"),
            ("洪水", "连日暴雨", "海水倒灌"),
            ("火灾", "电线老化", "有人乱扔烟头"),
            ("火灾", "雷击", "炉火无人看管"),
            ("山体滑坡", "持续降雨", "违规采石"),
            ("停电", "电缆过载", "大树倒下"),
        )
    )
    hurt, oldhurt = draw.two(3, 89)
    return {
        "kind": kind, "cause": cause, "other": other, "place": names.zh_place(), "near": names.zh_place(), "hurt": hurt, "oldhurt": oldhurt,
        "moved": str(draw.number(10, 95) * 10), "person": names.zh_person(), "day": draw.pick(_DAYS), "year": str(draw.number(1971, 2019)),
    }  # fmt: skip


def _business(draw: Draw, names: Names) -> Mapping[str, str]:
    jobs, oldjobs = draw.two(12, 98)
    return {
        "firm": names.zh_firm(), "rival": names.zh_firm(), "place": names.zh_place(), "near": names.zh_place(), "person": names.zh_person(),
        "jobs": jobs + "0", "oldjobs": oldjobs + "0", "money": str(draw.number(2, 90)),
        "what": draw.pick("电池厂|数据中心|造纸厂|自行车厂|面包厂|呼叫中心|玻璃厂|鞋厂|实验室|芯片厂|仓库".split("|")),
    }  # fmt: skip


def _sport(draw: Draw, names: Names) -> Mapping[str, str]:
    high, low = draw.number(2, 6), draw.number(0, 1)
    return {
        "team": f"{names.zh_place()}队", "rival": f"{names.zh_place()}队", "score": f"{high}比{low}", "oldscore": f"{high - 1}比{low + 1}",
        "person": names.zh_person(), "coach": names.zh_person(), "crowd": str(draw.number(11, 480) * 100), "day": draw.pick(_DAYS),
    }  # fmt: skip


def _council(draw: Draw, names: Names) -> Mapping[str, str]:
    cost, oldcost = draw.two(2, 95)
    month, late = draw.some(_MONTHS, 2)
    return {
        "place": names.zh_place(), "near": names.zh_place(), "mayor": names.zh_person(), "critic": names.zh_person(), "cost": cost,
        "oldcost": oldcost, "month": month, "late": late,
        "what": draw.pick("游泳馆|图书馆|防洪堤|汽车站|公园|小学|音乐厅|消防站|大桥|电车线".split("|")),
    }  # fmt: skip


CHINESE: tuple[Genre, ...] = (
    Genre(
        name="disaster",
        slots=_disaster,
        facts=("kind", "place", "hurt", "cause"),
        leads=(
            "{day},{place}发生{kind},[救援人员彻夜工作|居民受到惊吓]。",
            "[居民们还没有从惊吓中恢复|很多家庭正在清理]:{place}{day}发生了{kind}。",
        ),
        body=(
            ("[医院|警方]说,有{hurt}人受伤。", "至少有{hurt}人受伤。"),
            ("[专家|调查人员]认为原因是{cause}。", "据[警方|消防部门]说,{kind}由{cause}引起。"),
            ("大约{moved}人离开了家。", "{moved}名居民被转移到安全的地方。"),
        ),
        extra=(
            "{year}年,{near}的{kind}使{oldhurt}人受伤。",
            "起初有人以为是{other},后来被否认。",
            "“我从没见过这样的事,”住在附近的{person}说。",
        ),
        recap=("上周,由{cause}引起的{kind}使{place}的{hurt}人受伤。", "在{place},生活正在恢复,{cause}引起的{kind}曾使{hurt}人受伤。"),
        summary=("{place}因{cause}发生{kind},{hurt}人受伤。", "{cause}引起的{kind}使{place}{hurt}人受伤。"),
        vague=("发生了{kind},有人受伤。",),
        wrong={"hurt": "oldhurt", "cause": "other", "place": "near"},
        questions=(
            Question("{place}有多少人受伤?", "hurt", "oldhurt", "报道说有{hurt}人受伤。"),
            Question("{place}发生{kind}的原因是什么?", "cause", "other", "报道说原因是{cause}。"),
            Question("{day}的{kind}发生在哪里?", "place", "near", "报道说发生在{place}。"),
        ),
    ),
    Genre(
        name="business",
        slots=_business,
        facts=("firm", "what", "place", "jobs"),
        leads=("[好消息|喜讯]:{place}将有新的{what}。", "{firm}[业绩很好|计划扩大生产]。"),
        body=(
            ("{firm}将在{place}建一座{what}。", "一座新的{what}将由{firm}建在{place}。"),
            ("这将带来{jobs}个工作岗位。", "将有{jobs}人在那里找到工作。"),
            ("公司将投资{money}亿元。", "负责人{person}说,项目投资{money}亿元。"),
        ),
        extra=(
            "去年{rival}在{near}裁掉了{oldjobs}个岗位。",
            "{near}也想得到这个项目,但没有成功。",
            "“今天对我们很重要,”公司负责人{person}说。",
        ),
        recap=("{firm}在{place}的{what}已经开工,将雇用{jobs}人。", "很多人申请了{firm}在{place}的{what}的{jobs}个岗位。"),
        summary=("{firm}将在{place}建{what},提供{jobs}个岗位。", "{firm}在{place}的{what}将带来{jobs}个岗位。"),
        vague=("一家公司将招聘新员工。",),
        wrong={"jobs": "oldjobs", "firm": "rival", "place": "near"},
        questions=(
            Question("{what}将带来多少个岗位?", "jobs", "oldjobs", "报道说将带来{jobs}个岗位。"),
            Question("哪家公司将建{what}?", "firm", "rival", "报道说是{firm}。"),
            Question("{what}将建在哪里?", "place", "near", "报道说将建在{place}。"),
        ),
    ),
    Genre(
        name="sport",
        slots=_sport,
        facts=("team", "rival", "score", "person"),
        leads=("{day},{team}的球迷[非常高兴|欢呼庆祝]。", "对{rival}来说,{day}是[难过|失望]的一天。"),
        body=(
            ("{team}以{score}战胜{rival}。", "{rival}以{score}的比分负于{team}。"),
            ("{person}打进了[制胜|关键]的一球。", "[制胜|关键]球由{person}打进。"),
            ("{crowd}名观众观看了比赛。", "现场有{crowd}名观众。"),
        ),
        extra=("两队上次的比分是{oldscore}。", "“我们踢得不好,”教练{coach}说。", "{coach}[罚丢了点球|被罚下场]。"),
        recap=("上周,{person}的进球帮助{team}以{score}战胜{rival}。", "凭借{person}的进球以{score}战胜{rival}的{team},{day}再次出场。"),
        summary=("{team}以{score}战胜{rival},{person}打进制胜球。", "{person}打进制胜球,{team}以{score}战胜{rival}。"),
        vague=("主队赢得了比赛。",),
        wrong={"score": "oldscore", "person": "coach"},
        questions=(
            Question("谁打进了制胜球?", "person", "coach", "制胜球由{person}打进。"),
            Question("比赛的比分是多少?", "score", "oldscore", "报道说比分是{score}。"),
            Question("哪支球队赢了?", "team", "rival", "报道说{team}赢了。"),
        ),
    ),
    Genre(
        name="council",
        slots=_council,
        facts=("place", "what", "cost", "month"),
        leads=("经过[长时间讨论|多年争论],{place}终于[作出决定|投票]。", "[决定了|消息公布了]:{place}将有自己的{what}。"),
        body=(
            ("修建{what}的计划获得通过。", "多数人支持修建{what}。"),
            ("造价是{cost}亿元。", "市长{mayor}说,费用为{cost}亿元。"),
            ("工程将在{month}开始。", "{month}将正式动工。"),
        ),
        extra=("{near}的同类项目花了{oldcost}亿元。", "{critic}说这是浪费,希望推迟到{late}。", "“这将改变我们的城市,”市长{mayor}说。"),
        recap=("{place}一切准备就绪,造价{cost}亿元的{what}将在{month}动工。", "{place}造价{cost}亿元的{what}{month}开工。"),
        summary=("{place}将在{month}开始修建造价{cost}亿元的{what}。", "造价{cost}亿元的{what}将于{month}在{place}动工。"),
        vague=("讨论之后作出了决定。",),
        wrong={"cost": "oldcost", "month": "late", "place": "near"},
        questions=(
            Question("{what}的造价是多少亿元?", "cost", "oldcost", "报道说造价是{cost}亿元。"),
            Question("{what}什么时候动工?", "month", "late", "报道说{month}动工。"),
            Question("{place}的市长是谁?", "mayor", "critic", "报道说市长是{mayor}。"),
        ),
    ),
)
