#include "instant.h"

#include "base/clock.h"

#include <time.h>

/* A number of exactly `len` digits at `text`, or -1. */
static int64_t digits(const char *text, size_t len)
{
    int64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

int64_t instant_of(struct span timestamp, int64_t otherwise)
{
    static const struct {
        size_t at;
        size_t len;
        int64_t min;
        int64_t max;
    } parts[] = {{0, 4, 1900, 9999}, {5, 2, 1, 12},  {8, 2, 1, 31},     {11, 2, 0, 23},
                 {14, 2, 0, 59},     {17, 2, 0, 60}, {20, 6, 0, 999999}};
    static const char form[] = "....-..-..T..:..:..........";
    int64_t value[7];
    if (timestamp.len != CLOCK_ISO_SIZE - 1) {
        return otherwise;
    }
    for (size_t i = 0; i < timestamp.len; i++) {
        if (form[i] != '.' && form[i] != timestamp.ptr[i]) {
            return otherwise;
        }
    }
    for (size_t i = 0; i < 7; i++) {
        value[i] = digits(timestamp.ptr + parts[i].at, parts[i].len);
        if (value[i] < parts[i].min || value[i] > parts[i].max) {
            return otherwise;
        }
    }
    if (timestamp.ptr[19] != '.') {
        return otherwise;
    }
    struct tm tm = {.tm_year = (int)value[0] - 1900,
                    .tm_mon = (int)value[1] - 1,
                    .tm_mday = (int)value[2],
                    .tm_hour = (int)value[3],
                    .tm_min = (int)value[4],
                    .tm_sec = (int)value[5]};
    return (int64_t)timegm(&tm) * 1000000 + value[6];
}
