"""Chinese sentences of the builtin world in which every name, date, time, sum and number has its type."""

from __future__ import annotations

from collections.abc import Mapping

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names

__all__ = ["PLAIN", "TEMPLATES", "slots"]

_DAYS = "星期一 星期二 星期三 星期四 星期五 星期六 星期日".split()
_SPOTS = "大桥 火车站 公园 广场 机场 码头 博物馆 森林".split()
_WORDS = "三 四 五 六 七 八 九 十二 二十 三十 五十 六十 三百 八百 两千".split()


def _organization(draw: Draw, names: Names) -> str:
    kind = draw.number(0, 4)
    if kind == 0:
        return f"{names.zh_place()}{draw.pick(('大学', '医院', '日报', '中学'))}"
    return f"{names.zh_place()}队" if kind == 1 else names.zh_firm()


def slots(draw: Draw, names: Names) -> Mapping[str, tuple[str, str]]:
    """Slot to (surface, type), for one sentence."""
    year, month, day = draw.number(1921, 2024), draw.number(1, 12), draw.number(1, 28)
    amount, low, clock = draw.number(2, 950), draw.number(2, 989), draw.number(1, 11)
    return {
        "person": (names.zh_person(), "PERSON"),
        "person2": (names.zh_person(), "PERSON"),
        "place": (names.zh_place(), "PLACE"),
        "place2": (names.zh_place(), "PLACE"),
        "spot": (names.zh_place() + draw.pick(_SPOTS), "PLACE"),
        "org": (_organization(draw, names), "ORG"),
        "org2": (_organization(draw, names), "ORG"),
        "club": (names.zh_place(), "ORG"),  # a team by its town's name
        "club2": (names.zh_place(), "ORG"),
        "day": (draw.pick((draw.pick(_DAYS), draw.pick(_DAYS), f"{month}月{day}日", f"{year}年{month}月{day}日")), "DATE"),
        "year": (draw.pick((f"{year}年", f"{year}年", f"{year}年{month}月")), "DATE"),
        "time": (
            draw.pick((f"{clock}:{draw.number(10, 59)}", f"{draw.pick(('上午', '晚上'))}{clock}点", draw.pick(("中午", "半夜")))),
            "TIME",
        ),
        "money": (draw.pick((f"{amount}元", f"{amount}万元", f"{amount}亿元", f"{amount}美元")), "MONEY"),
        "number": (draw.pick((str(low), str(low), f"{low}万", draw.pick(_WORDS))), "NUMBER"),
    }


# No digit and no number in characters may stand outside of a slot.
TEMPLATES = (
    "{person}[于|在]{year}[离开|回到|搬到]{place}。",
    "{org}的{person}{time}[会见|拜访|联系]了{person2}。",
    "{org}花{money}[买下|订购|租用]{number}[辆汽车|台机器|套房子]。",
    "{day},{number}人从{place}[走到|骑车去]{place2}。",
    "[警方|医生|记者]说,{place}有{number}人[受伤|失踪|获救]。",
    "[市长|局长|队长]{person}{day}[参观|检查|访问]了{spot}。",
    "从{place}到{place2}的[列车|轮船|汽车]{time}[出发|到达]。",
    "{org}[计划|打算|决定]在{place}[裁员|招聘]{number}人。",
    "{year},{org}的[利润|收入|损失]是{money}。",
    "{club}{day}[战胜|负于|战平]{club2}。",
    "{club}在{number}名球迷面前[战胜|负于]{club2}。",
    "{person}{year}[加入|离开]{org},现在[任职于|负责]{org2}。",
    "{person}[教授|医生|老师]{year}起在{org}工作。",
    "[房子|油画|农场]以{money}卖给了{person}。",
    "据{org}[报道|透露],{person}将在{year}[辞职|退休]。",
    "{day}{time},{person}[到达|离开|经过]{spot}。",
    "[某位|有位]来自{place}的[老师|护士|工人][丢了|捡到|捐出]{money}。",
    "{number}名[学生|游客|工人]跟着{person}去了{spot}。",
    "{person}用{money}[创办|救活]了{org}。",
    "{spot}的[维修|改建]将在{year}[开始|结束]。",
    "[律师|司机|邻居]{person}{day}在{place}[出生|结婚|去世]。",
    "{person}和{person2}在{place}有{number}家[商店|旅馆]。",
    "{person}的[音乐会|案子]{time}[开始|结束]。",
    "法官{person}对{org}罚款{money}。",
    "{org}和{org2}在{place}[签了合同|谈判|合用办公室]。",
    "到{time}为止,{org}收到{number}封[来信|投诉]。",
    "{org}[聘请|解雇|提拔]了{person}。",
    "通往{place}的[公路|隧道]造价{money},{person}说。",
    "{club}花{money}签下{person}。",
    "我{time}在{spot}[见到|遇到|拍到]{person}。",
    "“{year}以来什么都没变,”{place}的{person}说。",
    "{place}附近的[大火|洪水|暴风]毁坏了{number}座房子。",
    "{day}是{place}的[集市|节日]。",
    "{org}丢失了{money}。",
    "[大雪|大雾|罢工]使去{place}的{number}个航班{day}停飞。",
    "没有{org},{place}就[没有学校|不会富裕]。",
)
PLAIN = (
    "老面包师|疲倦的护士|我们的邻居|隔壁的孩子|新来的老师|生气的司机|看门人|年轻的农民|最后的客人|卖花的姑娘",
    "忘了|找到了|修好了|拿走了|弄丢了|藏起了|洗了|想要|弄坏了|扔掉了",
    "红雨伞|木椅子|重箱子|旧收音机|坏台灯|脏靴子|厨房的钟|蓝自行车|那篮苹果|花园的门",
    ",在雨里。|,在午饭后。|,没说话。|,在谷仓后面。|,为了朋友。|,在风暴前。|,很匆忙。|,很小心。|,在家里。|,像平时那样。",
)
