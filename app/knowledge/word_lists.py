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
# The same as it is typed.
_TYPED_NOISE = """
    im ive id ill youre youve theyre isnt arent wasnt werent dont doesnt didnt hasnt havent hadnt
    couldnt shouldnt wouldnt hows whos heres theres thatll ur r wut wat hwo hw smth sth pls plz lol
    omg btw thnx ty um uh hmm huh gonna wanna gotta lemme dunno kinda yo rid
    moment
"""
STOP_WORDS = frozenset(_NOISE.split()) | frozenset(_TYPED_NOISE.split())

# What people say around a question. Where articles use such a word it counts like any other; where
# they do not, it tells little about what was asked.
_TALK = """
    guy guys folks mate dude bro buddy sir madam miss mister
    husband wife son daughter brother sister mom mum mother dad father parents grandma grandpa
    grandmother grandfather girlfriend boyfriend partner friend uncle aunt niece nephew cousin
    neighbor neighbour roommate boss baby boy girl man woman lady somebody
    angry annoyed upset mad sad happy unhappy disappointed hate hates love loves like likes hope
    awful terrible horrible hideous ugly bad worse worst better best stupid ridiculous damn damned
    bloody crazy weird strange funny pretty quite totally completely absolutely simply literally
    think thought believe guess suppose supposed assume wonder wondering figure realize remember
    forgot forget heard hear read look looking looked seem seems happen happens happened try tried
    trying found keep keeps kept leave left live lives move moved went gone start started stop
    turn turned turns call calls talk speak ask asked asking let lets bother mind care deal
    manage managed took taken brought put puts pull pulled push hit hits give gives walk walked
    today tonight tomorrow yesterday morning evening afternoon night ages while soon later
    finally suddenly recently lately yet anymore still already almost nearly halfway
    monday tuesday wednesday thursday friday saturday sunday monday mondays fridays weekend
    somewhere anywhere everywhere somehow somewhat across around near
    bit couple few several whole half double single extra rather instead
    party trip vacation wedding home house kitchen drawer
    idea way ways problem issue question situation matter case point fact
    buck bucks dollar dollars money thousand hundred grand
    cutoff deadline latest previous current first second third last next
    alabama arizona arkansas california colorado connecticut florida georgia illinois indiana iowa
    kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri
    nebraska nevada ohio oklahoma pennsylvania tennessee texas utah vermont virginia wisconsin
    wyoming
"""
TALK = frozenset(_TALK.split())

_NOT = r"(?:never|not|nothing|didn'?t|hasn'?t|haven'?t)"
_ARRIVE = (
    r"(?:get|got|receiv\w*|show(?:ed|n)? up|arriv\w*|come|came|here|turn(?:ed)? up|deliver\w*)"
)
_DO_NOT = r"(?:do|does)(?: not|n'?t)"
_BACK = r"(?:send|sent|sending|give|giving|bring|bringing|take|taking|hand)(?: \w+){0,3} back"
_UP = r"(?:pick|picked|picking)[ -]?(?:(?:it|them|this) )?up|pickup"
_GOODS = r"(?:gear|clothes|clothing|things|stuff|tents?|jackets?)"

# Said in several words, or in one word that stands for several; replaced, in this order, before
# the text is cut into words.
PHRASES: tuple[tuple[str, str], ...] = (
    (r"too (?:tight|small|big|large|short|long|wide|narrow|loose)", "exchange size"),
    (r"(?:does|do|did)(?: not|n'?t) fit", "exchange size"),
    (r"need (?:an? )?(?:size )?(?:small|medium|large|xl|xxl)", "need size"),
    (r"(?:in )?between (?:\w+ and \w+|(?:two )?sizes)", "between sizes"),
    (r"(?:what|which|your|ur|the) (?:store |shop )?(?:hours|hrs)|hrs", "openinghours"),
    (r"(?:says?|shows?|marked|status)(?: (?:it was|it is|as|is))? delivered", "markeddelivered"),
    (r"(?:ha[sd]|have|is|are)(?: not|n'?t) (?:moved|moving|updat\w+|changed)|stuck", "notmoved"),
    (r"takes? to (?:get|come|arrive|reach)(?: here| to)?", "delivery"),
    (r"(?:do|must|would|will) (?:i|we) (?:still |have to |need to |also )*pay(?: for)?", "cost"),
    (r"(?:anything|something|money|\d+ ?%|percent) off", "discount"),
    (r"(?:let me know|notify me|heads[- ]up|tell me) when", "tellmewhen"),
    (r"(?:left|remaining) on (?=(?:this|the|my|an?) (?:gift|card|voucher))", "balance "),
    (r"(?:beat|match|do|give (?:me|us)) (?:a |the |their |that )?(?:same )?price", "price match"),
    (r"(?:bucks|dollars) (?:less|cheaper|lower)", "lower price"),
    (r"put(?:ting)? (?:the|this|that|my) (\w+) together", r"assemble \1"),
    (r"put(?:ting)? (?:them|both|these|the two) together", "merge"),
    (r"logins", "accounts"),
    (r"nothing (?:is )?(?:here|there|at my (?:door|house|place))", "notarrived"),
    (r"add (?:an?|some|another|one more)(?: pair of| set of)?", "add item"),
    (
        r"(?:do|does)(?: not|n'?t) want (?:her|him|them|anyone) to (?:know|notice|find out)",
        "telling",
    ),
    (r"(?<!you )(?:gave|bought) me", "gift"),
    (r"on a schedule|every month|recurring|auto[- ]?ship", "regular"),
    (
        r"(?:turn|make) (?:it|them|this) into (?:money|cash)|sell (?:you )?(?:my|it|them)",
        "trade-in",
    ),
    (r"(?:last|first|family) name|surname", "name"),
    (r"chewed(?: through| up)?|bitten", "damage by animals"),
    (r"(?:leave|put) (?:the|my|our) car|park(?:ing)?(?: lot| space| garage)?", "parking"),
    (r"(?:tell|show) (?:everyone|everybody|people|others)", "review"),
    (r"(?:store|have|know|keep|hold|save)s? (?:about|on) me", "personal data"),
    (r"chang(?:e|ed|ing) (?:my|your|our) minds?|undo|revert", "changemind"),
    (r"head ?(?:lamp|torch|light)s?|lanterns?|torch(?:es)?|flashlights?", "lamp"),
    (r"(?:camp(?:ing)? )?(?:cooker|burner)s?", "stove"),
    (r"gas (?:can|cylinder|bottle|cartridge|tank)s?|propane", "gas canister"),
    (r"puff(?:y|er)(?: jackets?)?", "down jacket"),
    (r"amex", "american express"),
    (r"anchorage|fairbanks|juneau", "alaska"),
    (r"honolulu|maui|oahu", "hawaii"),
    (r"toronto|vancouver|montreal|ottawa|calgary|quebec|ontario", "canada"),
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
    discount promo promotion rebate deal
    damage damaged broken broke break crushed smashed cracked
    fault faulty defect defective
    lost missing disappeared vanished lose
    stolen steal stole theft thief robbed
    refuse refused decline declined reject rejected fail failed
    phone telephone call
    loyalty loyal rewards reward
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
    abroad international overseas country countries europe england uk britain
    track tracking trace
    installment instalment
    change update modify edit correct
    unsubscribe opt-out
    christmas xmas holiday
    age old older
    worn wear wore
    wash clean laundry dirty muddy stink stinks smelly
    choose pick
    buyer client customer
    subscription subscribe refill
    bulk wholesale
    dog dogs pet pets puppy mutt cat animal animals
    leak leaking
    military army navy soldier troops
    cryptocurrency crypto bitcoin ethereum
    carrier ups fedex usps dhl courier
    marketplace ebay amazon etsy
    wide broad
    knife knives
    boot hiker
    shoe sneaker trainer
    resole sole soles
    jacket coat parka anorak
    certificate paperwork document
    collect fetch
    review rating feedback opinion
    data info information
    logo emblem
    november nov
    december dec
    january jan
    february feb
    assemble assembly
    express asap urgent urgently fast faster fastest quick quickly
    size small smaller big bigger larger tight
"""
SYNONYMS = tuple(tuple(line.split()) for line in _MEANINGS.strip().splitlines())
