"""Tokens of models that publish no tokenizer, as a multiple of o200k's, by family and script, with the error of that.

Measured on one text of each kind with the real tokenizers, or the closest there are: quicktok 0.4.0 (Llama 3, Qwen 3),
the tokenizer files in LiteLLM 1.109.1 (DeepSeek, Claude 2), ctok 1.3.0 (Claude 3 and later; unofficial). English,
Python and JSON lie close together and make one class. For the other scripts only one sentence each was measured: 40 %
is said of them, and that is rough. Gemini: its maker says about 4 characters a token (ai.google.dev/gemini-api/docs/
tokens); no tokenizer was found to measure. An unknown model may have any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Script = Literal["english", "accented", "chinese", "japanese", "other"]
ROUGH = 0.40
CHARS_A_TOKEN = 4.0

# Family -> script -> ratio to o200k; the first error is that of English, code and JSON.
MEASURED: dict[str, tuple[float, dict[Script, float]]] = {
    "Llama 3": (0.05, {"english": 1.00, "accented": 1.20, "chinese": 1.06, "japanese": 0.92}),
    "Qwen": (0.06, {"english": 1.05, "accented": 1.22, "chinese": 0.90, "japanese": 0.81}),
    "DeepSeek": (0.06, {"english": 1.06, "accented": 1.18, "chinese": 0.83, "japanese": 0.88}),
    "Claude 2": (0.06, {"english": 1.09, "accented": 1.29, "chinese": 1.42, "japanese": 1.43}),
    "Claude 3 to 4.6": (0.06, {"english": 1.20, "accented": 1.59, "chinese": 1.64, "japanese": 1.17}),
    "Claude 4.7 and later": (0.06, {"english": 1.54, "accented": 2.24, "chinese": 1.64, "japanese": 1.17}),
    # Of a Claude without a version: between its oldest and its newest.
    "Claude": (0.20, {"english": 1.35, "accented": 1.75, "chinese": 1.60, "japanese": 1.25}),
}
# Looked at to tell the script: the beginning and the middle of a text.
LOOKED_AT = 2_000
# German has an accent on one letter in sixty, Italian on one in a hundred; English now and then.
FOREIGN = 0.008
KANA = re.compile(r"[\u3040-\u30ff]")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
ACCENTED = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]")
LETTER = re.compile(r"[^\W\d_]")
PLAIN = re.compile(r"[a-zA-Z]")


@dataclass(frozen=True, slots=True)
class Ratio:
    """Tokens a token of o200k, and how far off that may be, as a share of it."""

    ratio: float
    error: float


def script_of(text: str) -> Script:
    """What most of the letters are; a text without letters counts as English does."""
    if text.isascii():
        return "english"
    half = len(text) // 2
    seen = text if len(text) <= 2 * LOOKED_AT else text[:LOOKED_AT] + text[half : half + LOOKED_AT]
    letters = len(LETTER.findall(seen))
    plain, accented = len(PLAIN.findall(seen)), len(ACCENTED.findall(seen))
    kana, han = len(KANA.findall(seen)), len(HAN.findall(seen))
    # A letter of these scripts is about as many tokens as three or four of the Latin ones are.
    if 3 * (kana + han) > plain + accented:
        return "japanese" if 10 * kana > kana + han else "chinese"
    if 3 * (letters - plain - accented - kana - han) > plain + accented:
        return "other"
    return "accented" if accented > FOREIGN * (plain + accented) else "english"


def ratio_of(family: str, script: Script) -> Ratio:
    """The stated ratio; 1, roughly, where nothing was measured."""
    error, by_script = MEASURED.get(family, (ROUGH, {}))
    known = by_script.get(script, by_script.get("accented", 1.0))
    return Ratio(known, error if script == "english" else ROUGH)


def by_characters(family: str, script: Script) -> bool:
    """Whether a family's tokens are told from a text's characters: Gemini's, in Latin script."""
    return family == "Gemini" and script in ("english", "accented")
