"""Reads C sources just well enough to measure them: not a parser, but it knows comments, strings and braces."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_HEAD = re.compile(r"\b([A-Za-z_]\w*)\s*\(([^(){};]*(?:\([^(){};]*\)[^(){};]*)*)\)\s*$", re.S)
_KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else"}


def sources(*patterns: str) -> list[Path]:
    """The files of the patterns, relative to the repository's root, in order."""
    return sorted(p.relative_to(ROOT) for pattern in patterns for p in ROOT.glob(pattern))


def read(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def includes(text: str) -> list[tuple[int, str]]:
    """(line, what stands between the quotes or brackets) of each #include."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if match:
            found.append((number, match.group(1)))
    return found


def blank(text: str, strings: bool = True) -> str:
    """The text with comments and the insides of strings made blank; line numbers stay."""

    def erase(match: re.Match) -> str:
        piece = match.group(0)
        if piece[0] in "\"'":
            return piece[0] + " " * (len(piece) - 2) + piece[0] if strings else piece
        return re.sub(r"[^\n]", " ", piece)

    return _NOISE.sub(erase, text)


def blank_preprocessor(text: str) -> str:
    """Makes directives blank, with their continuation lines."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M)


@dataclass
class Function:
    name: str
    line: int  # of the name
    lines: int  # from the head to the closing brace
    parameters: int
    nesting: int  # deepest block within; the body itself is 0


def _parameters(text: str) -> int:
    text = text.strip()
    if text in ("", "void"):
        return 0
    depth = count = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        count += char == "," and depth == 0
    return count + 1


def functions(text: str) -> list[Function]:
    """The function definitions of a file."""
    code = blank_preprocessor(blank(text))
    found: list[Function] = []
    depth = 0
    head_start = 0
    current: Function | None = None
    # Parentheses of each open brace: a brace inside parentheses (compound literal) is no block.
    parens = 0
    blocks: list[bool] = []
    for at, char in enumerate(code):
        if char == "(":
            parens += 1
        elif char == ")":
            parens -= 1
        elif char == "{":
            before = code[head_start:at].rstrip()
            if depth == 0:
                head = _HEAD.search(before)
                if head and head.group(1) not in _KEYWORDS and "=" not in before:
                    line = code.count("\n", 0, head_start + head.start(1)) + 1
                    current = Function(head.group(1), line, 0, _parameters(head.group(2)), 0)
            is_block = parens == 0 and not before.endswith(("=", ",", "(", "{", "return"))
            blocks.append(is_block)
            depth += 1
            if current is not None:
                current.nesting = max(current.nesting, sum(blocks) - 1)
            head_start = at + 1
        elif char == "}":
            depth -= 1
            if blocks:
                blocks.pop()
            if depth == 0:
                if current is not None:
                    current.lines = code.count("\n", 0, at) + 2 - current.line
                    found.append(current)
                current = None
                parens = 0
            head_start = at + 1
        elif char == ";" and parens == 0:
            head_start = at + 1
    return found
