#!/usr/bin/env python3
"""Writes src/base/num_pow10.h: the powers of ten that num_shortest() multiplies by.

    tests/tools/make_num_pow10.py > src/base/num_pow10.h

Entry k is 10^k scaled to exactly 128 bits and rounded up; k runs from -292 to 324, which is what the
exponents of doubles need.
"""

K_MIN, K_MAX = -292, 324


def floor_log2_pow10(k):
    """floor(log2(10^k)), exactly."""
    if k >= 0:
        return (10**k).bit_length() - 1
    return -(10**-k).bit_length()  # 10^-k is no power of two


def scaled(k):
    shift = 127 - floor_log2_pow10(k)
    numerator = 10**k if k >= 0 else 1
    denominator = 1 if k >= 0 else 10**-k
    if shift >= 0:
        numerator <<= shift
    else:
        denominator <<= -shift
    value = -(-numerator // denominator)
    assert value.bit_length() == 128
    return value


def main():
    print("/* Powers of ten in 128 bits, rounded up. Made by tests/tools/make_num_pow10.py; do not edit */")
    print("#ifndef BASE_NUM_POW10_H\n#define BASE_NUM_POW10_H\n\n#include <stdint.h>\n")
    print(f"enum {{ NUM_POW10_MIN = {K_MIN}, NUM_POW10_MAX = {K_MAX} }};\n")
    print("struct num_pow10 {\n    uint64_t high;\n    uint64_t low;\n};\n")
    print("/* clang-format off */")
    print("static const struct num_pow10 num_pow10[NUM_POW10_MAX - NUM_POW10_MIN + 1] = {")
    cells = []
    for k in range(K_MIN, K_MAX + 1):
        value = scaled(k)
        cells.append(f"{{0x{value >> 64:016X}, 0x{value & (2**64 - 1):016X}}},")
    for at in range(0, len(cells), 2):
        print("    " + " ".join(cells[at : at + 2]))
    print("};\n/* clang-format on */\n\n#endif")


if __name__ == "__main__":
    main()
