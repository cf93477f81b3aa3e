"""Token counts as OpenAI publishes them, with no network and no cache, and which tokenizer a model's name means."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscope.errors import LlmscopeError
from llmscope.redact import KINDS
from llmscope.tokens import CL100K, O200K, Counter, Tokenizer, count, counter, messages_of, parts_of, tokenizer_of
from llmscope.tokens import ranks as rank_files
from llmscope.tokens.counting import LONGEST_RUN, cut
from llmscope.tokens.ranks import ADDRESS, SHA256
from llmscope.tokens.ratios import script_of

ROOT = Path(__file__).parents[1]
PACKED = ROOT / "llmscope" / "data"
# openai-cookbook, examples/How_to_count_tokens_with_tiktoken.ipynb: the API answers 129 prompt tokens on gpt-4-0613.
COOKBOOK = [
    {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon "
     "into plain English."},
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
    {"role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base "
     "on opportunities for increased leverage."},
    {"role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do "
     "better."},
    {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client "
     "deliverable."},
]  # fmt: skip
# Text, cl100k, o200k: openai-cookbook and tiktoken's README.
KNOWN = [
    ("hello world", 2, 2),
    ("tiktoken is great!", 6, 6),
    ("antidisestablishmentarianism", 6, None),
    ("2 + 2 = 4", 7, None),
    ("お誕生日おめでとう", 9, 8),
    ("", 0, 0),
]
OFFLINE = """
import socket
def refused(*args, **kwargs):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
import os, json
from llmscope.tokens import count
texts = {texts!r}
before = dict(os.environ)
found = [[count(t, m).tokens for m in ("gpt-4", "gpt-4o")] for t in texts]
print(json.dumps([found, dict(os.environ) == before]))
"""


def offline(folder: Path, **environment: str) -> tuple[list[list[int]], bool]:
    """The known texts counted in a process without a network, and whether it left its environment as it was."""
    names = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", "XDG_CACHE_HOME", "HOME")
    kept = {k: v for k, v in os.environ.items() if k not in names}
    run = [sys.executable, "-c", OFFLINE.format(texts=[t for t, *_ in KNOWN])]
    env = {**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(run, capture_output=True, text=True, env=env, cwd=folder, check=False)
    assert 0 == done.returncode, done.stderr
    found, same = json.loads(done.stdout)
    return found, same


def matches(found: list[list[int]]) -> bool:
    return all(a == c and o in (None, b) for (_, c, o), (a, b) in zip(KNOWN, found, strict=True))


def test_known_counts_offline_with_an_empty_cache(tmp_path: Path) -> None:
    """The published counts, sockets refused and no cache; the rank files are unpacked once, under tiktoken's names."""
    found, same = offline(tmp_path)
    cached = {p.name for p in (tmp_path / ".cache" / "llmscope" / "tiktoken").iterdir()}

    assert matches(found)
    assert same
    assert cached == {hashlib.sha1(ADDRESS.format(name=n).encode()).hexdigest() for n in SHA256}


def test_damaged_cache_is_written_anew(tmp_path: Path) -> None:
    """A rank file cut short in the cache is not trusted, and nothing is fetched for it."""
    offline(tmp_path, XDG_CACHE_HOME=str(tmp_path / "x"))
    for path in (tmp_path / "x" / "llmscope" / "tiktoken").iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    found, _ = offline(tmp_path, XDG_CACHE_HOME=str(tmp_path / "x"))

    assert matches(found)


@pytest.mark.parametrize("variable", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"])
def test_users_folder_without_the_file(tmp_path: Path, variable: str) -> None:
    """A cache folder of the user's that lacks the file is left as it is; ours is used, and the variable stays."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    found, same = offline(tmp_path, **{variable: str(theirs)})

    assert matches(found)
    assert same
    assert [] == list(theirs.iterdir())


def test_users_folder_with_the_file(tmp_path: Path) -> None:
    """A user's folder that has the files is used, and nothing is unpacked."""
    for name in SHA256:
        data = gzip.decompress((PACKED / f"{name}.tiktoken.gz").read_bytes())
        (tmp_path / hashlib.sha1(ADDRESS.format(name=name).encode()).hexdigest()).write_bytes(data)
    found, _ = offline(tmp_path, TIKTOKEN_CACHE_DIR=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "x"))

    assert matches(found)
    assert not (tmp_path / "x").exists()


def test_no_home_that_can_be_written(tmp_path: Path) -> None:
    """Where nothing can be kept, a temporary folder does."""
    (tmp_path / "file").write_text("no folder")
    found, _ = offline(tmp_path, XDG_CACHE_HOME=str(tmp_path / "file"))

    assert matches(found)


def test_no_folder_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nothing can be written is told so; no traceback."""

    def refused(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(rank_files.tempfile, "TemporaryDirectory", refused)

    with pytest.raises(LlmscopeError, match="no folder can be written"):
        rank_files.encoding.__wrapped__(CL100K)


def test_rank_files_are_openais() -> None:
    """The packed files hold what tiktoken accepts, by the hashes in its own source; packed without a time."""
    import inspect

    import tiktoken_ext.openai_public as published

    source = inspect.getsource(published)
    for name, digest in SHA256.items():
        packed = (PACKED / f"{name}.tiktoken.gz").read_bytes()

        assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == digest
        assert f'"{ADDRESS.format(name=name)}",\n        expected_hash="{digest}"' in source
        assert packed[4:8] == b"\0\0\0\0"


@pytest.mark.parametrize(("model", "tokens"), [("gpt-4-0613", 129), ("gpt-4o", 124)])
def test_cookbook_messages(model: str, tokens: int) -> None:
    """The sample of openai-cookbook: 129 as the API says for gpt-4-0613; 124 with o200k."""
    messages = messages_of(json.dumps(COOKBOOK))
    assert messages

    assert tokens == counter(model).count_messages(messages).tokens


@pytest.mark.parametrize(
    ("model", "encoding", "method", "family"),
    [
        ("gpt-4", CL100K, "exact", "OpenAI"),
        ("azure/gpt-35-turbo-16k", CL100K, "exact", "OpenAI"),
        ("text-embedding-3-small", CL100K, "exact", "OpenAI"),
        ("openrouter/openai/gpt-4o-2024-08-06", O200K, "exact", "OpenAI"),
        ("ft:gpt-4o-mini-2024-07-18:acme::x1", O200K, "exact", "OpenAI"),
        ("gpt-4.1-nano", O200K, "exact", "OpenAI"),
        ("o3-mini", O200K, "exact", "OpenAI"),
        ("gpt-5.6-sol", O200K, "exact", "OpenAI"),
        ("gpt-oss-120b", O200K, "exact", "OpenAI"),
        ("gpt-6-pro", O200K, "assumed", "OpenAI"),
        ("my-gpt-4-deployment", CL100K, "assumed", "OpenAI"),
        ("claude-2.1", O200K, "ratio", "Claude 2"),
        ("anthropic.claude-v2:1", O200K, "ratio", "Claude 2"),
        ("bedrock/anthropic.claude-v2:0:18k", O200K, "ratio", "Claude 2"),
        ("anthropic.claude-instant-v1:2:100k", O200K, "ratio", "Claude 2"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", O200K, "ratio", "Claude 3 to 4.6"),
        ("claude-opus-4-20250514", O200K, "ratio", "Claude 3 to 4.6"),
        ("claude-3-opus@20240229", O200K, "ratio", "Claude 3 to 4.6"),
        ("claude-opus-4-7", O200K, "ratio", "Claude 4.7 and later"),
        ("meta.llama3-70b-instruct-v1:0", O200K, "ratio", "Llama 3"),
        ("Qwen/Qwen3-32B", O200K, "ratio", "Qwen"),
        ("acme-internal-llm-7b", O200K, "ratio", "unknown"),
        ("", O200K, "ratio", "unknown"),
    ],
)
def test_tokenizer_by_name(model: str, encoding: str, method: str, family: str) -> None:
    """Names as logs write them; nobody's model is counted as cl100k for want of a better."""
    assert Tokenizer(encoding, method, family) == tokenizer_of(model)  # type: ignore[arg-type]


def test_estimate_of_a_claude() -> None:
    """1.2 times o200k, 6 % either way, for English: 100 x "hello" is 100 tokens, so 120, 113 to 127 (112.8, 127.2)."""
    text = "hello" + " hello" * 99
    found = count(text, "claude-sonnet-4-5")

    assert 100 == count(text, "gpt-4o").tokens
    assert (120, "ratio", 1.2, 113, 127) == (found.tokens, found.method, found.ratio, found.low, found.high)


def test_estimate_is_rough_off_english() -> None:
    """Other scripts were measured on one sentence: 40 % either way. 8 x 1.17 = 9.36."""
    found = count("お誕生日おめでとう", "claude-sonnet-4-5")

    assert (9, 6, 13) == (found.tokens, found.low, found.high)


def test_gemini_is_four_characters() -> None:
    """Google's own rule: 400 characters are about 100 tokens."""
    found = count("abc " * 100, "gemini-2.5-flash")

    assert (100, 60, 140, "characters / 4") == (found.tokens, found.low, found.high, found.encoding)


@pytest.mark.parametrize(
    ("text", "script"),
    [("def f(x): return 1", "english"), ("It's “fine”, naïve or not. " + "As far as I can tell. " * 9, "english"),
     ("Die Prüfung des Geräts fällt für Müller später aus", "accented"), ("你好，世界", "chinese"),
     ("お誕生日おめでとう", "japanese"), ("Привет, мир", "other"), ("12 + 4 = 16", "english"), ("😀😀", "english")],
)  # fmt: skip
def test_script(text: str, script: str) -> None:
    """What most letters are; a few accents or quotes do not make a text foreign."""
    assert script == script_of(text)


def test_special_tokens_are_text() -> None:
    """<|endoftext|> in a log is seven tokens of text, not one that ends it."""
    assert 7 == count("<|endoftext|>", "gpt-4").tokens


def test_hostile_texts_are_counted() -> None:
    """White space that stops tiktoken itself is cut at a multiple of 128 blanks, which are one token.

    tiktoken counts 1,000,000 blanks in cl100k without help: 7,813, or 1,000,000 / 128 rounded up.
    """
    assert 7_813 == count(" " * 1_000_000, "gpt-4").tokens
    assert 8_000 == count(" " * 1_024_000, "gpt-4").tokens
    assert count(" " * 1_500_000 + "x", "gpt-4o").tokens > 0
    assert 3 == count("a\ud800b", "gpt-4o").tokens


@given(st.lists(st.sampled_from(["a", " " * LONGEST_RUN, "\n" * (LONGEST_RUN + 1), "b c"]), max_size=6))
def test_cut_keeps_the_text(pieces: list[str]) -> None:
    """Nothing is lost where a run is cut, and no piece has a longer one than two of them."""
    text = "".join(pieces)
    found = cut(text)

    assert text == "".join(found)
    assert all(len(p) - len(p.strip()) <= 2 * LONGEST_RUN + 2 for p in found)


def test_distinct_texts_are_counted_once() -> None:
    """The tokenizer sees each distinct text once."""
    seen: list[str] = []
    by = Counter(Tokenizer(O200K, "exact"))
    by.__dict__["_encode"] = lambda text: seen.append(text) or [0]
    found = by.counts(["a", "b", "a", "a", "b"])

    assert ["a", "b"] == seen
    assert [1] * 5 == [c.tokens for c in found]


def parts(messages: object) -> list[tuple[str, str]]:
    found = messages_of(json.dumps(messages))
    assert found is not None
    return [(part, text) for part, _, text in parts_of(found)]


def test_parts_of_a_prompt() -> None:
    """The last message of the user is theirs, what went before history; passages between tags are context."""
    found = parts(
        [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "content": "42"},
            {"role": "user", "content": [{"type": "text", "text": "<document id='1'>Facts</document>Why?"}]},
        ]
    )

    assert [
        ("system", "Be brief."), ("history", "Hi"), ("tools", "f"), ("tools", "{}"), ("tools", "42"),
        ("context", "<document id='1'>Facts</document>"), ("user", "Why?"),
    ] == found  # fmt: skip


def test_parts_under_a_heading() -> None:
    """Text under "Context:" up to "Question:" is context."""
    found = parts([{"role": "user", "content": "Answer.\nContext:\nA fact.\n\nQuestion: why?"}])

    assert [("user", "Answer.\n"), ("context", "Context:\nA fact.\n\n"), ("user", "Question: why?")] == found


def test_body_with_tools_and_system() -> None:
    """A request's body: its system prompt and the tools it offers stand before its messages."""
    found = parts({"system": "S", "tools": [{"name": "t"}], "messages": [{"role": "user", "content": "U"}]})

    assert [("system", "S"), ("tools", '[{"name":"t"}]'), ("user", "U")] == found


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "[1]", '[{"content": "x"}]', '{"a": 1}', "[" * 100_000, "plain", '[{"role": 1, "content": 2}]'],
)
def test_no_messages(text: str) -> None:
    """What is no list of messages is text."""
    assert messages_of(text) is None


@given(st.text(alphabet="<>/documentsx \n:Context", max_size=200))
def test_splitting_keeps_every_character(text: str) -> None:
    """The parts of a message are the message."""
    messages = messages_of(json.dumps([{"role": "user", "content": text}])) or []

    assert text == "".join(t for _, _, t in parts_of(messages))


def test_unclosed_tags_are_quick() -> None:
    """A hundred thousand tags that are never closed are looked for once."""
    messages = messages_of(json.dumps([{"role": "user", "content": "<doc>" * 100_000}]))

    assert messages
    assert 1 == len(parts_of(messages))


def test_placeholders_are_those_of_redaction() -> None:
    """recount knows every placeholder that redaction writes."""
    from llmscope.analyses._recount_sample import PLACED

    assert all(PLACED.fullmatch(f"[{kind}]") for kind in KINDS)
