"""What a match of a shape becomes: its placeholder, or itself where it only looks like a secret."""

from __future__ import annotations

import re
from functools import lru_cache

from llmscope.redact._shapes import (
    DATE,
    ISSUER,
    JWT,
    KEY,
    NATIONAL_REGIONS,
    NOT_A_SECRET,
    PLACED,
)

Match = re.Match[str]


def kind_of(match: Match, value: str) -> str | None:
    """What the named value is, or None where it is no secret."""
    if not value or NOT_A_SECRET.fullmatch(value) or not _plausible(match, value):
        return None
    if KEY.fullmatch(value) or JWT.fullmatch(value):
        return "TOKEN" if JWT.fullmatch(value) else "KEY"
    return "PASSWORD" if match["password"] else "KEY" if match["key"] else "TOKEN"


def _plausible(match: Match, value: str) -> bool:
    """Whether the value can be what its name says: names that prose and counts use too ask for more."""
    odd = not value.isalpha()
    if match["password"]:
        name = match["password"].lower()
        in_prose = match["said"] or (name in ("pass", "secret") and match["bare"] and match["mark"] == ":")
        path = name == "pwd" and value[:1] in "/~.\\"
        return not path and (not in_prose or (odd and len(value) > 3)) and not (name == "pass" and value.isdecimal())
    mixed = odd and re.search("[0-9]", value) and not re.fullmatch(r"[0-9.,:TZ+-]+", value)
    return bool(mixed) and len(value) >= (16 if match["long"] else 8) and not match["said"]


def authorization_of(match: Match) -> str:
    header, scheme, value = match.groups()
    bare_scheme = scheme and not (_is_basic(value) if scheme[1] in "aA" else _is_bearer(value))
    return match[0] if bare_scheme else f"{header or scheme}[TOKEN]"


def _is_bearer(value: str) -> bool:
    return len(value) >= 8 and (len(value) >= 24 or re.search("[0-9]", value) is not None)


def _is_basic(value: str) -> bool:
    from binascii import Error, a2b_base64

    try:
        return len(value) >= 8 and b":" in a2b_base64(value.encode(), strict_mode=True)
    except Error:
        return False


def cookie_of(match: Match) -> str:
    value = match[1] or match[2]
    return match[0] if PLACED.match(value) else match[0][: -len(value)] + "[TOKEN]"


def email_of(match: Match) -> str:
    local, top = match[1], match[2].rpartition(".")[2]
    real = local != "git" and (top.startswith("xn--") or (len(top) > 1 and top.isalpha()))
    return "[EMAIL]" if real else match[0]


def iban_of(match: Match) -> str:
    from stdnum.iban import is_valid

    found = match[0]
    ends = [end for end in range(len(found), 14, -1) if not found[end : end + 1].isalnum() and found[end - 1].isalnum()]
    return next(("[IBAN]" + found[end:] for end in ends if is_valid(found[:end])), found)


def card_of(match: Match) -> str:
    from stdnum.luhn import is_valid

    for end in (len(match[0]), 19):  # a security code may stand behind the number in the same spacing
        digits = re.sub(r"[ -]", "", match[0][:end])
        if ISSUER.match(digits) and is_valid(digits) and len(set(digits)) > 1:
            return "[CARD]" + match[0][end:]
    return match[0]


def ip_of(match: Match) -> str:
    from ipaddress import ip_address

    found = match[0]
    if ":" in found and not _is_hextets(found):
        return found
    try:
        ip_address(found)
    except ValueError:
        return found
    return "[IP]"


def _is_hextets(found: str) -> bool:
    """Not a Python slice (x[::2]), a C++ name (abc::def) or a clock."""
    groups = [group for group in found.split(":") if group]
    letters, digits = (any(test(letter) for letter in found) for test in (str.isalpha, str.isdecimal))
    return found == "::1" or (digits and (letters or len(groups) > 2) and max(map(len, groups)) > 2)


def phone_of(match: Match) -> str:
    return "[PHONE]" if _is_phone(match.lastgroup or "", match[0]) else match[0]


@lru_cache(maxsize=4096)
def _is_phone(shape: str, found: str) -> bool:
    import phonenumbers as lib

    if shape == "national" and (found.isdecimal() or DATE.search(found)):
        return False
    spaces_only = not re.search(r"[-.()]", found)
    regions = {"american": ("US",), "chinese": ("CN",), "national": NATIONAL_REGIONS}.get(shape, (None,))
    number = "+" + found[2:] if shape == "plus" and found.startswith("00") else found
    for region in regions:
        try:
            parsed = lib.parse(number, region)
        except lib.NumberParseException:
            continue
        lenient = shape == "plus" or (shape == "american" and not spaces_only)
        if lib.is_valid_number(parsed) or (
            lenient and lib.is_possible_number_with_reason(parsed) == lib.ValidationResult.IS_POSSIBLE
        ):
            return True
    return False
