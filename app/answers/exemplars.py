"""How customers put what a person must answer, and what they ask that no person need.

Closeness in meaning to these sentences (`wishes.py`) finds wordings that no pattern has. Written as
customers of any trade write; the ordinary ones are near the others on purpose. Where a word alone
decides, a pattern in `policy_words.py` does.
"""

from app.answers.moves import Move
from app.answers.topics import Topic

PERSON = """
    I would rather deal with a human being
    is there anybody real on the other end
    is somebody actually reading this
    who of your staff can help me in person
    let one of your colleagues take over
    can somebody from your team look at my case
    I want a member of staff to handle this
    please have someone call me back
    please ring me, I don't want to type
    ask a colleague to contact me
    escalate this to your boss
    I'd like to take this up with whoever is in charge
    this chat is getting us nowhere, get me a human
    I don't want automatic answers, I want a human
    you are only a program, I need a person
    I refuse to discuss this with software
    patch me through to your support
    could I get help from an employee
    take me out of this bot and to the help desk
    can you do it for me, please just do it
    ok so who can help me with that
    please pass this on to the people responsible
    I want to talk to your boss about this
    is any human there
    whom can I call about my problem
    whom should I talk to about this problem
    I need somebody intelligent, not you
    could somebody sort this out for me please
    I would like a person to check this
"""
TOPICS: tuple[tuple[Topic, str], ...] = (
    (Topic.SELF_HARM, """
        there is no point in going on living
        I would be better off dead
        I am thinking of ending it all
        nobody would miss me if I was gone for good
        I took too many pills
        I don't see a reason to be here any longer
    I do not want to go on, my life has no value
    """),
    (Topic.SAFETY, """
        my child got hurt using your product
        I had to see a doctor because of it
        I fell because it broke and I broke my wrist
        it started to smoke and flames came out
        the battery got so hot that it melted
        it gave me an electric shock
        sparks came out of the plug
        I got a rash and my skin is swollen
        we all became ill after eating it
        my dog swallowed a piece of it and is sick
        I cut my finger badly on a sharp edge
        we had to go to the emergency room
        it nearly set our house on fire
        the fumes made us dizzy
    she burned her fingers on it
    I was taken to hospital because of your product
    a small part got stuck in my child's throat
        my child ate a small piece of it
    it collapsed while I was sitting on it and I hurt my back
    """),
    (Topic.FRAUD, """
        there is an order in my account that I never placed
        somebody else is using my account
        someone logged in as me and bought things
        my card details were stolen after I shopped with you
        I don't recognize this payment to you
        I did not make this purchase
        I received a message pretending to be you that asked for my password
        a stranger ordered goods in my name
        someone got into my account and changed my e-mail address
    """),
    (Topic.MONEY, """
        I was charged twice for the same order
        you took the money two times
        there are two payments on my statement for one purchase
        you debited more than the price I agreed to
        you charged me the wrong amount
        I was billed for something I did not buy
        I was billed although I had cancelled
        the money is gone from my account but there is no order
        you still take money every month after I cancelled
        the refund you sent is less than I paid
        why did you take more money than it said
        you took too much from my card
        I paid more than the price that was shown
        you owe me money
    """),
    (Topic.LEGAL, """
        you will hear from my legal counsel
        I will see you in court
        I am going to report you to the authorities
        I will inform the trading standards office
        what you do is against the law and I will take action
        I am going to dispute this in front of a judge
        I know my rights and will enforce them
        I will go to the press and the data protection authority
    """),
    (Topic.COMPLAINT, """
        your employee was rude to me
        the driver shouted at me
        the driver threw my parcel
        the way I was treated by your staff is a disgrace
        I want this complaint on record
        I have written to you five times and nobody ever replies
        you keep ignoring me for weeks
        I am very unhappy with how you handled my case
        nobody at your company cares about customers
    a man in your shop offended my wife
    no one answers my e-mails, this is unacceptable
    """),
)  # fmt: skip
TALK: tuple[tuple[Move, str], ...] = (
    (Move.GREETING, """
        test
        testing, one two three
        this is a test message
        just testing the chat
        is this thing on
        good to see you
        hey what's up
        nice to meet you
    """),
    (Move.HOLD, """
        I have a question
        I have a question about my order
        I have a question about a product
        can I ask you something about my delivery
        I'd like to ask about returns
        question about my account
        quick question
        I have a problem
        I have an issue with my order
        I have a problem with something I bought
        I need some help with my order
        I need assistance please
        could you help me with an issue
        I need information
    """),
    (Move.UPSET, """
        this is ridiculous
        your service is terrible
        this is the worst company ever
        I am so disappointed with you
        I'm really disappointed with my purchase
        I am fed up with this
        I am so angry right now
        I'm very frustrated
        this is unacceptable
        what a joke of a company
        unbelievable, I have been waiting for weeks
        I will never buy from you again
        you people are incompetent
        you have ruined my holiday
        what the hell is going on
        this makes me mad
        what a waste of money
        I hate this company
    """),
    (Move.CHAT, """
        tell me a joke
        write me a poem about mountains
        sing a song for me
        tell me a story
        what is two plus two
        what is the capital of Italy
        who won the world cup
        who is the president
        what will the weather be like tomorrow
        recommend a hotel for my holiday
        where should I eat tonight
        order a pizza for me
        translate this sentence into French
        write some code for me
        solve this equation
        help me with my homework
        what do you think about politics
        what is the meaning of life
        do you like music
        do you have feelings
        I love you
        will you marry me
        you are cute
        what is your favorite color
        I am bored, talk to me
        haha that is funny
        give me stock tips
        which movie should I watch
    """),
)  # fmt: skip
ORDINARY = """
    who are you
    is this a robot
    what can you help me with
    what is your phone number
    when can I reach you by phone
    which of your staff speaks French
    do you have a store with staff who advise me
    can a person carry it alone
    can somebody else pick up my order
    can my colleague use my account
    can I have it sent to a neighbor
    please help me with my order
    I have a problem with my account
    thank you, that was kind of you
    how can I contact the seller
    do you call before you deliver
    can you do it in another color
    how do I do that
    I don't understand, what do you mean
    that is not what I asked
    I am dying to know when it comes
    this zipper is killing me
    it died after a week and does not turn on any more
    it is broken after one use
    the pole snapped the first time we used it
    my parcel arrived damaged
    a part is missing
    does it get hot while it runs
    is it safe for children
    is it safe to use indoors
    how do I change the battery
    does the warranty cover burn marks
    can I take gas on a plane
    is the food safe for people with allergies
    how do I clean and care for it
    did you recall this product
    what do I do when it smells
    I forgot my password
    I did not get a confirmation of my order
    I did not receive my order
    my account is locked and I cannot sign in
    how do you keep my card data safe
    my card was declined
    I lost my card
    I ordered the wrong thing by mistake
    I want to cancel my order
    I want to change my order
    when is my card charged
    why is a payment pending
    do you charge for returns
    how much do you charge for delivery
    the price fell after I bought it
    my discount was not applied
    how do I get a refund
    when do I get my money back
    my refund has not arrived yet
    can I get my money back if I don't like it
    can I pay in two installments
    what does it cost in total
    can I get an invoice
    how do I cancel my subscription
    where are your terms and conditions
    is it legal to use it here
    what are my rights when it breaks
    how do you use my data
    how do I delete my data
    my order is late
    nobody brought my parcel
    why does it take so long
    I am not happy with the color
    I don't like it, can I send it back
    how do I leave a review
    do you answer e-mails on weekends
    how long until you reply to my e-mail
    I want to change the e-mail address of my account
    I have two accounts, can you merge them
    when is somebody available in the chat
    how do I sign up for your newsletter
    I was not able to pay
    why does my statement show a charge twice
    do I need an account
    where do I report it
    how do I report damage
    how do I know whether an e-mail is really from you
    how do I sharpen the blade
    what is this fee for
    where is the money that I sent
    the balance is not up to date
    the money came back to my account
    who made you
    can I use this with it, is that ok
"""
