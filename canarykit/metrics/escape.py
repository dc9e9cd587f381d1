"""Keeps values that a template puts into PromQL inside the quoted text in which they stand.

Only what would end the text is escaped: its quote, line ends, a backslash at the end. Escapes that a user wrote into a value,
as in ``podinfo\\\\..*``, stay as they are, because they work so with Flagger. Outside of quotes nothing can be escaped.
Source: design.md section 12.
"""

import re

_PATTERN_SIGNS = re.compile(r"[\\.+*?()|\[\]{}^$]")


def pattern(text: str) -> str:
    """Return a PromQL regular expression, ready to stand between double quotes, that matches exactly ``text``.

    ``my.app`` gives ``my\\\\.app`` (two backslashes: one for the text, one for the expression). Source: analysis.md section 1.4,
    where upstream lets a dot match any character.
    """
    return _PATTERN_SIGNS.sub(r"\\\g<0>", text).replace("\\", "\\\\")


class PromqlEscape:
    """Follows a query as it grows and fits values into it (`canarykit.templates.Escape`)."""

    def __init__(self) -> None:
        self._inside = ""  # the quote of the text we are in, "#" in a comment, "" elsewhere
        self._after_backslash = False

    def saw(self, text: str) -> None:
        """Take note of literal PromQL."""
        for character in text:
            self._step(character)

    def fitted(self, value: str) -> str:
        """Return ``value`` so that it ends neither the quoted text nor the comment it stands in.

        Raises:
            ValueError: a backtick inside backticks, for which PromQL has no escape.
        """
        if not self._inside:
            self.saw(value)
            return value
        if self._inside == "`" and "`" in value:
            raise ValueError("a value with a backtick cannot stand between backticks")
        fitted = "".join(self._fit(character) for character in value)
        if self._after_backslash:
            fitted += "\\"
            self._step("\\")
        return fitted

    def _fit(self, character: str) -> str:
        if self._inside == "#" and character == "\n":
            return " "
        escaped = character
        if self._inside in ('"', "'"):
            if character == "\n":
                escaped = "n" if self._after_backslash else "\\n"
            elif character == self._inside and not self._after_backslash:
                escaped = "\\" + character
        self.saw(escaped)
        return escaped

    def _step(self, character: str) -> None:
        if self._after_backslash:
            self._after_backslash = False
        elif self._inside in ('"', "'"):
            if character == "\\":
                self._after_backslash = True
            elif character == self._inside:
                self._inside = ""
        elif self._inside == "`":
            self._inside = "" if character == "`" else "`"
        elif self._inside == "#":
            self._inside = "" if character == "\n" else "#"
        elif character in "\"'`#":
            self._inside = character
