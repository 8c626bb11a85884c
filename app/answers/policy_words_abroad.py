"""What customers say that is not for a model, in the other languages of the widget.

One pattern a line, whole words, any case; German, French, Spanish, Italian, Portuguese, Dutch,
Arabic. A wish for a person stands beside the English ones in `policy_words.py`, and what it does
not hear of it is here.
"""

from app.answers.patterns import any_of
from app.answers.topics import Topic

_WORTHY = r"(?:,? (?:bitte|s'il vous plaît|svp|por favor|per favore|alstublieft|alsjeblieft))?"

HUMAN_PLEASE = any_of(rf"""
    # German
    (?:ich )?(?:möchte|will|brauche|hätte gern) (?:\w+ )?(?:einen menschen|mitarbeiter\w*|support)
    (?:einen )?(?:menschen|mitarbeiter|berater) (?:sprechen|bitte)
    kundenservice{_WORTHY}$
    # French
    (?:une vraie personne|un être humain|un agent|service client){_WORTHY}
    parler à (?:quelqu['’]un|un humain|une personne)
    # Spanish
    (?:una persona|un humano|un agente|una persona real){_WORTHY}$
    (?:quiero|necesito) (?:hablar con )?(?:una persona|un agente|un humano|alguien)
    # Italian
    (?:una persona|un operatore|una persona vera|assistenza umana){_WORTHY}$
    (?:voglio|vorrei) parlare con
    # Portuguese
    (?:uma pessoa|um humano|um atendente|uma pessoa real){_WORTHY}$
    (?:quero|preciso) (?:de )?falar com
    # Dutch
    (?:een )?(?:echte )?(?:mens|medewerker){_WORTHY}$
    (?:ik wil|kan ik) (?:met )?(?:iemand|een (?:mens|medewerker|persoon)) (?:spreken|praten)
    met (?:een )?(?:mens|medewerker|iemand) (?:spreken|praten)
    # Arabic
    (?:أريد|اريد|أود|أحتاج|احتاج) (?:التحدث|الحديث|أن أتحدث|شخص|شخصا|شخصًا|موظف|إنسان)\w*
    (?:شخص|موظف|إنسان|انسان)(?: حقيقي)?(?: من فضلك| لو سمحت)$
    خدمة العملاء
""")

TOPICS = (
    (Topic.SELF_HARM, any_of(r"""
        (?:mich|mir) (?:um|selbst )?(?:umbringen|töten|verletzen|das leben nehmen)
        selbstmord\w*|suizid\w*|nicht mehr leben
        me (?:tuer|suicider|faire du mal)|en finir avec la vie|envie de mourir
        suicidarme|matarme|quitarme la vida|hacerme daño|no quiero vivir
        uccidermi|suicidarmi|togliermi la vita|farmi del male|voglio morire
        matar-me|me matar|suicidar-me|me suicidar|tirar a minha vida|quero morrer
        mezelf (?:doden|pijn doen|iets aandoen|van het leven)|zelfmoord\w*|niet meer leven
        الانتحار|أنتحر|انتحر|أقتل نفسي|اقتل نفسي|إيذاء نفسي|أريد أن أموت
    """)),
    (Topic.SAFETY, any_of(r"""
        explodiert\w*|explosion|brennt|in brand geraten|feuer gefangen|verletzt|blutet
        gasgeruch|stromschlag
        a explosé|explosé|en feu|pris feu|brûlé|blessée?|saigne|fuite de gaz|choc électrique
        ha explotado|explotó|en llamas|se incendió|quemadura|herid[oa]|sangra|fuga de gas
        è esploso|esplos[oa]|ha preso fuoco|in fiamme|ustion\w+|ferit[oa]|sanguina|fuga di gas
        explodiu|pegou fogo|em chamas|queimadura|ferid[oa]|a sangrar|fuga de gás|choque elétrico
        ontploft|(?:staat|stond|vloog|vliegt) in brand|vlam gevat|gewond|bloedt
        gaslek|elektrische schok
        انفجر\w*|اشتعل\w*|حريق|مصاب|أصيب|ينزف|تسرب غاز|صدمة كهربائية
    """)),
    (Topic.FRAUD, any_of(r"""
        betrug\w*|betrogen|gehackt|missbraucht|nicht (?:von mir )?autorisiert\w*
        fraude|arnaque\w*|piraté\w*|escroquerie|pas autorisé\w*
        estafa\w*|hackead[oa]|no autorizad[oa]|robaron mi tarjeta
        truff\w+|frode|hackerat[oa]|non autorizzat[oa]
        burla|golpe|hackead[oa]|não autorizad[oa]
        oplichting|opgelicht|gehackt|niet geautoriseerd\w*
        احتيال|نصب|اختراق|مخترق|غير مصرح
    """)),
    (Topic.MONEY, any_of(r"""
        (?:doppelt|zwei ?mal|zu viel) (?:abgebucht|belastet|berechnet|abgezogen|bezahlt)
        (?:débité|prélevé|facturé)\w* (?:deux fois|en double|en trop)|double (?:débit|prélèvement)
        (?:cobr|carg)\w+ (?:dos veces|el doble|de más)|doble (?:cobro|cargo)
        addebitat\w* (?:due volte|il doppio|in più)|doppio addebito
        (?:cobr|debit)\w+ (?:duas vezes|em dobro|a mais|em duplicado)|cobrança (?:dupla|duplicada)
        (?:dubbel|twee ?(?:keer|maal)|te veel) (?:betaald|afgeschreven|gefactureerd|afgeboekt)
        (?:خصم|سحب|دفع)\w* .{0,20}مرتين
    """)),
    (Topic.LEGAL, any_of(r"""
        anw[aä]lt\w*|rechtsanw[aä]lt\w*|verklagen|klage einreichen|gericht|verbraucherschutz
        avocate?|poursuivre en justice|procès|tribunal
        abogad[oa]|demandar\w*|demanda judicial|tribunal|juicio
        avvocat[oa]|far causa|querela|tribunale
        advogad[oa]|processar|tribunal|ação judicial
        advocaat|aanklagen|rechtszaak|rechtbank|rechter
        محام\w*|محكمة|مقاضاة|دعوى قضائية
    """)),
    (Topic.COMPLAINT, any_of(r"""
        (?:eine? )?beschwerde (?:einreichen|einlegen)?|mich beschweren
        (?:déposer|faire) une (?:plainte|réclamation)|me plaindre
        (?:poner|presentar|hacer) una (?:queja|reclamación)|quejarme
        (?:fare|presentare) (?:un )?reclamo|reclamare
        (?:fazer|apresentar) uma (?:queixa|reclamação)|reclamar
        klacht (?:indienen|in te dienen)|een klacht
        (?:تقديم|أقدم|اقدم) شكوى|شكوى
    """)),
)  # fmt: skip

YES = any_of(r"""
    ^(?:ja|ja bitte|gerne?|klar|ja gerne)$
    ^(?:oui|oui s'il vous plaît|oui svp|d'accord|volontiers)$
    ^(?:s[ií]|s[ií] por favor|claro|vale|de acuerdo)$
    ^(?:s[iì]|s[iì] grazie|s[iì] per favore|va bene|certo)$
    ^(?:sim|sim por favor|claro|pode ser)$
    ^(?:ja graag|graag|prima|oké)$
    ^(?:نعم|نعم من فضلك|أجل|حسنا|حسنًا|موافق)$
""")
NO = any_of(r"""
    ^(?:nein|nein danke|non|non merci|no gracias|no grazie|não|não obrigad[oa]|nee|nee bedankt)$
    ^(?:nee dank je|لا|لا شكرا|لا شكرًا|كلا)$
""")
GREETING = any_of(r"""
    ^(?:hallo+|hi|moin|servus|grüezi|guten (?:tag|morgen|abend))(?: zusammen| ihr| team)?$
    ^(?:bonjour|bonsoir|salut|coucou)(?: à tous)?$
    ^(?:hola|buen[oa]s (?:d[ií]as|tardes|noches)|buenas)$
    ^(?:ciao|salve|buongiorno|buonasera|buon giorno)$
    ^(?:ol[aá]|oi|bom dia|boa (?:tarde|noite))$
    ^(?:hoi|hallo|goede(?:morgen|middag|navond)|goeden?dag|dag)$
    ^(?:مرحبا|مرحبًا|أهلا|اهلا|أهلًا|السلام عليكم|صباح الخير|مساء الخير|سلام)$
""")
GOODBYE = any_of(r"""
    ^(?:tsch[uü]ss|auf wiedersehen|bis dann|schönen tag(?: noch)?|ciao)$
    ^(?:au revoir|bonne journée|à bientôt|bonne soirée)$
    ^(?:adi[oó]s|hasta luego|chao|que tenga buen d[ií]a)$
    ^(?:arrivederci|buona giornata|a presto)$
    ^(?:adeus|tchau|até logo|bom resto de dia)$
    ^(?:tot ziens|doei|fijne dag(?: nog)?|dag hoor)$
    ^(?:مع السلامة|إلى اللقاء|وداعا|وداعًا)$
""")
THANKS = any_of(r"""
    ^(?:(?:super|perfekt|okay|ok|gut|alles klar|toll) )*(?:vielen |herzlichen |besten )?dank(?:e\w*)?(?: (?:schön|sehr|dir|ihnen|für .{0,40}))*$
    ^(?:das hat geholfen|super|perfekt|alles klar|verstanden)$
    ^(?:(?:super|parfait|ok|d'accord|très bien) )*(?:merci|je vous remercie)(?: (?:beaucoup|bien|à vous|pour .{0,40}))*$
    ^(?:parfait|très bien|d'accord merci)$
    ^(?:(?:perfecto|vale|ok|genial|muy bien) )*(?:muchas |mil )?gracias(?: (?:por .{0,40}))?$
    ^(?:perfecto|genial|entendido)$
    ^(?:(?:perfetto|ok|va bene|ottimo) )*(?:grazie|ti ringrazio|la ringrazio)(?: (?:mille|tante|per .{0,40}))*$
    ^(?:perfetto|ottimo|capito)$
    ^(?:(?:perfeito|ok|ótimo|certo) )*(?:muito )?obrigad[oa](?: (?:pel[oa]s? .{0,40}|por .{0,40}))?$
    ^(?:perfeito|ótimo|entendi)$
    ^(?:(?:perfect|oké|ok|top|prima) )*(?:hartelijk |heel erg )?(?:bedankt|dank (?:je|u)(?: wel)?|dankjewel|dankuwel)(?: voor .{0,40})?$
    ^(?:top|duidelijk|helemaal goed)$
    ^(?:شكرا|شكرًا|شكرا جزيلا|شكرًا جزيلًا|شكرا لك|شكرًا لك|ممتاز|تمام)$
""")  # noqa: E501  # a pattern is one line
IDENTITY = any_of(r"""
    ^(?:bist du|sind sie) (?:ein )?(?:(?:echter )?mensch|(?:ro)?bot|roboter|eine ki|echt)$
    ^(?:es tu|êtes[- ]vous) (?:une? )?(?:(?:vraie )?personne|humain|robot|bot|ia)$
    ^(?:eres|es usted) (?:una? )?(?:persona(?: real)?|humano|robot|bot|ia)$
    ^(?:sei|è) (?:una? )?(?:persona(?: vera)?|umano|robot|bot|ia)$
    ^(?:és|você é) (?:uma? )?(?:pessoa(?: real)?|humano|robô|bot|ia)$
    ^(?:ben je|bent u) (?:een )?(?:(?:echt )?mens|robot|bot|ai|echt)$
    ^هل (?:أنت|انت) (?:روبوت|إنسان|انسان|شخص حقيقي|بوت)$
""")
