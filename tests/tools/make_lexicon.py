#!/usr/bin/env python3
"""Writes src/sentiment/lexicon_data.c from the lexicon and the emoticons of PyPI's textblob.

    pip install textblob==0.20.1 && tests/tools/make_lexicon.py

Needs Python 3.12 or later: since then sum() is compensated, and the averages of the word senses must be the ones
that such a Python computes, to the last bit.
"""
import pathlib
import sys

from textblob import _text
from textblob.en import sentiment

MULTIPLIER = 0x9E3779B97F4A7C15
TEXT_MAX = 22  # LEXICON_TEXT_MAX
FILTER_LOG2 = 16
SLOTS_LOG2 = 13
EMOTICON_SYMBOLS = 64
ACT = 0x8000  # EMOTICON_ACT
ITEM_PAIR = 1  # what "xD" counts as when glued: a word of two letters
INTENSITIES = [1.0, 1.3, 1.5, 2.0]
OUT = pathlib.Path(__file__).resolve().parents[2] / "src/sentiment/lexicon_data.c"

HEADER = """\
/* Made by tests/tools/make_lexicon.py from PyPI textblob; do not edit. See LEXICON.md.
 *
 * The words and their figures are the "Subjectivity lexicon for English adjectives" 1.3 by Tom De Smedt and
 * Walter Daelemans, licence PDDL (Open Data Commons Public Domain Dedication and License). */
#include "lexicon.h"

/* clang-format off */
"""


def rows():
    """(text, flags, intensity, polarity) of everything that a token can be found as."""
    out = [("", "0", 1.0, 0.0), ("", "LEXICON_TWO", 1.0, 0.0),
           ("", "LEXICON_TWO | LEXICON_THREE", 1.0, 0.0)]
    len(sentiment)  # loads it
    for word, tags in sorted(dict.items(sentiment)):
        if any(c in word for c in " '"):
            continue  # a token has neither
        polarity, _, intensity = tags[None]
        flags = "LEXICON_KNOWN"
        if "RB" in tags:
            flags += " | LEXICON_MODIFIER" + (" | LEXICON_LY" if word.endswith("ly") else "")
        assert word.isascii() and word == word.lower() and len(word) > 1 and intensity in INTENSITIES
        out.append((word, flags, intensity, polarity))
    for word in sorted(sentiment.negations):
        if "'" not in word:
            assert word not in sentiment
            length = "LEXICON_TWO" + (" | LEXICON_THREE" if len(word) > 2 else "")
            out.append((word, "LEXICON_NEGATION | " + length, 1.0, 0.0))
    faces = {"(!)": 0.0}  # sarcasm weighs as an emoticon of 0
    for (_, polarity), emoticons in _text.EMOTICONS.items():
        for text in emoticons:
            faces.setdefault(text.lower(), polarity)
    for text, polarity in sorted(faces.items()):
        if not text.isalpha():
            assert len(text) <= 5 and text not in _text.PUNCTUATION and text not in sentiment
            length = [" | LEXICON_TWO"] * (len(text) > 1) + [" | LEXICON_THREE"] * (len(text) > 2)
            out.append((text, "LEXICON_EMOTICON" + "".join(length), 1.0, polarity))
    assert all(len(text.encode()) <= TEXT_MAX for text, *_ in out)
    return out


def key_hash(text):
    data, h = text.encode(), 0
    for i in range(0, len(data), 8):
        h = ((h ^ int.from_bytes(data[i:i + 8], "little")) * MULTIPLIER) & (2**64 - 1)
    return h


def literal(text):
    out = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03o}" for b in text.encode())
    return '"' + out.replace("??", "?\\?") + '"'


def numbers(values, per_line=16):
    values = [str(v) for v in values]
    return "\n".join("    " + ", ".join(values[i:i + per_line]) + ","
                     for i in range(0, len(values), per_line))


def automaton(index):
    """Aho-Corasick over the bytes of the emoticons as they are glued (case counts). State 0 is the root."""
    faces = sorted(f.encode() for e in _text.EMOTICONS.values() for f in e if len(f) > 1)
    alphabet = sorted({b for f in faces for b in f})
    symbol = {b: i + 1 for i, b in enumerate(alphabet)}
    states = [b""] + sorted({f[:i] for f in faces for i in range(1, len(f) + 1)}, key=lambda s: (len(s), s))
    number = {s: i for i, s in enumerate(states)}
    longer = {f for f in faces if any(g != f and g.startswith(f) for g in faces)}
    assert longer == {b":c", b":o"} and len(states) < 128 and len(alphabet) < EMOTICON_SYMBOLS
    for s in states:  # a shorter emoticon never ends while a longer one that began before it is still open
        for i in range(1, len(s)):
            assert s in faces or s[i:] not in faces

    def step(state, byte):
        text = state + bytes([byte])
        while text not in number:
            text = text[1:]
        return text

    table = []
    for s in states:
        row = [ACT if s in longer else 0]
        for b in alphabet:
            to = step(s, b)
            act = s in longer or (to in faces and to not in longer)
            row.append(number[to] * EMOTICON_SYMBOLS | (ACT if act else 0))
        table.append(row + [row[0]] * (EMOTICON_SYMBOLS - len(row)))
    items = [index.get(s.decode().lower(), ITEM_PAIR) if s in faces else 0 for s in states]
    return symbol, table, [len(s) for s in states], items


def main():
    if sys.version_info < (3, 12):
        sys.exit("make_lexicon.py: needs Python 3.12 or later")
    entries = rows()
    index = {text: i for i, (text, *_) in enumerate(entries) if text}
    assert len(index) == len(entries) - 3
    bits, slots = [0] * (2**FILTER_LOG2 // 64), [0] * 2**SLOTS_LOG2
    for text, i in index.items():
        h = key_hash(text)
        bit = h >> (64 - FILTER_LOG2)
        bits[bit // 64] |= 1 << (bit % 64)
        slot = h >> (64 - SLOTS_LOG2)
        while slots[slot]:
            slot = (slot + 1) % len(slots)
        slots[slot] = i
    symbol, table, depth, items = automaton(index)
    out = [HEADER]
    out.append("const double lexicon_intensity[LEXICON_INTENSITIES] = {%s};\n" % ", ".join(map(repr, INTENSITIES)))
    out.append("const struct lexicon_entry lexicon_entries[] = {")
    for text, flags, intensity, polarity in entries:
        out.append(f"    {{{literal(text)}, {flags}, {INTENSITIES.index(intensity)}, {polarity!r}}},")
    out.append("};\n\nconst uint64_t lexicon_filter[LEXICON_FILTER_WORDS] = {")
    out.append(numbers([f"{b:#x}" for b in bits], 6))
    out.append("};\n\nconst uint16_t lexicon_slots[LEXICON_SLOTS] = {")
    out.append(numbers(slots))
    out.append("};\n\nconst uint8_t emoticon_symbol[256] = {")
    out.append(numbers([symbol.get(b, 0) for b in range(256)]))
    out.append("};\n\nconst uint16_t emoticon_next[] = {")
    out.extend(numbers(row) for row in table)
    out.append("};\n\nconst uint8_t emoticon_depths[] = {")
    out.append(numbers(depth))
    out.append("};\n\nconst uint16_t emoticon_items[] = {")
    out.append(numbers(items))
    out.append("};\n\nconst uint16_t emoticon_sarcasm = %d;" % index["(!)"])
    OUT.write_text("\n".join(out) + "\n")
    print(f"{OUT.name}: {len(entries)} entries, {len(table)} states of emoticons")


if __name__ == "__main__":
    main()
