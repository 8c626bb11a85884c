"""Small talk in the widget's languages but English, where the model words it (`phrases.py`)."""

from app.answers.moves import Move

SMALL_TALK: dict[str, dict[Move, tuple[str, ...]]] = {
    "de": {
        Move.GREETING: ("Hallo! Wie kann ich Ihnen helfen?",),
        Move.THANKS: ("Gern geschehen. Kann ich sonst noch helfen?",),
        Move.GOODBYE: ("Auf Wiedersehen, und danke für Ihre Nachricht.",),
        Move.DECLINED: ("In Ordnung. Wobei kann ich sonst helfen?",),
        Move.IDENTITY: ("Wie kann ich Ihnen helfen?",),
        Move.ABILITY: ("Was möchten Sie wissen?",),
        Move.HOLD: ("Gern. Sagen Sie mir bitte in einem Satz, worum es geht.",),
        Move.DOUBT: (
            "Was ich zitiere, steht in unseren Hilfeartikeln, und die Ziffern dahinter öffnen"
            " die Quelle. Wenn Sie sichergehen möchten, kann es ein Mensch aus unserem Team "
            "bestätigen.",
        ),
        Move.UPSET: (
            "Es tut mir leid, dass das ärgerlich ist. Sagen Sie mir bitte in einem Satz, was "
            "schiefgegangen ist, oder soll ich einen Menschen dazuholen?",
        ),
        Move.CHAT: (
            "Dabei kann ich leider nicht helfen. Fragen zu unserem Service beantworte ich gern.",
        ),
        Move.FILE: (
            "Danke für die Datei. Ich kann nicht hineinsehen, ein Mensch aus unserem Team "
            "schon. Was möchten Sie wissen?",
        ),
        Move.UNCLEAR: (
            "Das habe ich leider nicht verstanden. Können Sie Ihre Frage in ein paar Worten "
            "stellen?",
        ),
    },
    "fr": {
        Move.GREETING: ("Bonjour ! Comment puis-je vous aider ?",),
        Move.THANKS: ("Avec plaisir. Puis-je vous aider pour autre chose ?",),
        Move.GOODBYE: ("Au revoir, et merci de votre message.",),
        Move.DECLINED: ("D'accord. En quoi puis-je encore vous aider ?",),
        Move.IDENTITY: ("Comment puis-je vous aider ?",),
        Move.ABILITY: ("Que souhaitez-vous savoir ?",),
        Move.HOLD: ("Volontiers. Dites-moi en une phrase de quoi il s'agit.",),
        Move.DOUBT: (
            "Ce que je cite se trouve dans nos articles d'aide, et les chiffres ouvrent la "
            "source. Pour en être sûr, vous pouvez demander confirmation à une personne de "
            "notre équipe.",
        ),
        Move.UPSET: (
            "Je suis désolé que ce soit pénible. Dites-moi en une phrase ce qui n'a pas "
            "marché, ou dois-je faire venir une personne ?",
        ),
        Move.CHAT: (
            "Je ne peux pas aider pour cela. Je réponds volontiers aux questions sur notre "
            "service.",
        ),
        Move.FILE: (
            "Merci pour le fichier. Je ne peux pas l'ouvrir, mais une personne de notre "
            "équipe le peut. Que souhaitez-vous savoir ?",
        ),
        Move.UNCLEAR: (
            "Désolé, je n'ai pas compris. Pouvez-vous poser votre question en quelques mots ?",
        ),
    },
    "es": {
        Move.GREETING: ("¡Hola! ¿En qué puedo ayudarle?",),
        Move.THANKS: ("De nada. ¿Puedo ayudarle en algo más?",),
        Move.GOODBYE: ("Adiós, y gracias por escribirnos.",),
        Move.DECLINED: ("De acuerdo. ¿En qué más puedo ayudarle?",),
        Move.IDENTITY: ("¿En qué puedo ayudarle?",),
        Move.ABILITY: ("¿Qué quiere saber?",),
        Move.HOLD: ("Claro. Dígame en una frase de qué se trata.",),
        Move.DOUBT: (
            "Lo que cito está en nuestros artículos de ayuda, y los números abren la fuente. "
            "Si quiere estar seguro, una persona de nuestro equipo puede confirmarlo.",
        ),
        Move.UPSET: (
            "Siento que sea frustrante. Dígame en una frase qué ha salido mal, ¿o prefiere "
            "que avise a una persona?",
        ),
        Move.CHAT: (
            "En eso no puedo ayudar. Con gusto respondo preguntas sobre nuestro servicio.",
        ),
        Move.FILE: (
            "Gracias por el archivo. No puedo abrirlo, pero una persona de nuestro equipo sí."
            " ¿Qué desea saber?",
        ),
        Move.UNCLEAR: (
            "Lo siento, no lo he entendido. ¿Puede hacer su pregunta en pocas palabras?",
        ),
    },
    "it": {
        Move.GREETING: ("Salve! Come posso aiutarla?",),
        Move.THANKS: ("Prego. Posso aiutarla in altro?",),
        Move.GOODBYE: ("Arrivederci, e grazie per averci scritto.",),
        Move.DECLINED: ("Va bene. In che cosa posso ancora aiutarla?",),
        Move.IDENTITY: ("Come posso aiutarla?",),
        Move.ABILITY: ("Che cosa desidera sapere?",),
        Move.HOLD: ("Certo. Mi dica in una frase di che cosa si tratta.",),
        Move.DOUBT: (
            "Ciò che cito si trova nei nostri articoli di aiuto, e i numeri aprono la fonte. "
            "Per esserne sicuro, una persona del nostro team può confermarlo.",
        ),
        Move.UPSET: (
            "Mi dispiace che sia frustrante. Mi dica in una frase che cosa è andato storto, o"
            " devo chiamare una persona?",
        ),
        Move.CHAT: (
            "In questo non posso aiutare. Rispondo volentieri alle domande sul nostro servizio.",
        ),
        Move.FILE: (
            "Grazie per il file. Io non posso aprirlo, ma una persona del nostro team sì. Che"
            " cosa desidera sapere?",
        ),
        Move.UNCLEAR: ("Mi dispiace, non ho capito. Può fare la sua domanda in poche parole?",),
    },
    "pt": {
        Move.GREETING: ("Olá! Como posso ajudar?",),
        Move.THANKS: ("De nada. Posso ajudar em mais alguma coisa?",),
        Move.GOODBYE: ("Até à próxima, e obrigado pela mensagem.",),
        Move.DECLINED: ("Tudo bem. Em que mais posso ajudar?",),
        Move.IDENTITY: ("Como posso ajudar?",),
        Move.ABILITY: ("O que gostaria de saber?",),
        Move.HOLD: ("Claro. Diga-me numa frase de que se trata.",),
        Move.DOUBT: (
            "O que cito está nos nossos artigos de ajuda, e os números abrem a fonte. Para "
            "ter a certeza, uma pessoa da nossa equipa pode confirmar.",
        ),
        Move.UPSET: (
            "Lamento que seja frustrante. Diga-me numa frase o que correu mal, ou devo chamar"
            " uma pessoa?",
        ),
        Move.CHAT: (
            "Nisso não posso ajudar. Respondo com gosto a perguntas sobre o nosso serviço.",
        ),
        Move.FILE: (
            "Obrigado pelo ficheiro. Não o posso abrir, mas uma pessoa da nossa equipa pode. "
            "O que deseja saber?",
        ),
        Move.UNCLEAR: ("Desculpe, não percebi. Pode fazer a sua pergunta em poucas palavras?",),
    },
    "nl": {
        Move.GREETING: ("Hallo! Waarmee kan ik helpen?",),
        Move.THANKS: ("Graag gedaan. Kan ik nog ergens mee helpen?",),
        Move.GOODBYE: ("Tot ziens, en bedankt voor uw bericht.",),
        Move.DECLINED: ("Prima. Waarmee kan ik verder helpen?",),
        Move.IDENTITY: ("Waarmee kan ik helpen?",),
        Move.ABILITY: ("Wat wilt u weten?",),
        Move.HOLD: ("Natuurlijk. Vertel me in één zin waar het over gaat.",),
        Move.DOUBT: (
            "Wat ik citeer staat in onze hulpartikelen, en de cijfers openen de bron. Wilt u "
            "het zeker weten, dan kan een medewerker het bevestigen.",
        ),
        Move.UPSET: (
            "Het spijt me dat dit vervelend is. Vertel me in één zin wat er misging, of zal "
            "ik een medewerker erbij halen?",
        ),
        Move.CHAT: ("Daar kan ik niet mee helpen. Vragen over onze service beantwoord ik graag.",),
        Move.FILE: (
            "Bedankt voor het bestand. Ik kan het niet openen, maar iemand van ons team wel. "
            "Wat wilt u weten?",
        ),
        Move.UNCLEAR: ("Sorry, dat begreep ik niet. Kunt u uw vraag in een paar woorden stellen?",),
    },
    "ar": {
        Move.GREETING: ("مرحبًا! كيف يمكنني مساعدتك؟",),
        Move.THANKS: ("على الرحب والسعة. هل يمكنني المساعدة في شيء آخر؟",),
        Move.GOODBYE: ("مع السلامة، وشكرًا على رسالتك.",),
        Move.DECLINED: ("حسنًا. بماذا أيضًا يمكنني مساعدتك؟",),
        Move.IDENTITY: ("كيف يمكنني مساعدتك؟",),
        Move.ABILITY: ("ماذا تود أن تعرف؟",),
        Move.HOLD: ("بالتأكيد. أخبرني في جملة واحدة عن الموضوع.",),
        Move.DOUBT: (
            "ما أقتبسه موجود في مقالات المساعدة لدينا، والأرقام تفتح المصدر. إن أردت التأكد "
            "فيمكن لشخص من فريقنا تأكيده.",
        ),
        Move.UPSET: ("يؤسفني أن هذا مزعج. أخبرني في جملة واحدة بما حدث، أم تود أن أطلب شخصًا؟",),
        Move.CHAT: ("لا يمكنني المساعدة في ذلك. يسعدني أن أجيب عن أسئلة حول خدمتنا.",),
        Move.FILE: (
            "شكرًا على الملف. لا أستطيع فتحه، لكن شخصًا من فريقنا يستطيع. ما الذي تود معرفته؟",
        ),
        Move.UNCLEAR: ("عذرًا، لم أفهم ذلك. هل يمكنك كتابة سؤالك في كلمات قليلة؟",),
    },
}
