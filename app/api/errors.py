"""What may go wrong at the door of the API, each with its status.

NotSignedIn   ── BadKey               401  no key, or one that does not work
Forbidden     ── MissingScope         403  a key that may not do this
Conflict      ── InProgress           409  the first request of this idempotency key still runs
AppError      ── ChangedMeanwhile     412  `If-Match` names an older state
              ── NotJson              415  a body of another type
              ── BadJson              400  a body that is no JSON
TooLong       ── BodyTooLarge         413
Invalid       ── BadField             422  a value does not fit; `fields` says where
              ── BadParameter         422  the same of the query, by its name
              ── KeyReused            422  an idempotency key that was used for another request
"""

from app.errors import AppError, Conflict, Forbidden, Invalid, NotSignedIn, TooLong


class BadKey(NotSignedIn):
    code = "bad_key"
    sentence = "Send a working key: Authorization: Bearer ck_live_…"


class MissingScope(Forbidden):
    code = "missing_scope"


class InProgress(Conflict):
    code = "in_progress"
    sentence = "The first request with this idempotency key is still running."
    retry_after_s = 1.0


class ChangedMeanwhile(AppError):
    code, status = "changed_meanwhile", 412
    sentence = "It has changed since you read it; read it again."


class NotJson(AppError):
    code, status = "not_json", 415
    sentence = "Send application/json."


class BadJson(AppError):
    code, status = "bad_json", 400
    sentence = "The body is not JSON."


class BodyTooLarge(TooLong):
    code = "body_too_large"


class KeyReused(Invalid):
    code = "key_reused"
    sentence = "This idempotency key was used for another request."


class BadField(Invalid):
    """A value that does not fit, with a JSON pointer to it."""

    def __init__(self, pointer: str, sentence: str, code: str = "invalid") -> None:
        super().__init__(sentence)
        self.fields = ({"pointer": pointer, "code": code, "detail": sentence},)


class BadParameter(Invalid):
    """A parameter of the query that does not fit, by its name."""

    def __init__(self, name: str, sentence: str, code: str = "invalid") -> None:
        super().__init__(sentence)
        self.fields = ({"parameter": name, "code": code, "detail": sentence},)
