"""The word list of the sentiment reward: words of feeling, degree words and negations, English and Chinese, written for this package."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BARRIERS", "DEGREES", "NEGATIONS", "VALENCES"]

# Words that are more often used without feeling are left out on purpose: like, well, kind, mean, fast, cheap, cold, long, hard.
_STRONGLY_POSITIVE = """
    adore adorable amaze amazing awesome beautiful best blissful breathtaking brilliant captivating dazzling delicious delight
    delightful ecstatic euphoric excellent exceptional exhilarating exquisite extraordinary fabulous fantastic flawless glorious
    gorgeous heavenly incredible inspirational irresistible love magical magnificent marvellous marvelous masterful masterpiece
    miraculous outstanding overjoyed perfect perfection phenomenal priceless remarkable sensational spectacular splendid stellar
    stunning sublime superb superior terrific thrilled thrilling treasure triumph unforgettable unbeatable unmatched wonderful
    wow 太棒了 棒极了 好极了 完美 卓越 杰出 精彩 出色 优秀 极好 绝佳 惊艳 热爱 美妙 奇妙 辉煌 非凡 一流 无与伦比 令人惊叹 超赞
    最好 最佳 欣喜若狂 绝妙
"""
_POSITIVE = """
    admire admirable appealing appreciate attractive benefit beneficial bravo calming celebrate charming cheer cheerful clever
    comfort comfortable commend compassion confident congratulate congratulations convenient courage courageous creative cute
    dependable deserving eager easygoing effective efficient elegant encourage encouraging endearing energetic engaging enjoy
    enjoyable enjoyment enthusiasm enthusiastic excite exciting favorite favourite friendly fun funny generous genius gentle
    glad good goodness graceful gracious grateful gratitude great handsome happiness happy harmony healthy helpful honest honor
    honour hopeful hospitable impress impressive inspire inspiring joy joyful laugh lively lovely loyal lucky lush merry neat
    nice optimistic passionate peaceful pleasant pleased pleasing pleasure polite popular positive praise praiseworthy proud
    prosper prosperous quality radiant recommend refreshing relaxing reliable relief relieved respectful reward rewarding
    romantic satisfaction satisfied satisfy satisfying sincere skilled skilful skillful smart smile smooth soothing succeed
    success successful sweet talented tasty thank thankful thoughtful thrive trustworthy uplifting valuable vibrant victory
    warmhearted welcome welcoming win winner wise won worthwhile worthy yummy 好 喜欢 高兴 开心 快乐 愉快 幸福 满意 漂亮 美丽
    美好 可爱 友好 友善 热情 温馨 舒适 舒服 感谢 感激 感动 赞 赞扬 称赞 表扬 推荐 值得 成功 胜利 希望 乐观 积极 聪明 善良 真诚
    贴心 周到 方便 实惠 美味 好吃 好看 好听 好用 有趣 有用 不错 可靠 放心 安心 自豪 骄傲 欢迎 祝贺 恭喜 支持 欣赏 享受 喜悦 欢乐
    精致 优雅 优质 健康 和谐 爱 棒 帅 温暖 给力 顺利 进步 良好
"""
_MILDLY_POSITIVE = """
    acceptable adequate better agreeable capable clean decent fair fine fresh handy improve improved improvement interesting
    mild okay ok passable promising reasonable safe solid suitable tidy tolerable useful 还行 还可以 可以接受 尚可 合适 合理
    干净 过得去 有意思 改善 还不错
"""
_MILDLY_NEGATIVE = """
    average bland boring confusing costly doubtful drab dull expensive flawed forgettable inconvenient lacking lacklustre
    lackluster mediocre messy noisy odd outdated overpriced predictable slow stale strange tedious tired unclear uneven
    uninspired unsure 一般 平庸 普通 无聊 乏味 枯燥 单调 过时 混乱 偏贵 吵闹 不足 勉强
"""
_NEGATIVE = """
    worse abuse accuse aggressive ailing alarming anger angry annoy annoying anxious arrogant ashamed bad bitter blame bleak bother
    broken bully careless cheat clumsy complain complaint corrupt cowardly crisis criticize criticise crude cry damage danger dangerous
    dead death deceive defeat defective deficient dejected depressing deprived despair dirty disagree disappoint disappointed
    disappointing disappointment dishonest dislike dismal displeased disrespectful distress disturbing dreary embarrass embarrassing
    enemy fail failure fake faulty fear foolish fraud frustrate frustrated frustrating frustration gloomy greedy grief grim grumpy guilt
    guilty harm harmful harsh helpless hopeless hostile hurt ignorant ill immoral impolite inadequate incompetent inferior insult
    insulting irritate irritated irritating jealous lame lazy lie liar lonely lose loser loss lousy mad misleading mistake mistreat moan
    nasty negative neglect nervous nuisance offend offensive pain painful pathetic pessimistic poor problem problematic regret reject
    resent rotten rude ruin sad sadness scam scared scary selfish shabby shame shameful shoddy sick sloppy smelly sorrow sorry spoil
    stink stressful stupid suffer sulky suspicious tasteless tense threat threaten tragic trouble troublesome ugly unacceptable
    unappealing uncomfortable unfair unfortunate unfriendly unhappy unhelpful unhealthy unimpressive unjust unkind unpleasant
    unprofessional unreliable unsafe unsatisfactory unsatisfied unsuccessful untrustworthy unwelcome upset useless vain victim violence
    violent vulgar waste weak weird worry worried worrying worthless wrong 坏 差 差劲 讨厌 难过 伤心 悲伤 悲哀 痛苦 生气 愤怒 气愤 失望
    失败 糟 糟糕 难看 难吃 难听 难用 丑 丑陋 脏 臭 骗 骗子 欺骗 虚假 危险 恐惧 害怕 担心 担忧 焦虑 烦 烦人 烦躁 麻烦 抱怨 投诉 批评 指责
    错误 缺陷 缺点 损失 伤害 破坏 冷漠 粗鲁 无礼 自私 愚蠢 笨 懒 孤独 遗憾 后悔 可惜 悲观 消极 浪费 坑 劣质 没用 无用 不满 不爽 不幸
    不良 慢吞吞 冷淡 敷衍 郁闷 沮丧 恶心 暴力 死亡 危机
"""
_STRONGLY_NEGATIVE = """
    abominable abysmal agony appalling atrocious awful catastrophe catastrophic cruel despicable despise detest devastating disaster
    disastrous disgrace disgraceful disgust disgusting dreadful evil excruciating filthy ghastly gruesome hate hatred hateful
    heartbreaking hellish hideous horrendous horrible horrid horrific horror horrify intolerable loathe loathsome miserable misery
    monstrous murder nightmare nightmarish obnoxious repugnant repulsive revolting ridiculous sickening terrible terrify terrifying
    torture toxic tragedy unbearable unforgivable vicious vile wicked worst wretched 可怕 恐怖 极差 最差 差极了 糟透了 烂透了 垃圾 恶劣
    憎恨 仇恨 痛恨 灾难 噩梦 绝望 残忍 残酷 可恶 无耻 卑鄙 邪恶 惨不忍睹 极其糟糕 令人作呕 悲惨 崩溃
"""

VALENCES: Mapping[str, float] = {
    word: valence
    for words, valence in (
        (_STRONGLY_POSITIVE, 1.0),
        (_POSITIVE, 0.7),
        (_MILDLY_POSITIVE, 0.5),
        (_MILDLY_NEGATIVE, -0.4),
        (_NEGATIVE, -0.7),
        (_STRONGLY_NEGATIVE, -1.0),
    )
    for word in words.split()
}
"""Word of feeling -> how positive, -1 to 1."""

DEGREES: Mapping[str, float] = {
    word: factor
    for words, factor in (
        ("very really truly extremely so absolutely completely totally utterly incredibly deeply highly remarkably especially", 1.4),
        ("particularly exceptionally super thoroughly too most immensely insanely terribly awfully", 1.4),
        ("非常 十分 极其 极 特别 很 太 超 超级 真 相当 尤其 格外 异常 无比 实在 极为 万分 最 真是 真的 更 更加", 1.4),
        ("pretty quite rather fairly more 比较 挺 蛮 颇 较", 1.1),
        ("slightly somewhat mildly partly little bit barely marginally less almost 有点 有些 稍微 略 略微 稍 一点", 0.5),
    )
    for word in words.split()
}
"""Degree word -> what it multiplies the next word of feeling by."""

NEGATIONS = frozenset(
    """
    not no never none nobody nothing neither nor without hardly scarcely cannot cant dont doesnt didnt isnt wasnt wont wouldnt aint lack
    不 没 没有 不是 并非 并不 从不 从未 毫不 毫无 绝不 未 未必 无 别 不太 不够 不怎么 算不上 谈不上 不会 不能 不再
    """.split()
)
"""Words that turn the next word of feeling around."""

BARRIERS = frozenset(". only but however although though yet because while 但 但是 可是 不过 然而 虽然 尽管 因为 不仅 不但 不只".split())
"""Words over which no degree word and no negation reaches."""
