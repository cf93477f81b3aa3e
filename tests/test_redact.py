"""What redact takes out of a text, and what it must leave alone."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.redact import KINDS, redact, redact_head, redact_many

# Joined here, so that no scanner takes this file for a leak.
BODY = "A1b2C3d4E5" + "f6G7h8J9k0"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9" + "." + "eyJ" + "zdWIiOiIxIn0" + "." + BODY
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----"
PEM_END = "-----END RSA " + "PRIVATE KEY-----"

FOUND = [
    ("mail bob.o+x@mail.example.co.uk, ok", "mail [EMAIL], ok"),
    ("?u=bob%40example.com&x=1", "?u=[EMAIL]&x=1"),
    ("<josé@exämple.fr>", "<[EMAIL]>"),
    ("call +1-555-123-4567 now", "call [PHONE] now"),
    ("(555) 123-4567", "[PHONE]"),
    ("555.123.4567", "[PHONE]"),
    ("+442079460958", "[PHONE]"),
    ("020 7946 0958", "[PHONE]"),
    ("06 12 34 56 78", "[PHONE]"),
    ("0044 20 7946 0958", "[PHONE]"),
    ("138 0013 8000", "[PHONE]"),
    ('{"phone_number": "9876543210"}', '{"phone_number": "[PHONE]"}'),
    ("card 4111 1111 1111 1111 123 exp", "card [CARD] 123 exp"),
    ("5555-5555-5555-4444", "[CARD]"),
    ("378282246310005", "[CARD]"),
    ("2223003122003222", "[CARD]"),
    ("pay GB82 WEST 1234 5698 7654 32 NOW", "pay [IBAN] NOW"),
    ("to de89370400440532013000.", "to [IBAN]."),
    ("from 192.168.1.10:8080", "from [IP]:8080"),
    ("http://[2001:db8::8a2e:370:7334]/", "http://[[IP]]/"),
    ("ip:2001:db8::1", "ip:[IP]"),
    ("::ffff:192.0.2.1", "[IP]"),
    (f"key {'sk-' + BODY * 2}!", "key [KEY]!"),
    ("sk-proj-" + BODY, "[KEY]"),
    ("sk-ant-" + "api03-" + BODY, "[KEY]"),
    ("AKIA" + "ABCDEFGH12345678", "[KEY]"),
    ("AIza" + BODY * 2, "[KEY]"),
    ("ghp_" + BODY * 2, "[KEY]"),
    ("github_pat_" + BODY * 2, "[KEY]"),
    ("xoxb-" + "1234-" + BODY, "[KEY]"),
    ("https://hooks.slack.com/services/" + BODY, "https://hooks.slack.com/services/[KEY]"),
    ("hf_" + BODY * 2, "[KEY]"),
    ("sk_live_" + BODY, "[KEY]"),
    ("gsk_" + BODY * 2, "[KEY]"),
    ("x-api-key: " + BODY, "x-api-key: [KEY]"),
    ("aws_secret_access_key = " + BODY * 2, "aws_secret_access_key = [KEY]"),
    (f"{PEM}\nMIIE{BODY * 3}\n{BODY}==\n{PEM_END} after", "[KEY] after"),
    (f'"{PEM}\\nMIIE{BODY * 3}\\n{BODY}', '"[KEY]'),
    (f"t={JWT};", "t=[TOKEN];"),
    (f"Authorization: Bearer {BODY}", "Authorization: Bearer [TOKEN]"),
    ('{"Authorization": "Bearer abc"}', '{"Authorization": "Bearer [TOKEN]"}'),
    ("Basic " + "dXNlcjpwYXNzd29yZA==", "Basic [TOKEN]"),
    ("Set-Cookie: session=abc; Path=/\nHost: x", "Set-Cookie: [TOKEN]\nHost: x"),
    ("?access_token=abcdef123456&x=1", "?access_token=[TOKEN]&x=1"),
    ("postgres://user:p@ss@db:5432/x", "postgres://user:[PASSWORD]@db:5432/x"),
    ("password=hunter2&x=1", "password=[PASSWORD]&x=1"),
    ('{"password": "hun\\"ter2", "a": 1}', '{"password": "[PASSWORD]", "a": 1}'),
    ('{\\"pwd\\": \\"x y\\", \\"b\\"', '{\\"pwd\\": \\"[PASSWORD]\\", \\"b\\"'),
    ("DB_PASSWORD=me@x.com!1;x", "DB_PASSWORD=[PASSWORD];x"),
    ("my password is hunter2.", "my password is [PASSWORD]."),
    ("<password>abc</password>", "<password>[PASSWORD]</password>"),
    ("mysql --password hunter2 -h x", "mysql --password [PASSWORD] -h x"),
    ("secret=abc, {pwd: letmein}", "secret=[PASSWORD], {pwd: [PASSWORD]}"),
    ("İİ password=hunter2", "İİ password=[PASSWORD]"),
    ("password='cut off he", "password='[PASSWORD]"),
    (f"password={'sk-proj-' + BODY}", "password=[KEY]"),
]

KEPT = """
req_011CSHoEeqs5C35K2UUqjsDH chatcmpl-9abcDEF123456789012345678901 msg_01XFDUDYJgAACzvnptvVoYEL
d41d8cd98f00b204e9800998ecf8427e 550e8400-e29b-41d4-a716-446655440000
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
1723560043 1723560043123 1723560043123456789 1723560043.123456 9876543210 20240806123456
2024-08-06T12:34:56.789Z|2024-08-06 12:34:56+02:00|06-08-2024 12:30|01.02.2024 10:11|2024-01-01 - 2024-02-02
prompt_tokens=1024, max_tokens: 4096, token: 5|cost 1,234,567.89 +1,000,000 3.14159265358979 0.000123456789012
claude-3-5-haiku-20241022 gpt-4o-2024-08-06 anthropic.claude-3-5-sonnet-20241022-v2:0 claude-3-5-sonnet@20241022
4111111111111112 1234567890123456|id 4532-1234|10 20 30 40 50 60 70|100 200 3000|50 000 000
lodash@4.17.21 v1.2.3.4 1.2.3|git@github.com:org/repo|https://example.com:8080/a@b
x[::2] a[1::3] std::vector abc::def|12:34:56 aa:bb:cc:dd:ee:ff
password reset|password: null|password must be 8|password is incorrect|password=os.environ['X']|password: ${PW}
the secret: practice|secret santa|basic understanding|bearer of news|token is expired|api_key=YOUR_API_KEY
task-force-with-a-long-name-123456789|cookie: chocolate|{"token": "Hello", "logprob": -0.1}|session_id=abc12345678901
PWD=/home/user|pass: 12, fail: 3|compass: north|arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x
"""

HOSTILE = [
    *(
        "a@",
        "1",
        "eyJ",
        "eyJ_",
        "sk-",
        'password="',
        'pwd=\\"x',
        "-----BEGIN " + "PRIVATE KEY-----",
        "://a:",
        "a.",
        "::",
    ),
    *("GB82 ", "4111-", "01 02 ", "212 555 0199 ", "cookie: a=", "token=", "--a-", "pwd: ", "[", "phone: 1", "-", "\\"),
]
# Pieces that make secrets, joined at random: what one replacement uncovers beside it must not change on a second look.
PIECES = [text for text, _ in FOUND] + [
    "[EMAIL]",
    "[PASSWORD]",
    " ",
    "=",
    ":",
    "@",
    "+",
    ".",
    "-",
    '"',
    "\\",
    "\n",
    "1",
]


@pytest.mark.parametrize(("text", "redacted"), FOUND)
def test_secret_becomes_its_placeholder(text: str, redacted: str) -> None:
    """Each kind is replaced, and the text around it stays."""
    assert redacted == redact(text)
    assert redacted == redact(redacted)


@pytest.mark.parametrize("text", [text for text in KEPT.replace("\n", "|").split("|") if text])
def test_what_is_no_secret_stays(text: str) -> None:
    """Ids, hashes, times, counts, prices, versions, model names and talk about passwords are untouched."""
    assert text == redact(text)


def test_every_kind_has_an_example() -> None:
    """No kind of placeholder goes untested."""
    assert set(KINDS) == {kind for kind in KINDS for _, redacted in FOUND if f"[{kind}]" in redacted}


@given(st.text(alphabet=st.characters()))
def test_any_text_is_taken(text: str) -> None:
    """No str makes it raise, lone surrogates and NUL included, and twice is once."""
    once = redact(text)

    assert once == redact(once)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_twice_is_once(text: str) -> None:
    """Secrets joined without a gap come to rest too."""
    once = redact(text)

    assert once == redact(once)


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear(piece: str) -> None:
    """300 kB of the worst repeat takes seconds where a quadratic shape would take hours."""
    start = time.perf_counter()
    redact(piece * (300_000 // len(piece)))

    assert time.perf_counter() - start < 6


def test_column_keeps_nulls() -> None:
    """A column comes back with its nulls and its length."""
    assert redact_many(["a@b.com", None, "", "plain"]) == ["[EMAIL]", None, "", "plain"]


def test_head_is_redacted_before_it_is_cut() -> None:
    """A secret that straddles the cut leaves no half, and a placeholder is whole or absent."""
    raw = b"x" * 15 + b" bob@example.com and more"

    assert redact_head(raw, limit=20) == "x" * 15 + " "
    assert redact_head(raw, limit=27) == "x" * 15 + " [EMAIL] and"


def test_head_of_a_long_line_drops_what_the_window_cut() -> None:
    """Where the window itself cuts a secret, its half is not shown even if all before it shrank."""
    pem = PEM + "\n" + BODY * 200 + "\n" + PEM_END
    raw = (pem + " " * 600 + ("4111 1111 1111 1111 " * 300)).encode()

    assert redact_head(raw).startswith("[KEY]  ")
    assert "4111" not in redact_head(raw, limit=1000)


def test_head_shows_controls_as_escapes() -> None:
    """Escape sequences, bidi marks and broken bytes cannot reach a terminal."""
    assert (
        redact_head("\x1b]0;\x07 \u202e \0 ".encode() + b"\xff \xc3\xa9\ta\r\n")
        == "\\x1b]0;\\x07 \\u202e \\x00 \ufffd é\\ta"
    )


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_head_of_utf16_is_not_shown_letter_by_letter(coding: str) -> None:
    """A secret does not slip through as letters with NULs between them."""
    assert redact_head("password=hunter2 x".encode(coding)).lstrip("\ufeff") == "password=[PASSWORD] x"


@given(st.binary(max_size=400), st.integers(0, 300))
def test_head_takes_any_bytes(raw: bytes, limit: int) -> None:
    """Any bytes give at most `limit` printable characters."""
    head = redact_head(raw, limit)

    assert len(head) <= limit
    assert head.isprintable()


def test_import_is_light() -> None:
    """The libraries are imported when the first candidate turns up, not before."""
    code = (
        "import sys, llmscope.redact as r; r.redact('plain 2024 text, no: secrets');"
        "print([m for m in ('phonenumbers', 'stdnum', 'ipaddress', 'duckdb') if m in sys.modules])"
    )

    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("write to jane\u200b.doe@exam\u200bple.com now", "write to [EMAIL] now"),
        ("ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ wrote", "[EMAIL] wrote"),
        ("card 4111\u200b1111\u200b1111\u200b1111 ok", "card [CARD] ok"),
        ("nichts\u00ad geheimes, Größe ５ and a \u200b blank", "nichts\u00ad geheimes, Größe ５ and a \u200b blank"),
    ],
)
def test_letters_nobody_sees_hide_nothing(text: str, meant: str) -> None:
    """A text with something to hide is shown without the letters that hid it; one with nothing stays as it is."""
    assert meant == redact(text)
    assert meant == redact(redact(text))
