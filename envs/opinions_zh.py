"""How Chinese reviews of the builtin world are written."""

from __future__ import annotations

from collections.abc import Mapping

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names
from tokengym.envs.review import Aspect, Reviews, Thing

__all__ = ["CHINESE"]

_DAYS = "星期一 星期二 星期三 星期四 星期五 星期六 星期日".split()
_MONTHS = "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月".split()


def _slots(draw: Draw, names: Names) -> Mapping[str, str]:
    return {
        "place": names.zh_place(), "firm": names.zh_firm(), "person": names.zh_person(), "friend": names.zh_person(),
        "day": draw.pick(_DAYS), "month": draw.pick(_MONTHS), "number": str(draw.number(4, 97)), "year": str(draw.number(1981, 2023)),
    }  # fmt: skip


_STAFF = Aspect("服务", "热情|周到|及时", "冷淡|粗鲁|慢")

CHINESE = Reviews(
    slots=_slots,
    things=(
        Thing(
            "住了{place}的[酒店|宾馆]",
            "住",
            (
                _STAFF,
                Aspect("房间", "干净|安静|宽敞", "脏|吵闹|狭小"),
                Aspect("床", "舒服|软", "硬|窄"),
                Aspect("早餐", "丰富|新鲜|美味", "单调|难吃"),
            ),
        ),
        Thing(
            "去了{place}的一家[餐馆|饭店]",
            "去",
            (
                _STAFF,
                Aspect("菜", "好吃|新鲜|地道", "难吃|油腻|咸"),
                Aspect("汤", "鲜美|浓", "淡|凉"),
                Aspect("环境", "舒适|优雅|干净", "嘈杂|脏|简陋"),
            ),
        ),
        Thing(
            "买了{firm}的[手机|电脑]",
            "买",
            (
                Aspect("屏幕", "清晰|明亮", "模糊|暗"),
                Aspect("电池", "耐用|可靠", "不耐用|差"),
                Aspect("声音", "清楚|饱满", "刺耳|小"),
                Aspect("外形", "精致|轻巧", "笨重|难看"),
            ),
        ),
        Thing(
            "看了{person}的新电影",
            "看",
            (
                Aspect("情节", "精彩|感人|有趣", "无聊|拖沓|老套"),
                Aspect("演技", "自然|出色", "生硬|差劲"),
                Aspect("音乐", "动听|优美", "吵|单调"),
                Aspect("结尾", "巧妙|感人", "牵强|草率"),
            ),
        ),
        Thing(
            "坐了去{place}的[火车|长途车]",
            "坐",
            (
                _STAFF,
                Aspect("座位", "舒服|宽敞", "窄|破旧"),
                Aspect("车厢", "干净|安静", "脏|拥挤"),
                Aspect("票价", "便宜|合理", "贵|离谱"),
            ),
        ),
        Thing(
            "听了{person}在{place}的音乐会",
            "听",
            (
                Aspect("歌声", "动人|纯净|有力", "沙哑|单薄"),
                Aspect("乐队", "默契|出色", "松散|差劲"),
                Aspect("音响", "清楚|饱满", "刺耳|模糊"),
                Aspect("场馆", "漂亮|凉快", "闷热|拥挤"),
            ),
        ),
        Thing(
            "上了{person}的[英语|书法|绘画]课",
            "上",
            (
                Aspect("老师", "耐心|幽默|认真", "急躁|傲慢|敷衍"),
                Aspect("教材", "清楚|实用", "过时|枯燥"),
                Aspect("节奏", "合适|轻松", "混乱|慢"),
                Aspect("教室", "明亮|安静", "昏暗|吵闹"),
            ),
        ),
        Thing(
            "用了{firm}的[软件|应用]",
            "用",
            (
                Aspect("界面", "简洁|美观|清楚", "混乱|难看|过时"),
                Aspect("搜索", "准确|快", "慢|没用"),
                Aspect("客服", "耐心|及时", "冷漠|敷衍"),
                Aspect("说明", "详细|清楚", "含糊|简略"),
            ),
        ),
    ),
    intros=(
        "[上周|上个月|{day}|{month}|几天前],我{did}。",
        "我[上周|去年|{day}|{month}|第一次]{did}。",
        "[昨天|前天|{month}|{day}]我和{friend}{did}。",
    ),
    plain=("{aspect}[很|非常|真的很|十分|相当]{word}", "我觉得{aspect}[很|非常|十分]{word}"),
    negated=("{aspect}[一点也不|并不|绝不|根本不]{word}", "[没有人会说|谁也不会说]{aspect}{word}", "{aspect}[算不上|谈不上]{word}"),
    both=("{first},{second}。", "{first},而且{second}。", "不但{first},而且{second}。"),
    contrasts=("{first},但是{second}。", "虽然{first},{second}。", "{first}。[不过|然而|可是],{second}。", "{first},另一方面,{second}。"),
    heard=(
        "{friend}说{aspect}很{said}。[其实不然|我不同意|并非如此]:{aspect}很{word}。",
        "[来之前|之前]听说{aspect}很{said},结果很{word}。",
        "[别人|网上]都说{aspect}{said},我[不明白为什么|不这么看]:{aspect}很{word}。",
    ),
    others={
        "positive": ("{friend}[非常喜欢|赞不绝口|高兴极了]。",),
        "negative": ("{friend}[非常生气|很失望|一路抱怨]。",),
    },
    verdicts={
        "positive": (
            "我[一定|肯定]还会再{again}。",
            "[总的来说|总之],[很值|没有白花钱|我很满意]。",
            "[向大家推荐|推荐给所有朋友]。",
            "给[五星|满分]。",
            "[真想|恨不得]明天就再{again}一次。",
        ),
        "negative": (
            "我[再也不会|绝不会再]{again}了。",
            "[总的来说|总之],[不值|白花了钱|我不满意]。",
            "[不向任何人推荐|没法推荐给朋友]。",
            "给[一星|零分]。",
            "[谁也不会|没有人愿意]再{again}一次。",
        ),
        "neutral": (
            "[总的来说|总之],[不好也不坏|一般|中规中矩]。",
            "再不再{again},[以后再说|都可以|我还没想好]。",
            "给[三星|一个中等的分数]。",
            "[总的来说|总之],我没有特别的看法。",
            "[说不上推荐|既不推荐],也[说不上反对|不反对]。",
        ),
    },
    facts=(
        "一共花了{number}元。",
        "[同事|邻居|朋友]{friend}[也在|陪着我|跟我说起过]。",
        "{aspect}和[图片上|介绍里|别处]一样。",
        "[前后|来回]用了{number}分钟。",
        "[记得|大概]那天是{day}。",
        "上一次还是{year}年的事。",
    ),
    joint="",
    stop="。",
)
