"""Words of the field: what is noise in a question, and what customers say for what shops write."""

# Noise for retrieval; question words are read separately, by `answer_kinds.py`.
_NOISE = """
    a about actually after again ago all already also always am an and another any anybody anyone
    anything are as ask at back be because been before being both but by bye came can cannot cant
    could dear did didn do does doesn doing don done each either else ever every everything exactly
    few fine for from further get gets getting give given go goes going gonna good got great had has
    hasn have haven having he hello help her here hey hi him his hope how however i if in into is
    isn it its itself just kind know let ll long lot make makes many may maybe me might mine more
    most much must my myself need needed needs nice no nor not now of off ok okay on one ones only
    onto or other others our ours out over own per please possible put question re really right s
    same saw say says see shall she should show since so some somebody someone something sorry still
    stuff such sure t take takes tell than thank thanks that thats the their them then there these
    they thing things this those through thx till to too u under until up us use used using ve very
    via want wanted wants was wasn way we well went were weren what whats when where wheres whether
    which while who whom whose why will wish with within without won wont would wouldn yes yet you
    your yours
"""
STOP_WORDS = frozenset(_NOISE.split())

_NOT = r"(?:never|not|nothing|didn'?t|hasn'?t|haven'?t)"
_ARRIVE = (
    r"(?:get|got|receiv\w*|show(?:ed|n)? up|arriv\w*|come|came|here|turn(?:ed)? up|deliver\w*)"
)
_BACK = r"(?:send|sent|sending|give|giving|bring|bringing|take|taking|hand)(?: \w+){0,3} back"
_UP = r"(?:pick|picked|picking)[ -]?(?:(?:it|them|this) )?up|pickup"
_GOODS = r"(?:gear|clothes|clothing|things|stuff|tents?|jackets?)"

# Said in several words, or in one word that stands for several; replaced, in this order, before
# the text is cut into words.
PHRASES: tuple[tuple[str, str], ...] = (
    (r"(?:money|cash) back|reimburse\w*", "refund"),
    (r"my money", "my refund"),
    (r"(?:forg[eo]t|forgotten|lost) (?:my |the )?password", "reset password"),
    (_BACK, "return"),
    (r"call(?:ed|ing)? (?:it )?off", "cancel"),
    (r"(?:\w+[ -])?(?:days?|weeks?|months?|years?)(?: ago|[ -]old)", ""),
    (rf"{_NOT}(?: yet| been)? {_ARRIVE}", "notarrived"),
    (r"(?:not|(?:does|is|wo|did)n'?t) (?:be )?(?:work\w*|accept\w*|go(?:ne)? through)", "refused"),
    (r"(?:credit|debit) cards?", "card"),
    (r"old (?=tent|jacket|backpack|gear|clothes|boots)", "used "),
    (rf"{_UP}|click (?:and|&) collect", "collect"),
    (r"(?:log|logged|logging|sign|signed|signing)[ -]?(?:in|on)|login|logon", "signin"),
    (r"(?:sign|signed|signing)[ -]?up|register\w*", "create account"),
    (r"(?:promo|promotion|promotional|coupon|voucher) ?codes?|coupons?", "discount code"),
    (r"gift ?cards?|e-?gift(?: ?cards?)?|vouchers?", "giftcard"),
    (r"p\.?\s?o\.? ?box(?:es)?", "pobox"),
    (r"e-mails?|emails?", "email"),
    (rf"(?:used|second[ -]hand|pre-?owned) {_GOODS}", "usedgear"),
    (r"two[ -]step|two[ -]factor|2fa", "twostep"),
    (r"sold out|out of stock|unavailable", "soldout"),
    (r"(?:opening|business|open|store|shop) (?:hours|times?)|are you open", "openinghours"),
    (r"where(?:'?s| is| are) my (?:order|parcel|package|stuff|things|delivery)", "track order"),
    (r"where (?:are you|is your (?:store|shop))(?: located)?", "fernhill store"),
    (r"get in touch", "contact"),
    (r"loyalty program(?:me)?|bonus program(?:me)?|membership", "club loyalty"),
    (r"iphone|apple watch", "apple"),
    (r"t-?shirts?", "shirt"),
)

# One line, one meaning; its first word stands for all of them. Read through the stemmer.
_MEANINGS = """
    parcel package shipment packet
    deliver delivery ship shipping shipped postage dispatch send sent
    refund refundable
    return returnable
    cancel cancellation abort revoke
    exchange swap
    cost price fee costs pricing expensive
    cheap cheaper lower
    pay payment paid
    discount promo promotion rebate
    damage damaged broken broke break crushed smashed cracked
    fault faulty defect defective
    lost missing disappeared vanished lose
    stolen steal stole theft
    refuse refused decline declined reject rejected fail failed
    phone telephone call
    loyalty rewards reward
    gift present
    rent rental borrow lease
    color colour
    buy bought purchase
    repair mend fix
    invoice receipt bill
    delete remove erase
    furniture sofa couch
    business company corporate firm
    child children kid kids
    shop store
    customs duty duties
    abroad international overseas country countries
    track tracking trace
    installment instalment
    change update modify edit correct
    unsubscribe opt-out
    christmas xmas holiday
    age old older
    worn wear wore
    wash clean laundry
    choose pick
    buyer client customer
    subscription subscribe refill
    bulk wholesale
    dog dogs pet pets
    leak leaking
    express asap urgent urgently fast faster fastest quick quickly
    size small smaller big bigger larger tight
"""
SYNONYMS = tuple(tuple(line.split()) for line in _MEANINGS.strip().splitlines())
