"""Lists of phrases as one regular expression."""

import re


def any_of(lines: str, *, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    """Matches any line of the list, each a regular expression of its own, as whole words.

    A line beginning with `#` is a comment.
    """
    given = [line.strip() for line in lines.splitlines()]
    chosen = [line for line in given if line and not line.startswith("#")]
    return re.compile(rf"(?<!\w)(?:{'|'.join(chosen)})(?!\w)", flags)
