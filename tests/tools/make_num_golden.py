#!/usr/bin/env python3
"""Writes tests/unit/base/num_golden.txt: doubles (their bits in hexadecimal) and Python's str() of them.

    tests/tools/make_num_golden.py > tests/unit/base/num_golden.txt
"""

import math
import random
import struct


def doubles():
    yield from (0.0, -0.0, math.inf, -math.inf, math.nan, 0.1, -0.35, 0.25, 1.0, -1.0, 0.13636363636363635)
    yield from (5e-324, 1e-323, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308)
    yield from (2.0**53 - 1, 2.0**53, 2.0**53 + 2, 2e-44, 9e-265, 2e23, 9.5e-5, 1e-4, 1e15, 1e16, 9999999999999998.0)
    half_way = 1e23  # lies exactly between two doubles and belongs to the even one
    yield from (half_way, math.nextafter(half_way, 0), math.nextafter(half_way, math.inf))
    for exponent in range(-1074, 1024, 9):  # at a power of two the gap below is half of the gap above
        power = math.ldexp(1.0, exponent)
        yield from (power, math.nextafter(power, 0), math.nextafter(power, math.inf))
    for exponent in range(-323, 309, 7):
        power = float(f"1e{exponent}")
        yield from (power, -power, math.nextafter(power, 0), math.nextafter(power, math.inf))
    rng = random.Random(1)
    for _ in range(600):
        yield struct.unpack("<d", rng.randbytes(8))[0]
    for _ in range(400):
        yield rng.uniform(-1, 1)
    for _ in range(300):
        yield rng.randint(-1000, 1000) / rng.randint(1, 60)
    for _ in range(300):
        yield round(rng.uniform(-1, 1), rng.randint(1, 7))
    for _ in range(200):
        yield rng.randint(1, 10**15) / 10 ** rng.randint(0, 22)
    for _ in range(100):
        yield rng.getrandbits(52) * 5e-324


def main():
    for value in doubles():
        if not math.isnan(value):
            bits = struct.unpack("<Q", struct.pack("<d", value))[0]
        else:
            bits = 0x7FF8000000000000
        print(f"{bits:016x} {value}")


if __name__ == "__main__":
    main()
