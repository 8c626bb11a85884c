"""How an answer is put to somebody: who tells of a mishap, or wants a deed, is answered so; pure.

In English. The words around a quote promise nothing and state nothing but what the bot cannot do.
"""

import re
from enum import StrEnum

from app.answers.patterns import any_of
from app.answers.splitting import asks, without_lead
from app.knowledge.sentences import split_sentences


class Manner(StrEnum):
    """What somebody who writes like this wants to hear first."""

    PLAIN = "plain"
    SORRY = "sorry"
    """Something went wrong for them."""
    DEED = "deed"
    """They want something done that the bot cannot do."""
    LOOK_UP = "look_up"
    """They want to know of their own order, which the bot cannot see."""


_NOT = r"(?:never|not|no|nothing|\w+n['’]?t|still)"
_MISHAP = any_of(rf"""
    broken?|broke|breaks|damaged|defective|faulty|cracked|snapped|ripped|torn|tore|holes?|smashed
    crushed|bent|dented|scratched|stained|melted|burst|leak(?:s|ed|ing)?|stuck|ruined|dirty|moldy
    wrong|missing|incomplete|lost|stolen|late|delayed|overdue|declined|refused|rejected|locked out
    {_NOT} (?:\w+ ){{0,2}}(?:arriv\w*|come|came|receiv\w*|got|get|deliver\w*|work\w*|fit|turn\w*)
    {_NOT} (?:\w+ ){{0,2}}(?:ship\w*|moved?|updat\w*|show\w*|refunded|answer\w*|repl(?:y|ied)|have)
    still (?:no|nothing|waiting)|nobody|no one
    disappoint\w*|unhappy|angry|upset|frustrat\w*|annoy\w*|terrible|awful|horrible|unacceptable
    ridiculous|furious|fed up|sick of|not (?:happy|satisfied|good enough)|poor quality
    (?:been )?waiting (?:for )?(?:\w+ ){{0,3}}(?:days?|weeks?|months?|hours?)
    too (?:small|big|large|tight|short|long|wide|narrow|loose|late|heavy|expensive)
    threw|thrown|dumped|careless|rude|problems? with|trouble with|issues? with
    died|fell (?:off|apart)|came (?:off|apart)|stopped working|(?:does|did|is)(?: not|n['’]?t) \w+
    (?:stove|zipper|pole|seam|sole|strap|buckle) (?:is|has|came) \w+
""")
_CONDITION = re.compile(r"(?:if|in case|what if|suppose)\b", re.IGNORECASE)
_DO = (
    r"(?:cancel|change|refund|return|exchange|replace|send|resend|ship|charge|update|delete|remove|"
    r"add|check|look|find|track|book|reserve|order|fix|repair|unlock|reset|apply|correct|stop)"
)
_MINE = r"(?:me )?(?:my|this|that|it|the|order|up|into)"
_DEED = any_of(rf"""
    ^(?:can|could|will|would) (?:you|someone|somebody) (?:please |just |kindly )*{_DO} {_MINE}
    ^(?:please |just |kindly )*{_DO} (?:me )?my
    ^i (?:want|need|would like|['’]?d like) you to {_DO}
""")
_LOOK_UP = any_of(r"""
    where(?:['’]?s| is| are) my (?:\w+ )?(?:order|parcel|package|delivery|refund|return|stuff|money)
    (?:status|whereabouts) of (?:my|the|this)? ?(?:\w+ )?(?:order|parcel|package|refund|return)
    (?:my|order) (?:\w+ )?status
    when will my (?:order|parcel|package|delivery|refund) (?:\w+ )*(?:come|arrive|ship|be)
""")
_STATUS = re.compile(
    r"\b(?:what(?:['’]?s| is) )?(?:the )?status of (?:my |the |this )?(?=order|parcel|package)\w+",
    re.IGNORECASE,
)
_ORDER_NUMBER = re.compile(
    r"\b(?:order |parcel |number |no\.? ?|nr\.? ?|#)*(?:#\s?\d{3,}|[A-Za-z]{1,4}-?\d{5,}|"
    r"(?<=order )\d{3,}|(?<=number )\d{3,})\b",
    re.IGNORECASE,
)


def manner_of(text: str) -> Manner:
    """Of an English message."""
    said = [without_lead(one) for one in split_sentences(text)]
    if any(_DEED.search(one) for one in said):
        return Manner.DEED
    if has_order_number(text) or any(_LOOK_UP.search(one) for one in said):
        return Manner.LOOK_UP
    told = [one for one in said if not asks(one) and not _CONDITION.match(one)]
    return Manner.SORRY if any(_MISHAP.search(one) for one in told) else Manner.PLAIN


def has_order_number(text: str) -> bool:
    """Whether one order is meant."""
    return _ORDER_NUMBER.search(text) is not None


def without_order_number(text: str) -> str:
    """What an article may answer: none knows one order, nor what has become of it."""
    text = _STATUS.sub("where is my order", text)
    if not has_order_number(text):
        return text
    said = split_sentences(text)
    kept = [one for one in said if asks(one) or not has_order_number(one)] or said
    return " ".join(_ORDER_NUMBER.sub("order", " ".join(kept)).split())
