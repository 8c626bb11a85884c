"""The phrasebooks of the widget's languages, one entry each; another language is one more entry."""

from app.answers.phrasebook import ENGLISH, ENGLISH_BOOK, Phrasebook
from app.answers.small_talk_words import SMALL_TALK
from app.answers.topics import Topic


def book_of(language: str) -> Phrasebook:
    """The phrasebook of one of `LANGUAGES`."""
    return _BOOKS[language]


_BOOKS: dict[str, Phrasebook] = {
    ENGLISH: ENGLISH_BOOK,
    "de": Phrasebook(
        openings=("Dazu steht in unseren Hilfeartikeln:",),
        closings=("Kann ich sonst noch helfen?",),
        unknown=(
            "Das habe ich in unseren Hilfeartikeln leider nicht gefunden. "
            "Möchten Sie mit einem Menschen sprechen?",
        ),
        still_unknown=(
            "Auch das habe ich leider nicht gefunden. Ich hole jemanden aus unserem Team dazu."
        ),
        unsure_opening="Ich bin nicht sicher, ob Sie das meinen, aber in unseren Artikeln steht:",
        unsure_closing=(
            "Wenn es das nicht ist, fragen Sie bitte mit anderen Worten oder wählen Sie einen "
            "Menschen."
        ),
        which="Meinen Sie „{one}“ (1) oder „{other}“ (2)?",
        cards="Vielleicht hilft einer dieser Artikel:",
        quoted="In unseren Hilfeartikeln steht:",
        correction="Das kann ich nicht bestätigen. In unseren Hilfeartikeln steht:",
        identity=(
            "Ich bin ein KI-Assistent von {company}, kein Mensch. "
            "Einen Menschen aus unserem Team erreichen Sie mit einem Klick."
        ),
        ability="Ich beantworte Fragen aus den Hilfeartikeln von {company}, etwa zu {topics}.",
        last_and=" und ",
        anything="unserem Service",
        small_talk=SMALL_TALK["de"],
        unanswered="Zu {parts} habe ich nichts gefunden; da kann ein Mensch vom Team helfen.",
        topics={
            Topic.SELF_HARM: (
                "Es tut mir sehr leid, dass es Ihnen so geht, und Sie sollten damit nicht allein "
                "sein. Wenn Sie in Gefahr sind, rufen Sie bitte jetzt den Notruf. "
                "Ich hole einen Menschen aus unserem Team dazu."
            ),
            Topic.SAFETY: (
                "Ihre Sicherheit geht vor. Wenn jemand verletzt oder in Gefahr ist, rufen Sie "
                "bitte jetzt den Notruf und benutzen Sie das Produkt nicht weiter. "
                "Ein Mensch aus unserem Team übernimmt."
            ),
            Topic.FRAUD: (
                "Danke, dass Sie uns das sagen. Das sollte sich sofort ein Mensch ansehen, darum "
                "übergebe ich. Bitte nennen Sie hier keine Kartennummern oder Passwörter."
            ),
            Topic.MONEY: "Diese Zahlung sollte sich ein Mensch ansehen, darum übergebe ich.",
            Topic.LEGAL: (
                "Bei rechtlichen Fragen kann ich nicht helfen, darum übergebe ich an einen "
                "Menschen."
            ),
            Topic.COMPLAINT: (
                "Es tut mir leid, dass Sie Grund zur Beschwerde haben. "
                "Das sollte ein Mensch hören, darum übergebe ich."
            ),
            Topic.ABUSE: (
                "Es tut mir leid, dass das ärgerlich ist. Ein Mensch aus unserem Team übernimmt."
            ),
        },
    ),
    "fr": Phrasebook(
        openings=("Voici ce que disent nos articles d'aide :",),
        closings=("Puis-je vous aider pour autre chose ?",),
        unknown=(
            "Désolé, je n'ai pas trouvé cela dans nos articles d'aide. "
            "Souhaitez-vous parler à une personne ?",
        ),
        still_unknown=(
            "Désolé, je ne trouve pas cela non plus. Je fais venir une personne de notre équipe."
        ),
        unsure_opening="Je ne suis pas sûr que ce soit votre question, mais nos articles disent :",
        unsure_closing=(
            "Si ce n'est pas cela, posez la question autrement ou demandez une personne."
        ),
        which="Voulez-vous dire « {one} » (1) ou « {other} » (2) ?",
        cards="Un de ces articles vous aidera peut-être :",
        quoted="Nos articles d'aide disent :",
        correction="Je ne peux pas confirmer cela. Nos articles d'aide disent :",
        identity=(
            "Je suis un assistant IA de {company}, pas une personne. "
            "Une personne de notre équipe est à un clic."
        ),
        ability="Je réponds à partir des articles d'aide de {company}, par exemple sur {topics}.",
        last_and=" et ",
        anything="notre service",
        small_talk=SMALL_TALK["fr"],
        unanswered="Je n'ai rien trouvé sur {parts} ; une personne de l'équipe peut aider.",
        topics={
            Topic.SELF_HARM: (
                "Je suis vraiment désolé que vous vous sentiez ainsi, et vous ne devriez pas "
                "rester seul avec cela. Si vous êtes en danger, appelez tout de suite les "
                "urgences. Je fais venir une personne de notre équipe."
            ),
            Topic.SAFETY: (
                "Votre sécurité passe avant tout. Si quelqu'un est blessé ou en danger, appelez "
                "tout de suite les urgences et n'utilisez plus le produit. "
                "Une personne de notre équipe prend le relais."
            ),
            Topic.FRAUD: (
                "Merci de nous le dire. Une personne doit s'en occuper tout de suite, je lui passe "
                "la main. Ne donnez ici ni numéro de carte ni mot de passe."
            ),
            Topic.MONEY: "Une personne doit vérifier ce paiement, je vous passe donc quelqu'un.",
            Topic.LEGAL: (
                "Je ne peux pas aider pour des questions juridiques, je passe donc la main à une "
                "personne."
            ),
            Topic.COMPLAINT: (
                "Je suis désolé que vous ayez à vous plaindre. "
                "Une personne doit l'entendre, je lui passe la main."
            ),
            Topic.ABUSE: (
                "Je suis désolé que ce soit pénible. Une personne de notre équipe prend le relais."
            ),
        },
    ),
    "es": Phrasebook(
        openings=("Esto dicen nuestros artículos de ayuda:",),
        closings=("¿Puedo ayudarle en algo más?",),
        unknown=(
            "Lo siento, no he encontrado eso en nuestros artículos de ayuda. "
            "¿Quiere hablar con una persona?",
        ),
        still_unknown=(
            "Lo siento, tampoco he encontrado esto. Aviso a una persona de nuestro equipo."
        ),
        unsure_opening="No estoy seguro de que sea esto, pero nuestros artículos dicen:",
        unsure_closing="Si no es eso, pregunte con otras palabras o pida una persona.",
        which="¿Se refiere a «{one}» (1) o a «{other}» (2)?",
        cards="Quizá le ayude uno de estos artículos:",
        quoted="Nuestros artículos de ayuda dicen:",
        correction="No puedo confirmarlo. Nuestros artículos de ayuda dicen:",
        identity=(
            "Soy un asistente de IA de {company}, no una persona. "
            "Una persona de nuestro equipo está a un clic."
        ),
        ability="Respondo con los artículos de ayuda de {company}, por ejemplo sobre {topics}.",
        last_and=" y ",
        anything="nuestro servicio",
        small_talk=SMALL_TALK["es"],
        unanswered="No he encontrado nada sobre {parts}; una persona del equipo puede ayudarle.",
        topics={
            Topic.SELF_HARM: (
                "Siento mucho que se sienta así, y no debería estar solo con eso. Si está en "
                "peligro, llame ahora a emergencias. Aviso a una persona de nuestro equipo."
            ),
            Topic.SAFETY: (
                "Su seguridad es lo primero. Si alguien está herido o en peligro, llame ahora a "
                "emergencias y deje de usar el producto. Una persona de nuestro equipo se encarga."
            ),
            Topic.FRAUD: (
                "Gracias por decírnoslo. Una persona debe verlo enseguida, así que le paso con "
                "ella. No escriba aquí números de tarjeta ni contraseñas."
            ),
            Topic.MONEY: "Una persona debe revisar este pago, así que le paso con alguien.",
            Topic.LEGAL: "No puedo ayudar en asuntos legales, así que le paso con una persona.",
            Topic.COMPLAINT: (
                "Siento que tenga motivos para quejarse. "
                "Una persona debe escucharlo, así que le paso con ella."
            ),
            Topic.ABUSE: "Siento que sea frustrante. Una persona de nuestro equipo se encarga.",
        },
    ),
    "it": Phrasebook(
        openings=("Ecco che cosa dicono i nostri articoli di aiuto:",),
        closings=("Posso aiutarla in altro?",),
        unknown=(
            "Mi dispiace, non l'ho trovato nei nostri articoli di aiuto. "
            "Desidera parlare con una persona?",
        ),
        still_unknown=(
            "Mi dispiace, non ho trovato nemmeno questo. Chiamo una persona del nostro team."
        ),
        unsure_opening="Non sono sicuro che sia questo, ma i nostri articoli dicono:",
        unsure_closing="Se non è questo, chieda con altre parole o scelga una persona.",
        which="Intende «{one}» (1) o «{other}» (2)?",
        cards="Forse è utile uno di questi articoli:",
        quoted="I nostri articoli di aiuto dicono:",
        correction="Non posso confermarlo. I nostri articoli di aiuto dicono:",
        identity=(
            "Sono un assistente IA di {company}, non una persona. "
            "Una persona del nostro team è a un clic."
        ),
        ability="Rispondo con gli articoli di aiuto di {company}, per esempio su {topics}.",
        last_and=" e ",
        anything="il nostro servizio",
        small_talk=SMALL_TALK["it"],
        unanswered="Non ho trovato nulla su {parts}; una persona del nostro team può aiutarla.",
        topics={
            Topic.SELF_HARM: (
                "Mi dispiace molto che si senta così, e non dovrebbe restare da solo. Se è in "
                "pericolo, chiami subito il numero di emergenza. Chiamo una persona del nostro "
                "team."
            ),
            Topic.SAFETY: (
                "La sua sicurezza viene prima di tutto. Se qualcuno è ferito o in pericolo, chiami "
                "subito il numero di emergenza e non usi più il prodotto. "
                "Se ne occupa una persona del nostro team."
            ),
            Topic.FRAUD: (
                "Grazie per avercelo detto. Deve vederlo subito una persona, quindi le passo la "
                "conversazione. Non scriva qui numeri di carta o password."
            ),
            Topic.MONEY: "Di questo pagamento deve occuparsi qualcuno, quindi passo a una persona.",
            Topic.LEGAL: "Non posso aiutare in questioni legali, quindi passo a una persona.",
            Topic.COMPLAINT: (
                "Mi dispiace che abbia motivo di reclamare. "
                "Deve sentirlo una persona, quindi le passo la conversazione."
            ),
            Topic.ABUSE: "Mi dispiace che sia frustrante. Se ne occupa una persona del team.",
        },
    ),
    "pt": Phrasebook(
        openings=("Os nossos artigos de ajuda dizem:",),
        closings=("Posso ajudar em mais alguma coisa?",),
        unknown=(
            "Desculpe, não encontrei isso nos nossos artigos de ajuda. "
            "Quer falar com uma pessoa?",
        ),
        still_unknown=(
            "Desculpe, também não encontrei isto. Vou chamar uma pessoa da nossa equipa."
        ),
        unsure_opening="Não tenho a certeza de que seja isto, mas os nossos artigos dizem:",
        unsure_closing="Se não for isso, pergunte por outras palavras ou escolha uma pessoa.",
        which="Quer dizer «{one}» (1) ou «{other}» (2)?",
        cards="Talvez ajude um destes artigos:",
        quoted="Os nossos artigos de ajuda dizem:",
        correction="Não posso confirmar isso. Os nossos artigos de ajuda dizem:",
        identity=(
            "Sou um assistente de IA da {company}, não uma pessoa. "
            "Uma pessoa da nossa equipa está à distância de um clique."
        ),
        ability="Respondo com os artigos de ajuda da {company}, por exemplo sobre {topics}.",
        last_and=" e ",
        anything="o nosso serviço",
        small_talk=SMALL_TALK["pt"],
        unanswered="Não encontrei nada sobre {parts}; uma pessoa da nossa equipa pode ajudar.",
        topics={
            Topic.SELF_HARM: (
                "Lamento muito que se sinta assim, e não deve ficar só com isso. Se está em "
                "perigo, ligue já para a emergência. Vou chamar uma pessoa da nossa equipa."
            ),
            Topic.SAFETY: (
                "A sua segurança está primeiro. Se alguém está ferido ou em perigo, ligue já para "
                "a emergência e deixe de usar o produto. Uma pessoa da nossa equipa assume."
            ),
            Topic.FRAUD: (
                "Obrigado por nos dizer. Uma pessoa deve ver isto já, por isso passo a conversa. "
                "Não escreva aqui números de cartão nem palavras-passe."
            ),
            Topic.MONEY: "Uma pessoa deve verificar este pagamento, por isso passo a alguém.",
            Topic.LEGAL: "Não posso ajudar em assuntos legais, por isso passo a uma pessoa.",
            Topic.COMPLAINT: (
                "Lamento que tenha motivo de queixa. "
                "Uma pessoa deve ouvir isto, por isso passo a conversa."
            ),
            Topic.ABUSE: "Lamento que seja frustrante. Uma pessoa da nossa equipa assume.",
        },
    ),
    "nl": Phrasebook(
        openings=("Dit staat in onze hulpartikelen:",),
        closings=("Kan ik nog ergens mee helpen?",),
        unknown=(
            "Sorry, dat heb ik niet in onze hulpartikelen gevonden. "
            "Wilt u met een medewerker praten?",
        ),
        still_unknown="Sorry, ook dit heb ik niet gevonden. Ik haal een medewerker erbij.",
        unsure_opening="Ik weet niet zeker of u dit bedoelt, maar in onze artikelen staat:",
        unsure_closing="Is dat het niet, vraag het dan anders of kies een medewerker.",
        which="Bedoelt u “{one}” (1) of “{other}” (2)?",
        cards="Misschien helpt een van deze artikelen:",
        quoted="In onze hulpartikelen staat:",
        correction="Dat kan ik niet bevestigen. In onze hulpartikelen staat:",
        identity=(
            "Ik ben een AI-assistent van {company}, geen mens. "
            "Een medewerker is met één klik bereikbaar."
        ),
        ability="Ik beantwoord vragen uit de hulpartikelen van {company}, zoals over {topics}.",
        last_and=" en ",
        anything="onze service",
        small_talk=SMALL_TALK["nl"],
        unanswered="Over {parts} heb ik niets gevonden; een medewerker kan u daarmee helpen.",
        topics={
            Topic.SELF_HARM: (
                "Het spijt me heel erg dat u zich zo voelt, en u hoort daar niet alleen mee te "
                "zijn. Bent u in gevaar, bel dan nu het alarmnummer. Ik haal een medewerker erbij."
            ),
            Topic.SAFETY: (
                "Uw veiligheid gaat voor. Is iemand gewond of in gevaar, bel dan nu het "
                "alarmnummer en gebruik het product niet meer. Een medewerker neemt het over."
            ),
            Topic.FRAUD: (
                "Dank u dat u dit meldt. Een medewerker moet hier meteen naar kijken, dus ik draag "
                "over. Deel hier geen kaartnummers of wachtwoorden."
            ),
            Topic.MONEY: "Naar deze betaling moet iemand kijken, dus ik draag over.",
            Topic.LEGAL: "Met juridische zaken kan ik niet helpen, dus ik draag over.",
            Topic.COMPLAINT: (
                "Het spijt me dat u reden tot klagen hebt. Een medewerker moet dit horen, dus ik "
                "draag over."
            ),
            Topic.ABUSE: "Het spijt me dat dit vervelend is. Een medewerker neemt het over.",
        },
    ),
    "ar": Phrasebook(
        openings=("هذا ما تقوله مقالات المساعدة لدينا:",),
        closings=("هل يمكنني المساعدة في شيء آخر؟",),
        unknown=("عذرًا، لم أجد ذلك في مقالات المساعدة لدينا. هل تود التحدث مع شخص؟",),
        still_unknown="عذرًا، لم أجد هذا أيضًا. سأطلب شخصًا من فريقنا.",
        unsure_opening="لست متأكدًا أن هذا ما تقصده، لكن مقالاتنا تقول:",
        unsure_closing="إن لم يكن هذا هو المقصود، فاسأل بكلمات أخرى أو اختر التحدث مع شخص.",
        which="هل تقصد «{one}» (1) أم «{other}» (2)؟",
        cards="قد يفيدك أحد هذه المقالات:",
        quoted="تقول مقالات المساعدة لدينا:",
        correction="لا يمكنني تأكيد ذلك. تقول مقالات المساعدة لدينا:",
        identity="أنا مساعد ذكاء اصطناعي لدى {company} ولست إنسانًا. يمكنك الوصول إلى شخص بنقرة.",
        ability="أجيب عن الأسئلة من مقالات المساعدة لدى {company}، مثل {topics}.",
        last_and=" و",
        anything="خدمتنا",
        small_talk=SMALL_TALK["ar"],
        unanswered="لم أجد شيئًا عن {parts}، ويمكن لشخص من فريقنا المساعدة في ذلك.",
        topics={
            Topic.SELF_HARM: (
                "يؤسفني جدًا أنك تشعر بهذا، ولا ينبغي أن تبقى وحدك معه. إن كنت في خطر فاتصل الآن "
                "برقم الطوارئ. سأطلب شخصًا من فريقنا."
            ),
            Topic.SAFETY: (
                "سلامتك أولًا. إن كان أحد مصابًا أو في خطر فاتصل الآن برقم الطوارئ وتوقف عن استخدام "
                "المنتج. سيتولى شخص من فريقنا الأمر."
            ),
            Topic.FRAUD: (
                "شكرًا لإخبارنا. ينبغي أن ينظر شخص في هذا فورًا، لذلك أحيلك إليه. "
                "لا تكتب هنا أرقام بطاقات أو كلمات مرور."
            ),
            Topic.MONEY: "يجب أن يراجع شخص هذه الدفعة، لذلك أحيلك إلى شخص.",
            Topic.LEGAL: "لا يمكنني المساعدة في الأمور القانونية، لذلك أحيلك إلى شخص.",
            Topic.COMPLAINT: "يؤسفني أن لديك سببًا للشكوى. ينبغي أن يسمعها شخص، لذلك أحيلك إليه.",
            Topic.ABUSE: "يؤسفني أن هذا مزعج. سيتولى شخص من فريقنا الأمر.",
        },
    ),
}  # fmt: skip
