#!/usr/bin/env python3
"""Writes tests/golden/polarity.ndjson: texts, and the polarity that PyPI's textblob gives them.

    pip install textblob==0.20.1 && tests/tools/make_golden.py

Needs Python 3.12 or later, as make_lexicon.py. The texts are made at random from a fixed seed, so that the same
textblob gives the same file, and are to hit every rule of the tokenizer and of the scorer, also in combination.

Where two emoticons begin alike (":c" and ":c)"), the reference takes the one that its hash seed happens to put first.
Here the longer one is tried first, as the scorer does.
"""
import json
import pathlib
import random
import re
import sys

from textblob import _text
from textblob.en import sentiment

COUNT = 4000
OUT = pathlib.Path(__file__).resolve().parents[1] / "golden/polarity.ndjson"

FILLERS = """the a of to and in that it is was for on with he as you at this but his by from they we she or an my one
all would there their so what out up if about who which go me when can like time no just him know take people into
your some could them see other than then now look only come its over think also back after use two how our work way
even want because any these give day most us too hello video radio complex relax box x o D d P p b c s S 3 8 < >
not not never no NOT No Never n't""".split()
CONTRACTIONS = "don't isn't can't won't wasn't I'm I've we're he'll she'd it's DON'T n'tn't don’t n't 't n' 's".split()
ABBREVIATIONS = """Mr. Dr. U.S. e.g. i.e. etc. vs. a.m. p.m. B|c. T. Hmm. Med. Mil. med. w/ orig. Orig. Sky. fig. 1. é.
Mr.. etc.. etc... U.S.. U.S.!. a.). B|. |B|. B||d.| Mr|. Mr.| a.b. a.b.. ab.c. .a. TV. Mr.a x.y""".split()
QUOTES = ["'", '"', "“", "”", "‘", "’", "''", "``", '."', '!"', ".'", ".”", "!’", "?)", ".)", '".', "”.", "'\"'"]
DOTS = [".", "..", "...", "....", ".....", "!", "?", "!!!", "?!", "!?!", "...!", "!...", ".!.", ".,..,...,", "…", "...?..!"]
MARKS = list(_text.PUNCTUATION + "/%\\<>—–°♥") + ["--", "-", "(", ")", "((", "))", "[1]", "#1", "$5", "50%", "a,b", "(a)"]
SARCASM = ["(!)", "( ! )", "(!", "!)", "( !", "(( ! )", "( ( ! ) )", "( ! ! )", "(!)!", ": (!)", ":(!)", ":( !", "(!)(!)"]
GLUED = """8 )|8 - )|:c|:c )|:o )|: o )|: c )|a:c )|>:o )|>: o )|: ' (|: ' ' ' (|; ' (|:- .|: - .|: - ...|x-D|X - D
x D|xD|X D.|= - D|<3|< 3|abc< 3|a> : )|°o °|° o°|°O°|°O °|18 )|o_O|o _ O|O_o|hello _ O|o.O|o. O|o .O|o . O|> .>|>. >
>.>|: (|;^ )|:^)|* - )|*)|8)|=/|: /|:\\|: \\|>:d|>:D|: D:|:D D|video _O|max D|: P p|:) :( ;)|:):)|= ]]""".replace("\n", "|")
SPECIAL = """Kind|oK|Kindly|İ|nİce|İİ|é|Σ|ς|good\u200b|good\ufeff|中文|좋아요|🇰🇷|ﬁne|END-OF-SENTENCE|(END-OF-SENTENCE !)|: END-OF-SENTENCE )
:c END-OF-SENTENCE )|. END-OF-SENTENCE )|end-of-sentence|END-OF-SENTENCE.|f*cking|13th|2ndly|well-made|thought-provokingly
...good|good...|good..|.good|-good-|good,bad|good-bad|(good)|"good"|'good'|good/bad|goodgoodgoodgoodgoodgood|_good_""".replace("\n", "|")
BLANKS = ["\n", "\n\n", "\r\n", "\r\n\r\n", "\t", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u1680",
          "\u2000", "\u2005", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "  ", "\n \n", "\n\r\n",
          "\r\r\n\n", "\n\r\r\n", "\r", "\n\n\n", "\x85\n\n", ""]
LINKS = [", ", ". ", "! ", "? ", "; ", ": ", "... ", '" ', ' "', "' ", " '", " (", ") ", " - ", ".\n\n", "-"]
STREAMS = [":;-'()!. oOcDxX8=>_<3’\"", "abo xX.!?()'\"|n't\n\r ", "BMTrcd.|a) ", "n't '’“”\".", "o_O.x-D >", "°oO _."]

PROSE = {
    "S": ["T N V A.", "T N V A, but the N V A!", "I M V1 this N; it V A.", "M, the N V not A.", "W A N! W M A N?",
          "“T N V A,” said Mr. P. “It V M A.”", "We V1 the N (M A) and it didn't disappoint...", "T N isn't M A.",
          "P's N V A :) and A.", "No A N here, never a A one.", "I've had T N for 3 weeks; it's M A."],
    "T": ["The", "This", "My", "Their", "A very", "That"],
    "N": ["hotel", "blender", "novel", "waiter", "screen", "concert", "garden", "phone", "film", "breakfast", "museum"],
    "V": ["was", "is", "seemed", "turned out to be", "wasn't", "can't be", "felt"],
    "V1": ["love", "hated", "bought", "returned", "enjoyed", "didn't like"],
    "W": ["What a", "Such a", "Not a"],
    "P": ["Patricia", "Q. Doe", "Kim", "O'Hara"],
}


def prose(rng, words, modifiers):
    """Sentences that a person might write."""
    def expand(symbol):
        if symbol == "A":
            return rng.choice(words)
        if symbol == "M":
            return rng.choice(modifiers)
        return rng.choice(PROSE[symbol])

    sentences = [re.sub(r"\b(T|N|V1|V|A|M|W|P)\b(?!\.\w)", lambda m: expand(m[1]), rng.choice(PROSE["S"]))
                 for _ in range(rng.randint(1, 4))]
    return rng.choice([" ", " ", "\n", "\n\n"]).join(s[:1].upper() + s[1:] for s in sentences)


class Maker:
    def __init__(self, seed):
        len(sentiment)  # loads it
        self.rng = random.Random(seed)
        entries = dict(dict.items(sentiment))
        self.words = sorted(entries)
        self.modifiers = sorted(w for w in entries if "RB" in entries[w])
        self.emoticons = sorted(e for group in _text.EMOTICONS.values() for e in group)
        self.lists = [(20, FILLERS), (6, CONTRACTIONS), (5, ABBREVIATIONS), (3, QUOTES), (4, DOTS), (5, MARKS),
                      (2, SARCASM), (6, GLUED.split("|")), (6, SPECIAL.split("|"))]

    def recase(self, word):
        return self.rng.choice([str, str, str, str.capitalize, str.upper, str.swapcase, str.title])(word)

    def emoticon(self):
        text = self.rng.choice(self.emoticons)
        how = self.rng.random()
        if how < 0.5:
            return text
        if how < 0.6:
            return self.recase(text)
        return "".join(c + self.rng.choice(["", " "]) for c in text)

    def piece(self):
        rng, kind = self.rng, self.rng.randrange(100)
        if kind < 20:
            return self.recase(rng.choice(self.words))
        if kind < 30:
            return self.recase(rng.choice(self.modifiers))
        if kind < 40:
            return self.emoticon()
        if kind < 43:
            return chr(rng.choice([rng.randrange(1, 0x80), rng.randrange(0x80, 0xD800), rng.randrange(0xE000, 0x110000)]))
        return rng.choice(rng.choices([items for _, items in self.lists], [weight for weight, _ in self.lists])[0])

    def gap(self, rough):
        kind = self.rng.random()
        if not rough or kind < 0.5:
            return " "
        if kind < 0.65:
            return ""
        return self.rng.choice(LINKS if kind < 0.8 else BLANKS)

    def text(self):
        rng, kind = self.rng, self.rng.random()
        if kind < 0.25:
            return prose(rng, self.words, self.modifiers)
        if kind < 0.45:
            stream = rng.choice(STREAMS)
            middle = "".join(rng.choice(stream) for _ in range(rng.randint(0, 14)))
            before = rng.choice(["good ", "really ", "not ", "really not ", "no ", "great! ", ""])
            return before + middle + rng.choice([" bad", "good", " very good", "", "!"])
        rough = rng.random() < 0.5
        return "".join(self.piece() + self.gap(rough) for _ in range(rng.choice([1, 2, 3, 5, 8, 13])))


def longest_first():
    faces = sorted((e for group in _text.EMOTICONS.values() for e in group), key=lambda e: (-len(e), e))
    either = "|".join(" ?".join(map(re.escape, face)) for face in faces)
    _text.RE_EMOTICONS = re.compile(rf"({either})($|\s)")


def main():
    if sys.version_info < (3, 12):
        sys.exit("make_golden.py: needs Python 3.12 or later")
    longest_first()
    maker, seen = Maker(20250101), {}
    while len(seen) < COUNT:
        text = maker.text()
        seen.setdefault(text, str(float(sentiment(text)[0])))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with OUT.open("w", encoding="utf-8") as out:
        for text, polarity in seen.items():
            out.write(json.dumps({"text": text, "polarity": polarity}, ensure_ascii=True) + "\n")
    print(f"{OUT.name}: {len(seen)} texts, {sum(p != '0.0' for p in seen.values())} of them not 0.0")


if __name__ == "__main__":
    main()
