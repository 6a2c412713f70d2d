"""Draws how far each figure is from its target: one bar each, on a logarithmic scale, 1 = just met."""

import math
from html import escape

WIDTH, ROW, LEFT, RIGHT, TOP = 860, 30, 360, 90, 48
MET, MISSED, INK, GRID = "#2a7f62", "#b3402a", "#333", "#ddd"


def svg(rows: list[tuple[str, float]]) -> str:
    """`rows` are (label, factor): how many times better than the target, below 1 when missed."""
    low = min(0.5, *(factor / 1.2 for _, factor in rows))
    high = max(10.0, *(factor * 1.2 for _, factor in rows))
    height = TOP + ROW * len(rows) + 36

    def x(factor: float) -> float:
        span = math.log(high) - math.log(low)
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log(factor) - math.log(low)) / span

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="26" font-size="16" fill="{INK}">How many times better than its target (1 = just met)</text>',
    ]
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if low <= tick <= high:
            colour = INK if tick == 1 else GRID
            out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP - 6}" y2="{height - 28}" stroke="{colour}"/>')
            out.append(f'<text x="{x(tick):.1f}" y="{height - 12}" text-anchor="middle" fill="{INK}">{tick:g}</text>')
    for at, (label, factor) in enumerate(rows):
        top = TOP + at * ROW
        start, end = sorted((x(1), x(factor)))
        colour = MET if factor >= 1 else MISSED
        out.append(f'<text x="{LEFT - 10}" y="{top + 16}" text-anchor="end" fill="{INK}">{escape(label)}</text>')
        out.append(f'<rect x="{start:.1f}" y="{top + 3}" width="{max(end - start, 1):.1f}" height="{ROW - 12}" fill="{colour}"/>')
        out.append(f'<text x="{end + 6:.1f}" y="{top + 16}" fill="{INK}">{factor:.3g}×</text>')
    return "\n".join(out) + "\n</svg>\n"
