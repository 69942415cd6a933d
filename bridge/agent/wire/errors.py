"""The client's errors, worded as the vendor's."""

import re
from collections.abc import Sequence


class ClientError(Exception):
    """The client's fault: becomes an `error` event, the session stays up."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


_WRONG = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def client_error(text: str, known_types: Sequence[str]) -> ClientError:
    """msgspec's wording turned into the vendor's."""
    match = _WRONG.match(text)
    assert match is not None
    what, path = match["what"], match["path"] or ""
    if named := re.match(r"Object (missing required|contains unknown) field `(.*)`$", what):
        param = f"{path}.{named[2]}" if path else named[2]
        if named[1] == "missing required":
            return ClientError(
                "missing_required_parameter", f"Missing required parameter: '{param}'.", param
            )
        return ClientError("unknown_parameter", f"Unknown parameter: '{param}'.", param)
    if path == "type" and what.startswith("Invalid value"):
        value = what.removeprefix("Invalid value ")
        known = ", ".join(f"'{name}'" for name in known_types)
        return ClientError(
            "invalid_value",
            f"Invalid value: {value}. Supported values are: {known}.",
            "type",
        )
    code = "invalid_type" if re.match(r"Expected `[^`]*`, got ", what) else "invalid_value"
    return ClientError(code, f"Invalid '{path}': {what}.", path or None)
