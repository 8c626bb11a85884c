"""The commonest little words of languages in Latin letters."""

_TEXTS = {
    "en": """
        the and is are was were my your you i it to of in for on with have has had not do
        does did can could would will how what when where which who why this that there a
        an be been am me we they from but if or please hi hello thanks thank order refund
        don't didn't i'm it's still at by no yes any some about want need like get got
        make change check tell help all just now so more up out only should i'd i've i'll
        dont cant im its ok give show find let buy send pay account card than then them he
        she him her our us also
    """,
    "de": """
        der die das und ist sind war ich du sie wir ihr mein meine meinen ihre nicht ein
        eine einen einem mit für auf von zu im den dem des wie was wann wo warum wer kann
        können haben hat habe bei noch aber oder wenn bitte danke hallo guten tag es auch
        nur werden wird müssen muss keine kein zum zur als an sich vielen dank
    """,
    "fr": """
        le la les un une des et est sont était je tu vous nous ils elle il mon ma mes
        votre vos ne pas avec pour sur dans de du au aux que qui quoi quand où comment
        pourquoi combien puis avoir avez ai ce cette ces mais ou si bonjour merci plaît
        toujours reçu été être plus par en à a doit doivent qu'il n'est j'ai c'est
    """,
    "es": """
        el la los las un una y es son era yo usted ustedes nosotros mi mis su sus no con
        para por en de del al que quien qué cuándo dónde cómo cuánto cuál puedo puede
        tengo tiene he ha han este esta pero o si hola gracias favor todavía aún recibido
        ser está estoy más se lo le me debe deben
    """,
    "it": """
        il lo la gli le un una e è sono era io lei noi voi mio mia miei suo sua non con
        per su in di del della dei delle al alla che chi cosa quando dove come quanto
        perché posso può ho ha hanno questo questa ma o se ciao grazie buongiorno favore
        ancora ricevuto essere più si ci mi deve devono sia nel nella dal
    """,
    "pt": """
        o a os as um uma e é são era eu você vocês nós meu minha meus seu sua não com para
        por em de do da dos das no na ao à que quem quando onde como quanto porquê posso
        pode tenho tem foi este esta isso mas ou se olá obrigado obrigada favor ainda
        recebi ser está estou mais devem deve têm possui
    """,
    "nl": """
        de het een en is zijn was ik jij u wij jullie mijn uw niet geen met voor op van in
        te aan bij wat wanneer waar hoe waarom wie kan kunnen heb heeft hebben dit dat
        deze maar of als hallo dank bedankt alstublieft graag nog steeds ontvangen worden
        wordt moet moeten ook er om je naar
    """,
    "sv": """
        och är en ett jag du ni vi min mitt mina din inte med för på av i till om det den
        de vad när var hur varför vem kan har hade detta denna men eller hej tack
        fortfarande fått måste ska bli att som ej från inga alla
    """,
    "da": """
        og er en et jeg du i vi min mit mine din ikke med for på af til om det den de hvad
        hvornår hvor hvordan hvorfor hvem kan har havde dette denne men eller hej tak
        stadig fået skal blive at som ved være bliver ingen alle fra der have kun uden sig
        mere blev meget ej selv anvendes angive kunne bør gør gøre hver hvis samme så
        nogen
    """,
    "no": """
        og er en et jeg du dere vi min mitt mine din ikke med for på av til om det den de
        hva når hvor hvordan hvorfor hvem kan har hadde dette denne men eller hei takk
        fortsatt fått må skal bli at som ved være blir ingen alle fra ha også bare etter
        uten seg mer ble mye selv kunne bør gjør gjøre hver hvis samme så noen sørg ikkje
        dersom sikre inneholder
    """,
    "pl": """
        i jest są był ja pan pani my wy mój moja moje nie z ze dla na w we do od po przy
        że co kto kiedy gdzie jak dlaczego ile mogę może mam ma mają to ten ta te ale lub
        albo czy dzień dobry dziękuję proszę jeszcze nadal się być musi muszą oraz za jako
    """,
    "tr": """
        ve bir bu şu o ben siz biz benim sizin değil ile için ne zaman nerede nasıl neden
        kim var yok mı mi mu mü ama veya merhaba teşekkürler lütfen hala henüz çok daha
        gibi kadar da de olarak nedir istiyorum siparişim olmalıdır gerekir
    """,
    "cs": """
        a je jsou byl já vy my můj moje ne s se pro na v ve do od po při že co kdo kdy kde
        jak proč kolik mohu může mám má mají to ten ta ale nebo dobrý den děkuji prosím
        ještě stále být musí není nejsou které který která si jsem
    """,
}
WORDS = {code: frozenset(text.split()) for code, text in _TEXTS.items()}

LETTERS = {
    "de": "äöüß",
    "fr": "éèêàçùîôœ",
    "es": "ñ¿¡áíóú",
    "it": "àèìòù",
    "pt": "ãõçáâêóé",
    "sv": "åäö",
    "da": "æøå",
    "no": "æøå",
    "pl": "ąćęłńśźż",
    "tr": "ğışçöü",
    "cs": "ěščřžýůť",
}
"""Letters that English does not have; several languages share some of them."""
