"""What the model must not say in its own words: one pattern a line, whole words, any case."""

from app.answers.patterns import any_of

NUMBER_WORDS = any_of(r"""
    two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twice|half|percent
    twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million
    dollars?|euros?|pounds?|cents?
""")

# What a company owes or does; a quoted fact says so, own words would invent it.
COMMITMENTS = any_of(r"""
    refund\w*|reimburs\w*|compensat\w*|discount\w*|vouchers?|coupons?|credits?|bonus\w*
    guarantee\w*|promis\w*|warrant\w*|free|liab\w+|legal\w*|medical\w*
    deliver\w*|ship|ships|shipped|shipping|shipment|arriv\w*|cancel\w*|replac\w*|exchang\w*
    charg\w*|pays?|paying|payments?
""")
_DOER = r"(?:i|we|they|someone|somebody|(?:a|the|our) (?:person|colleague|agent|team|manager))"
_WILL = r"(?:have|has|will|am going to|are going to|is going to|can|could|would)"
_DONE = (
    r"(?:sent|send|call\w*|e?-?mail\w*|book\w*|order\w*|check\w*|look\w*|transfer\w*|process\w*|"
    r"updat\w*|chang\w*|fix\w*|found|find|locat\w*|arrang\w*|schedul\w*|contact\w*|notif\w*|"
    r"forward\w*|escalat\w*|submit\w*|creat\w*|add\w*|remov\w*|mak\w*|made|set|get|got|do|done)"
)
DEEDS = any_of(rf"""
    {_DOER}(?: {_WILL}|['’](?:ve|ll|m going to|d))(?: (?:just|already|now|also|then|soon))* {_DONE}
    {_DOER} (?:just|already) {_DONE}
""")

# A yes, a no or a rule next to a quote could contradict it.
CLAIMS = any_of(r"""
    ^(?:yes|no|yeah|nope|absolutely|definitely|correct|exactly|unfortunately)
    you (?:can|may|must|need|have to|should|will|are able)
    we (?:do|don['’]t|offer|accept|have|provide|sell)
    it is|it['’]s|not|never|always|only|every|all|any time
    cannot|can['’]t|don['’]t|won['’]t|isn['’]t
    until|within|before|after|today|tomorrow|yesterday
    days?|weeks?|months?|years?|hours?|minutes?
""")
HARMLESS = any_of(r"""
    all right
    not at all
    feel free
    that is all
    if (?:this|that|it|something|anything) (?:does not|is not|does|is|doesn['’]t|isn['’]t) \w+
    if you (?:need|have|want)
    you can (?:read|find) more
    i can (?:help|connect you)
""")

DATA_REQUESTS = any_of(r"""
    (?:your|the|an?) (?:\w+ ){0,3}(?:name|number|address|e-?mail|phone|card|account|ids?|details)
    (?:your|the|an?) (?:\w+ ){0,3}(?:password|pin|code|username|zip|postcode|photos?|information)
    (?:account|order|customer|membership) (?:ids?|numbers?)
    (?:date of )?birth\w*
""")
# Of sentences that state nothing; one with any other word needs an article.
_SERVICE = """
    happy glad pleasure pleased help helps helping helpful assist assistance support thank thanks
    question questions ask asking answer anything something else need know let tell feel free
    welcome sorry hear hope here articles article say says more information please great good sure
    course moment contact team person people talk speak detail details further hello hi hey morning
    afternoon evening day today reach reaching touch look want like would clear unclear other see
    read find below wonderful gladly certainly there understand explain i'm i'll that's here's
"""
SERVICE_WORDS = frozenset(_SERVICE.split())

RUDE = any_of(r"""
    fuck\w*|shit\w*|bitch\w*|bastards?|crap|damn|hell|stupid|dumb|idiots?|hate
""")
INTERNALS = any_of(r"""
    passages?|prompts?|instructions?|language model|system|assistant of
""")
# Beside facts "system" may be a heating system; this is never about one.
PROMPT_TALK = any_of(r"""
    passages?|prompts?|(?:my|these|the) instructions|language model|system (?:prompt|message)
""")
LINKS = any_of(r"""
    https?|www
    [\w-]*\.(?:com|net|org|io|example)
""")
