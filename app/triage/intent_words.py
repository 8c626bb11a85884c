"""What tickets say, by what they want; each line a regular expression. English."""

# ruff: noqa: E501

from enum import StrEnum


class Intent(StrEnum):
    """What is wanted."""

    ORDER_STATUS = "order_status"
    REFUND = "refund"
    RETURN = "return"
    CANCELLATION = "cancellation"
    CHANGE_ORDER = "change_order"
    NEW_ORDER = "new_order"
    DELIVERY = "delivery"
    PAYMENT = "payment"
    INVOICE = "invoice"
    ACCOUNT = "account"
    DEFECT = "defect"
    COMPLAINT = "complaint"
    FEEDBACK = "feedback"
    CONTACT = "contact"
    OTHER = "other"


SAYS: tuple[tuple[Intent, int, str], ...] = (
    (Intent.COMPLAINT, 3, r"""
        (?:file|lodge|make|submit|open|register)\w* (?:a |an |my )?(?:\w+ ){0,2}(?:complaint|claim|reclamation)s?
        complaints?
        (?:lodg|fil)ing (?:a |an )?(?:\w+ )?claims?
        (?:consumer )?reclamations?
        (?:unacceptable|outrageous|disgrace\w*|disgust\w*|appalling)
    """),
    (Intent.REFUND, 3, r"""
        refunds?|refunded|refunding
        (?:my )?money back
        reimburse\w*
        compensat\w*
        (?:restitution|rebate)s?
        chargebacks?
    """),
    (Intent.CANCELLATION, 3, r"""
        (?:early )?(?:termination|cancell?ation|withdrawal|exit) (?:fee|charge|penalt)\w*
        (?:cancel|cancell?ing|cancell?ed|cancell?ation)
        call off
        (?:do not|don['’]?t|no longer) want (?:to keep )?(?:my |the |this )?(?:order|purchase)
    """),
    (Intent.INVOICE, 3, r"""
        (?:invoice|bill|receipt)s?
        billing
        vat
    """),
    (Intent.ACCOUNT, 3, r"""
        (?:password|passcode|pin code|pwd|access key|user ?name|sign ?-?up|signup|log ?-?in|sign ?-?in)s?
        (?:log|sign)(?:ged|ging|ned|ning)? (?:in|into|up|out)
        (?:account|profile|registration|register|registering|user)s?
        two.factor
        (?:subscri\w+|unsubscri\w+|newsletter\w*|corporate bulletin)
    """),
    (Intent.PAYMENT, 3, r"""
        pay(?:ing|ment|ments|pal)?
        paid
        (?:credit|debit|gift) ?cards?|visa|mastercard|voucher|coupon|discount code
        (?:charged|charge) (?:me )?(?:twice|double|wrong\w*|again)
        checkout
    """),
    (Intent.RETURN, 3, r"""
        return(?:s|ed|ing)?
        send (?:it|this|them|these|\w+ \w+) back
        exchang\w+
    """),
    (Intent.DEFECT, 3, r"""
        broken|broke|defect\w*|damaged|faulty|torn|cracked|leak\w*|malfunction\w*
        (?:does not|doesn['’]?t|do not|don['’]?t|stopped|not|never) (?:work|works|working|turn on|charge|fit)
        (?:warranty|repair\w*|spare parts?)
        (?:wrong|missing|incomplete) (?:item|part|piece|product|size|colou?r|order)s?
    """),
    (Intent.ORDER_STATUS, 3, r"""
        track(?:ing|ed)?
        where(?: is|['’]s|s| are) (?:my|the|our) (?:\w+ ){0,2}(?:order|parcel|package|purchase|item|delivery|shipment|stuff|things)s?
        (?:order|purchase|delivery|shipping|shipment|parcel|package)(?:['’]s)? status
        (?:status|eta|whereabouts) of (?:\w+ ){0,3}(?:order|purchase|parcel|package|shipment|delivery)s?
        (?:not|never|hasn['’]?t|haven['’]?t|didn['’]?t|did not|still waiting|yet to) (?:\w+ ){0,3}(?:arriv|receiv|come|got|deliver)\w*
        (?:check|locat\w*|see|seeing|view) (?:\w+ ){0,3}(?:order|purchase|parcel|package)
        (?:order|purchase) \d+ status|status of (?:order|purchase) \d+
        (?:late|lost|delayed|overdue)
    """),
    (Intent.CHANGE_ORDER, 3, r"""
        (?:chang|edit|modif|updat|correct|amend|add|remov|delet|swap|switch|alter)\w* (?:\w+ ){0,5}(?:order|purchase|item|product|article)s?(?: \S+)?
        (?:wrong|other|different) quantit\w+
    """),
    (Intent.NEW_ORDER, 3, r"""
        (?:place|make|submit|put in) (?:\w+ ){0,2}(?:order|purchase)s?
        (?:shop|shopping|earn|buy) (?:for )?(?:\w+ ){0,3}(?:product|article|item)s?
        (?:buy|buying|order|ordering|purchase|purchasing|acquire|get) (?:a|an|some|several|more|this|that|one of|your|the|these) \w+
        (?:in stock|back in stock|sell|available|availability)
    """),
    (Intent.DELIVERY, 2, r"""
        deliver(?:y|ies|ed|ing|s)?
        ship(?:s|ped|ping|ment|ments)?
        (?:shipping|delivery|home|secondary|new|billing) address(?:es)?
        address(?:es)?
        (?:courier|carrier|express|pick ?-?up)s?
        (?:arrive|arrives|arriving|arrival)
        how (?:soon|long|fast|quick\w*)
    """),
    (Intent.CONTACT, 2, r"""
        (?:customer|client) (?:service|support|care|assistance)
        (?:speak|talk|chat|speaking|talking|reach|contact|call|phone|get in touch)\w* (?:\w+ ){0,3}(?:someone|somebody|agent|human|person|operator|assistant|representative|support|you|team|staff|attendant)s?
        (?:human|live|free|real|support|customer)? ?(?:agent|operator|representative|person|assistant)s?
        (?:phone|telephone|toll.free|contact) (?:number|line)s?
        opening hours|working hours|hours of
    """),
    (Intent.FEEDBACK, 3, r"""
        (?:feedback|review|reviews|opinion|comment|comments|suggestion|suggestions|testimonial|rating)
        (?:love|great|awesome|excellent|fantastic|thank) (?:\w+ ){0,3}(?:service|shop|product|team|job|work|help)
    """),
)  # fmt: skip
