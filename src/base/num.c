/* num_shortest() finds the digits in one of two ways.
 *
 * 1. Most numbers that people meet have a few decimals. When the integer n nearest to value * 10^4
 * has at most 15 digits and n / 10^4 gives `value` again, then n * 10^-4 is the answer: the
 * division of two exact doubles is correctly rounded, so the decimal reads back as `value`; and two
 * different decimals of at most 15 digits never read as the same double (DBL_DIG), so no other one
 * is as short.
 *
 * 2. Else Schubfach: Raffaello Giulietti, "The Schubfach way to render doubles", 2020. The interval
 * of all reals that read back as `value` is scaled by a power of ten such that it is between 2 and
 * 20 units wide; then the multiple of ten in it is taken if there is exactly one, else the integer
 * in it that is nearest. The three products are kept in 64 bits with two fraction bits and a sticky
 * bit, which the paper proves to be enough for all comparisons. */
#include "base/num.h"

#include "num_pow10.h"

#include <stdlib.h>

/* digits * 10^exponent */
struct decimal {
    uint64_t digits;
    int exponent;
};

enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1023 + FRACTION_BITS, EXPONENT_SPECIAL = 0x7FF };

__extension__ typedef unsigned __int128 uint128;

/* floor(power * multiple / 2^128) with its lowest bit set when the product is not that integer. */
static uint64_t multiply_to_odd(struct num_pow10 power, uint64_t multiple)
{
    uint128 low = (uint128)power.low * multiple;
    uint128 sum = (uint128)power.high * multiple + (uint64_t)(low >> 64);
    return (uint64_t)(sum >> 64) | ((uint64_t)sum > 1);
}

/* The constants are log10(2), log10(3/4) and log2(10) in fixed point; the shifts round down also
 * when the left side is negative, as gcc and clang define it. */
static int floor_log10_of_pow2(int exponent, bool three_quarters)
{
    return (exponent * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

static int floor_log2_of_pow10(int exponent)
{
    return (exponent * 1741647) >> 19;
}

/* The value is c * 2^q; `narrow_below`: the next smaller double is half as far as the next larger
 * one. */
static struct decimal schubfach(uint64_t c, int q, bool narrow_below)
{
    /* Reading rounds half to even: the interval's ends belong to an even c only. */
    uint64_t excluded = c & 1;
    int k = floor_log10_of_pow2(q, narrow_below);
    int shift = q + floor_log2_of_pow10(-k) + 1;
    struct num_pow10 power = num_pow10[-k - NUM_POW10_MIN];

    uint64_t lower = multiply_to_odd(power, (4 * c - 2 + narrow_below) << shift) + excluded;
    uint64_t value = multiply_to_odd(power, (4 * c) << shift);
    uint64_t upper = multiply_to_odd(power, (4 * c + 2) << shift) - excluded;

    uint64_t s = value / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below_inside = lower <= 40 * tens;
        bool above_inside = 40 * tens + 40 <= upper;
        if (below_inside != above_inside) {
            return (struct decimal){tens + above_inside, k + 1};
        }
    }
    bool below_inside = lower <= 4 * s;
    bool above_inside = 4 * s + 4 <= upper;
    if (below_inside != above_inside) {
        return (struct decimal){s + above_inside, k};
    }
    uint64_t middle = 4 * s + 2;
    bool up = value > middle || (value == middle && (s & 1) != 0);
    return (struct decimal){s + up, k};
}

/* `value` is finite and not negative, `bits` are its bits. */
static struct decimal shortest(double value, uint64_t bits)
{
    if (value < 1e9) {
        uint64_t n = (uint64_t)(value * 1e4 + 0.5);
        if ((double)n / 1e4 == value) {
            return (struct decimal){n, -4};
        }
    }
    uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    int exponent = (int)(bits >> FRACTION_BITS);
    if (exponent == 0) {
        return schubfach(fraction, 1 - EXPONENT_BIAS, false);
    }
    return schubfach(fraction | UINT64_C(1) << FRACTION_BITS, exponent - EXPONENT_BIAS,
                     fraction == 0 && exponent > 1);
}

static struct decimal strip_zeros(struct decimal d)
{
    if (d.digits == 0) {
        return (struct decimal){0, 0};
    }
    while (d.digits % 10000 == 0) {
        d.digits /= 10000;
        d.exponent += 4;
    }
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

enum { DIGITS_MAX = 20 };

/* Writes the digits so that they end at `end`; returns how many. */
static int write_digits(uint64_t n, char *end)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    char *at = end;
    while (n >= 100) {
        at -= 2;
        memcpy(at, pairs + n % 100 * 2, 2);
        n /= 100;
    }
    if (n >= 10) {
        at -= 2;
        memcpy(at, pairs + n * 2, 2);
    } else {
        *--at = (char)('0' + n);
    }
    return (int)(end - at);
}

/* "d.ddde-05" */
static char *write_exponent(char *out, const char *digits, int count, int exponent)
{
    *out++ = digits[0];
    if (count > 1) {
        *out++ = '.';
        memcpy(out, digits + 1, (size_t)count - 1);
        out += count - 1;
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);
    if (size >= 100) {
        *out++ = (char)('0' + size / 100);
    }
    *out++ = (char)('0' + size / 10 % 10);
    *out++ = (char)('0' + size % 10);
    return out;
}

/* "0.000ddd", "dd.dd" or "ddd00.0"; `point` digits stand before the point. */
static char *write_fixed(char *out, const char *digits, int count, int point)
{
    if (point <= 0) {
        memset(out, '0', (size_t)(2 - point));
        out[1] = '.';
        out += 2 - point;
        memcpy(out, digits, (size_t)count);
        return out + count;
    }
    if (point < count) {
        memcpy(out, digits, (size_t)point);
        out[point] = '.';
        memcpy(out + point + 1, digits + point, (size_t)(count - point));
        return out + count + 1;
    }
    memcpy(out, digits, (size_t)count);
    memset(out + count, '0', (size_t)(point - count));
    out[point] = '.';
    out[point + 1] = '0';
    return out + point + 2;
}

size_t num_shortest(double value, char out[NUM_SHORTEST_SIZE])
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    char *at = out;
    bool negative = bits >> 63 != 0;
    bits &= INT64_MAX;
    if (bits > (uint64_t)EXPONENT_SPECIAL << FRACTION_BITS) {
        memcpy(out, "nan", 4);
        return 3;
    }
    if (negative) {
        *at++ = '-';
    }
    if (bits == (uint64_t)EXPONENT_SPECIAL << FRACTION_BITS) {
        memcpy(at, "inf", 4);
        return (size_t)(at - out) + 3;
    }
    struct decimal d = strip_zeros(shortest(negative ? -value : value, bits));
    char digits[DIGITS_MAX];
    int count = write_digits(d.digits, digits + DIGITS_MAX);
    const char *first = digits + DIGITS_MAX - count;
    int point = count + d.exponent;
    if (point > -4 && point <= 16) {
        at = write_fixed(at, first, count, point);
    } else {
        at = write_exponent(at, first, count, point - 1);
    }
    *at = '\0';
    return (size_t)(at - out);
}

bool num_parse_int(struct span text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative;
    if (at == text.len) {
        return false;
    }
    int64_t value = 0; /* counted downwards: INT64_MIN has no positive twin */
    for (; at < text.len; at++) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9' || value < INT64_MIN / 10) {
            return false;
        }
        int digit = text.ptr[at] - '0';
        if (value * 10 < INT64_MIN + digit) {
            return false;
        }
        value = value * 10 - digit;
    }
    if (!negative && value == INT64_MIN) {
        return false;
    }
    if (!negative) {
        value = -value;
    }
    if (value < min || value > max) {
        return false;
    }
    *out = value;
    return true;
}

static size_t skip_digits(struct span text, size_t at)
{
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
        at++;
    }
    return at;
}

/* -?digits(.digits)?([eE][+-]?digits)? */
static bool is_decimal(struct span text)
{
    size_t at = text.len > 0 && text.ptr[0] == '-';
    size_t end = skip_digits(text, at);
    if (end == at) {
        return false;
    }
    if (end < text.len && text.ptr[end] == '.') {
        at = end + 1;
        end = skip_digits(text, at);
        if (end == at) {
            return false;
        }
    }
    if (end < text.len && (text.ptr[end] == 'e' || text.ptr[end] == 'E')) {
        at = end + 1;
        if (at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-')) {
            at++;
        }
        end = skip_digits(text, at);
        if (end == at) {
            return false;
        }
    }
    return end == text.len;
}

bool num_parse_double(struct span text, double min, double max, double *out)
{
    char copy[NUM_PARSE_MAX + 1];
    if (text.len > NUM_PARSE_MAX || !is_decimal(text)) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double value = strtod(copy, NULL); /* no part of the program leaves the C locale */
    bool finite = value - value == 0;
    if (!finite || value < min || value > max) {
        return false;
    }
    *out = value;
    return true;
}
