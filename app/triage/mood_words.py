"""Words that say how somebody feels or how much it hurries; English."""

# ruff: noqa: E501


def _worth(worth: float, words: str) -> dict[str, float]:
    return dict.fromkeys(words.split(), worth)


WORTH: dict[str, float] = {
    **_worth(
        3.0,
        """
        excellent amazing awesome fantastic perfect outstanding superb brilliant delighted wonderful
        love loved loves
        """,
    ),
    **_worth(
        1.9,
        """
        good great nice happy glad pleased helpful friendly kind thanks thank appreciate appreciated
        easy smooth enjoy enjoyed satisfied beautiful recommend impressed grateful quick fast fine
        """,
    ),
    **_worth(
        -1.6,
        """
        problem problems issue issues wrong late delay delayed missing error trouble unable fail
        failed fails failing stuck confusing confused slow sorry lost waiting concern concerned
        complaint complain refused unfortunately mistake incorrect poor sad expensive annoying
        """,
    ),
    **_worth(
        -2.4,
        """
        bad broken damaged defective faulty disappointed disappointing unhappy upset frustrated
        frustrating annoyed rude useless ignored unhelpful dissatisfied leaking cracked unreliable
        dirty cheated overcharged
        """,
    ),
    **_worth(
        -3.2,
        """
        terrible horrible awful worst unacceptable disgusting disgrace disgraceful furious angry
        outraged outrageous scam scammed fraud ridiculous pathetic hate hated rubbish garbage crap
        shit damn goddamn bloody nightmare liar liars lied stolen appalling
        """,
    ),
}
NEGATIONS = frozenset(
    [
        "not",
        "no",
        "never",
        "none",
        "nothing",
        "neither",
        "without",
        "hardly",
        "barely",
        "cannot",
        "cant",
        "dont",
        "isnt",
        "wasnt",
    ]
)
INTENSIFIERS = frozenset(
    [
        "very",
        "really",
        "so",
        "extremely",
        "absolutely",
        "totally",
        "completely",
        "incredibly",
        "truly",
        "utterly",
        "quite",
    ]
)

URGENT = r"""
    urgent(?:ly)?
    asap|a\.s\.a\.p
    as soon as possible
    immediate(?:ly)?|right (?:away|now)|at once
    emergency
    (?:system|site|website|shop|everything|service) (?:is |has been )?(?:completely )?(?:down|offline)
    locked out
"""
DEADLINES = r"""
    (?:by|before|until|needed|need (?:it|them|this)(?: by)?) (?:today|tonight|tomorrow|this (?:morning|afternoon|evening))
    (?:today|tomorrow) (?:is|at the latest)
    (?:leave|leaving|flight|wedding|funeral|trip|event|travel\w*) (?:is )?(?:today|tonight|tomorrow)
"""
REPEATED = r"""
    (?:second|third|fourth|fifth|2nd|3rd|4th|5th|nth|last|final) (?:time|mail|email|message|request|reminder)
    (?:asked|written|wrote|called|contacted|emailed|complained|reported) (?:\w+ ){0,3}(?:again|twice|before|already|several times|many times|three times)
    (?:still|yet) (?:no|not|nothing|haven['’]?t|hasn['’]?t|waiting|without)
    (?:no|without (?:any|an?)) (?:answer|reply|response)
    (?:for|over|more than|after) (?:\w+ )?(?:weeks|months|\d+ (?:days|weeks|months))
"""
MONEY_LOST = r"""
    (?:charged|paid|billed|debited) (?:me )?(?:twice|double|again|too much|the wrong)
    double.charged|overcharged
    money (?:is |has )?(?:gone|missing|not (?:arrived|returned))
    (?:want|need|demand|give me) my money back
"""
SOFT = r"""
    no (?:hurry|rush)
    (?:whenever|when) you (?:have|get|find) (?:the |a |some )?(?:time|chance|moment)
    just (?:wondering|curious|a (?:thought|suggestion|question))
    (?:suggestion|feature request|feedback|testimonial)s?
"""
