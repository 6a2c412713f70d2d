"""The project's own words and their polarities as JSON, for the peers that have no TextBlob."""

import json
import re
from pathlib import Path

ENTRY = re.compile(r'^\s*\{"([a-z\']+)", ([A-Z_| ]+), \d+, (-?[\d.e-]+)\},$', re.M)


def export(source: Path, target: Path) -> None:
    words = {m[1]: float(m[3]) for m in ENTRY.finditer(source.read_text(encoding="utf-8")) if "LEXICON_KNOWN" in m[2]}
    if len(words) < 1000:
        raise RuntimeError(f"{source} has only {len(words)} words that could be read")
    target.write_text(json.dumps(words), encoding="utf-8")
