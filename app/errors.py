"""What may go wrong in the application, as a tree; every error tells a person one sentence.

    AppError
    ├── NotFound             unknown, or not yours; a stranger cannot tell which
    ├── Conflict             somebody was faster
    │   ├── AnswerLive       the conversation already has a running answer
    │   └── StaleAnswer      a bot's write after somebody else took the word
    ├── ConversationClosed   archived, or resolved too long ago
    ├── Blocked              this contact may not write
    ├── NotSignedIn          no, wrong or expired credentials
    ├── Forbidden            signed in, but not allowed
    ├── RateLimited          too often; says when to try again
    ├── TooLong · Empty · Invalid   the text or a value does not fit
    ├── Unavailable          something we need is not there right now
    └── StartError           the start was refused; `code` names why
        ├── DatabaseTooNew · DatabaseBehind · DatabaseUnreachable
        ├── DataFolderInUse · PortInUse · BadSettings · BadQuestionSet
        └── EngineFailed     missing or corrupt weights, or an engine that keeps dying

The codes of the first group are the `nack` codes of the protocol; no HTTP object is known here.
"""

from collections.abc import Mapping, Sequence


class AppError(Exception):
    """A failure with a `code` for programs, a `status` for HTTP and a sentence for a person."""

    code = "invalid"
    status = 400
    sentence = "That did not work."
    retry_after_s: float | None = None
    fields: Sequence[Mapping[str, str]] = ()
    """What of the request does not fit: `pointer` or `parameter`, `code` and `detail` each."""

    def __init__(self, sentence: str | None = None, *, retry_after_s: float | None = None) -> None:
        self.sentence = sentence or self.sentence
        self.retry_after_s = retry_after_s or self.retry_after_s
        super().__init__(self.sentence)


class NotFound(AppError):
    code, status, sentence = "not_found", 404, "There is no such thing here."


class Conflict(AppError):
    code, status, sentence = "conflict", 409, "Somebody else was faster; please look again."


class AnswerLive(Conflict):
    sentence = "An answer is already being written in this conversation."


class StaleAnswer(Conflict):
    sentence = "This answer has ended; nothing more of it is taken."


class ConversationClosed(AppError):
    code, status, sentence = "closed", 409, "This conversation has ended; please start a new one."


class Blocked(AppError):
    code, status, sentence = "blocked", 403, "You cannot write here."


class NotSignedIn(AppError):
    code, status, sentence = "not_signed_in", 401, "Please sign in."


class Forbidden(AppError):
    code, status, sentence = "forbidden", 403, "Your role does not allow this."


class RateLimited(AppError):
    code, status, sentence = "rate_limited", 429, "Too many attempts; please wait a moment."


class TooLong(AppError):
    code, status, sentence = "too_long", 413, "This message is too long."


class Empty(AppError):
    code, status, sentence = "empty", 422, "This message is empty."


class Invalid(AppError):
    code, status, sentence = "invalid", 422, "This value does not fit."


class Unavailable(AppError):
    code, status, sentence = "unavailable", 503, "This is not available right now; try again soon."
    retry_after_s = 2.0


class StartError(AppError):
    code, status, sentence = "start_failed", 500, "Careline could not start."


class DatabaseTooNew(StartError):
    code = "database_too_new"
    sentence = "The database was written by a newer Careline; start that version instead."


class DatabaseBehind(StartError):
    code = "database_behind"
    sentence = "The database is older than this Careline; run `careline migrate` first."


class DatabaseUnreachable(StartError):
    code = "database_unreachable"
    sentence = "The database cannot be reached."


class DataFolderInUse(StartError):
    code = "data_folder_in_use"
    sentence = "Another Careline runs on this data folder."


class PortInUse(StartError):
    code = "port_in_use"
    sentence = "The port is in use; choose another with --port."


class BadSettings(StartError):
    code = "bad_settings"
    sentence = "The settings do not fit."


class BadQuestionSet(StartError):
    code = "bad_question_set"
    sentence = "The set of questions cannot be used."


class WorkersFailed(StartError):
    code = "workers_failed"
    sentence = "The web processes died too often and were given up; see their logs."


class EngineFailed(StartError):
    code = "engine_failed"
    sentence = "The engine could not start."
