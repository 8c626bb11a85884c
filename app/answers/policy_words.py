"""What customers say that is not for a model: one pattern a line, whole words, any case."""

# ruff: noqa: E501  # a pattern is one line

from app.answers.patterns import any_of
from app.answers.topics import Topic

_HUMAN = (
    r"(?:(?:an?|the|your|some|one of your|real|live|actual|human) )*"
    r"(?:person|human|people|agent|representative|rep|operator|advis[eo]r|staff|employee|manager|"
    r"supervisor|colleague|someone|somebody|anyone|anybody|customer (?:service|support|care)|"
    r"support(?: team)?|team member|human being)"
)
_MACHINE = r"(?:an? |this |your )?(?:machine|(?:ro|chat)?bot|computer|ai)"

HUMAN_PLEASE = any_of(rf"""
    (?:talk|speak|chat|connect(?: me)?|transfer(?: me)?|escalate) (?:directly )?(?:to|with) {_HUMAN}
    (?:can|could|may) i (?:please )?(?:talk|speak) (?:to|with) (?!you\b)\w+
    (?:put me through|pass me on|hand me over) to {_HUMAN}
    (?:get|give|bring|find|send) me {_HUMAN}
    (?:need|want|prefer|like) (?:an?|the) (?:real |live |actual )*(?:human|agent|operator)
    (?:need|want|prefer|like) (?:an?|the) (?:representative|real person)
    (?:human|person|agent|representative|operator|rep),? (?:please|pls|plz)
    do(?:n['’]?t| not) want to (?:talk|speak|chat) (?:to|with) {_MACHINE}
    real (?:person|human)
    ^(?:an? |the )?(?:human|agent|representative|operator|person|live agent|support)$
    ^customer service$
    who (?:can|could|will) help me(?: now| here| then)?$
    (?:call|ring|phone) me(?: back)?
    ^(?:please )?(?:just )?(?:do|fix|change|cancel|book|send|sort) (?:it|this|that)(?: out)?(?: for me)?(?: now| today| please)*$
    ^(?:can|could|will) you (?:please )?(?:just )?(?:do|fix|change|cancel|book|send|sort) (?:it|this|that)(?: out)? for me(?: now| today| please)*$
    (?:no|not an?|stop the|hate (?:this|the)) (?:stupid )?(?:ro)?bots?
    (?:sick|tired) of (?:this|the|your) (?:stupid )?(?:ro)?bots?
    # German
    mit (?:einem|einer|nem) (?:echten |richtigen )?(?:menschen|mitarbeiter\w*|person|berater\w*)
    mit jemandem (?:sprechen|reden|chatten)
    echter mensch
    # French
    parler (?:à|a|avec) (?:une?|quelqu['’]un|votre)
    un (?:vrai )?(?:humain|conseiller)
    # Spanish
    (?:hablar|conectar\w*|comunicar\w*) con (?:una?|alguien|el|la)
    agente humano
    # Italian
    parlare con (?:una?|uno|qualcuno|il|la)
    operatore
    # Portuguese
    falar com (?:um|uma|algu[eé]m|o|a)
    atendente
    # Dutch
    (?:met )?(?:iemand|een (?:echte )?(?:mens|medewerker|persoon)) (?:spreken|praten|chatten)
    # Arabic
    (?:أتحدث|التحدث|أتكلم|التكلم) (?:مع|إلى) (?:شخص|موظف|إنسان|أحد)
""")

# In the order in which they matter.
TOPICS = (
    (Topic.SELF_HARM, any_of(r"""
        (?:kill|hurt|harm)(?:ing)? myself
        suicid\w*
        end my life
        self[- ]harm\w*
        want to die
        do(?:n['’]?t| not) want to (?:live|be alive)
    """)),
    (Topic.SAFETY, any_of(r"""
        explod(?:ed|es)
        explosion
        (?:caught|on) fire
        injur(?:ed|y|ies)
        bleeding
        (?:in|to)(?: the)? hospital
        gas leak
        leak(?:s|ed|ing)? gas
        gas \w+ (?:is|was|has been) leaking
        smell(?:s|ed|ing)?(?: of| like)? gas
        electric shock
        poisoned
        (?:hand|arm|face|leg|skin|child|son|daughter) (?:is|was|got) (?:burn\w*|hurt|cut|trapped)
        burn(?:ed|t) (?:me|my \w+)
    """)),
    (Topic.FRAUD, any_of(r"""
        fraud\w*
        hacked
        phish\w*
        scam\w*
        identity theft
        unauthori[sz]ed
        (?:charge|order|payment|purchase)s? .{0,30}(?:never|not|n't) (?:made?|placed?)
        (?:charge|order|payment|purchase)s? .{0,30}not mine
        (?:someone|somebody)(?: else)? (?:has )?used my (?:card|account)
    """)),
    (Topic.MONEY, any_of(r"""
        (?:was|were|been|got|have|has|you|ve|being) (?:\w+ ){0,2}(?:charged|billed|debited|took|taken|deducted) .{0,40}(?:twice|double|(?:two|three|2|3) times)
        (?:was|were|been|got|have|has|you|ve) double[- ](?:charged|billed)
        (?:was|were|been|got|have|has|you|ve) (?:\w+ )?over[- ]?charged
        (?:a|the|this|that|me|is) (?:double|duplicate) (?:charge|payment|debit|transaction)
    """)),
    (Topic.LEGAL, any_of(r"""
        lawyers?
        attorneys?
        solicitor
        sue
        suing
        lawsuit
        legal action
        take you to court
        small claims
        consumer protection
        ombudsman
    """)),
    (Topic.COMPLAINT, any_of(r"""
        (?:file|make|lodge|submit|raise) (?:an? )?(?:\w+ )?complaint
        (?:formal|official) complaint
        complain about (?:you|your|the staff|an employee)
    """)),
    (Topic.ABUSE, any_of(r"""
        fuck\w*
        shit(?:ty|head)?
        bullshit
        bitch\w*
        bastards?
        ass?holes?
        arseholes?
        cunt
        dickhead
        motherfuck\w*
        retard(?:ed)?
        go to hell
        piece of crap
    """)),
)  # fmt: skip

NOT_HELPED = any_of(r"""
    (?:did|does)(?: not|n'?t) (?:really )?help
    not (?:helpful|what i (?:asked|need|meant|want))
    (?:wrong|useless) answer
    you (?:did|do)(?: not|n'?t) understand
    no help at all
    (?:you|you['’]?re|this|this (?:bot|chat)|the bot)(?: are| is)? (?:so |such |really |completely |totally |just |absolutely )*(?:an? )?(?:useless|worthless|hopeless|stupid|dumb|idiot|joke|rubbish|garbage|waste of (?:my )?time)
""")

YES = any_of(r"""
    ^(?:yes|yeah|yep|yup|sure|ok|okay|please|yes please|please do|go ahead|of course|i would)$
    ^(?:ja|oui|s[ií])$
""")
AGREED = any_of(r"^(?:yes|yeah|yep|yup|please|yes please|please do|yes do that|go ahead|i would)$")
NO = any_of(r"""
    ^(?:no|nope|nah|no thanks|no thank you|not now|never ?mind|nein|non|stop|forget it|leave it)$
""")

_MANY = r"(?: (?:there|again|all|everyone|everybody|team|you|guys|folks|so much|very much|a lot))*"
_NICE_DAY = r"have an? (?:nice|good|great|lovely) (?:day|one|evening|weekend)"
_BYE = r"(?:good ?bye|bye(?: bye)?|see (?:you|ya)|take care)"
_PLEASED = (
    r"(?:ok|okay|great|perfect|cool|all ?right|nice|super|wonderful|awesome|yes|yep|good|fine|many|"
    r"got it|i see|understood|excellent)"
)
_BEFORE_BYE = rf"(?:(?:{_PLEASED}|thanks|thank you) )*"
_THANKS = r"(?:thanks|thank you|thx|ty|cheers)"
_HELPS = (
    r"(?:that|this|it|you) (?:really )?(?:helps|helped|was helpful|is all|s all|is great|worked)"
)

IDENTITY = any_of(r"""
    ^(?:are|is) (?:you|this|there) (?:an? )?(?:(?:real|actual|ai|chat|live) )*(?:ro)?bot$
    ^(?:are|is) (?:you|this) (?:an? )?(?:(?:real|actual|live) )*(?:person|human)$
    ^(?:are|is) (?:you|this) (?:an? )?(?:machine|ai|computer|chat ?bot)$
    ^(?:are|is) (?:you|this) (?:an? )?(?:real )?\w+ or (?:an? )?(?:real )?(?:\w+)$
    ^(?:are|is) (?:you|this) real$
    ^who (?:am i (?:talking|speaking|chatting) (?:to|with)|are you|is this)$
    ^what are you$
    ^what(?:'s| s| is) your name$
    ^(?:are|is) (?:you|this) (?:chat ?gpt|gpt|claude|gemini|siri|alexa|an? llm|an? language model)$
""")
ABILITY = any_of(r"""
    ^what can you (?:do|help(?: me)? with)(?: for me)?$
    ^how can you help(?: me)?$
    ^(?:(?:can|could) you )?(?:please )?help(?: me)?(?: out)?(?: please)?$
    ^i need (?:some )?help(?: please)?$
    ^can i ask (?:you )?(?:a question|something)$
    ^i have a (?:quick )?question$
    (?:ignore|disregard|forget) (?:(?:all|any|your|of|the|previous|prior|above|earlier) )+(?:instructions?|rules|prompts?|guidelines)
    (?:reveal|show|print|repeat|tell) (?:me )?(?:your|the) (?:(?:whole|full|hidden) )*(?:system |initial )?prompt
    ^what do you do$
""")
DOUBT = any_of(r"""
    ^(?:are|r) (?:you|u) (?:really |quite )?sure(?: about (?:this|that|it))?$
    ^is (?:this|that|it) (?:really )?(?:true|right|correct|so)$
    ^how do you know(?: (?:that|this))?$
    ^(?:really|seriously|says who)$
    ^where (?:did you|do you) (?:get|have|take) (?:this|that|it)(?: from)?$
    ^(?:you are|you re|that is|that s|this is) (?:wrong|lying|not true|not right|incorrect|false)$
""")
GREETING = any_of(rf"""
    ^(?:hi+|hello+|hey+|howdy|greetings|yo|hiya){_MANY}(?: how.{{0,25}})?$
    ^(?:hallo|hola|bonjour|ciao|ol[aá]|salut|你好|您好|こんにちは|안녕하세요|привет|здравствуйте|merhaba){_MANY}$
    ^good (?:morning|afternoon|evening|day){_MANY}(?: how.{{0,25}})?$
    ^how(?:'s| s| is| are) (?:it going|you|things|you doing)(?: today)?$
""")
GOODBYE = any_of(rf"""
    ^{_BEFORE_BYE}{_BYE}(?: later| soon| now)?{_MANY}(?: (?:and )?{_NICE_DAY})?$
    ^{_NICE_DAY}$
    ^{_BEFORE_BYE}(?:no )?{_BEFORE_BYE}(?:that(?:'s| s| is|'ll be| will be)|this is) (?:all|it|everything)(?: for now| from me| thanks)*$
    ^(?:tsch[uü]ss|adi[oó]s|au revoir|good night)$
""")
THANKS = any_of(rf"""
    ^(?:{_PLEASED} ?)+$
    ^(?:{_PLEASED} )*{_THANKS}{_MANY}(?: for (?:the|your) \w+)?(?: {_HELPS})?$
    ^(?:{_PLEASED} )*(?:danke|merci|gracias|grazie|obrigad[oa]){_MANY}$
    ^{_HELPS}(?: me)?$
    ^(?:very|really) helpful$
""")
