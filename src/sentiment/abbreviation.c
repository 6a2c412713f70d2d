#include "abbreviation.h"

#include <stdint.h>
#include <string.h>

enum { LISTED_MAX = 4 };

static const char listed[][LISTED_MAX + 1] = {
    "Med", "Mil", "Mr",  "adj", "adv", "al",  "cf",   "comp", "conf", "def",  "ed",  "esp",
    "etc", "ex",  "fig", "gen", "id",  "int", "orig", "pl",   "pred", "pres", "ref", "vs",
};

static bool is_listed(const char *text, size_t len)
{
    if (len > LISTED_MAX || memchr(text, '\0', len) != NULL) {
        return false;
    }
    char padded[LISTED_MAX] = {0};
    memcpy(padded, text, len);
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
        if (memcmp(listed[i], padded, LISTED_MAX) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters and dots by turns: "T", "U.S". */
static bool is_alternating(const char *text, size_t len)
{
    if (len % 2 == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (i % 2 == 0 ? !is_letter(text[i]) : text[i] != '.') {
            return false;
        }
    }
    return true;
}

/* A capital and consonants ("Mr", "Hmm"). The reference counts y as a vowel and | as a consonant.
 */
static bool is_capital_consonants(const char *text, size_t len)
{
    if (len < 2 || *text < 'A' || *text > 'Z') {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (text[i] != '|' &&
            (text[i] < 'b' || text[i] > 'z' || strchr("eiouy", text[i]) != NULL)) {
            return false;
        }
    }
    return true;
}

bool abbreviation_is(const char *text, size_t len)
{
    return len != 0 &&
           (is_alternating(text, len) || is_capital_consonants(text, len) || is_listed(text, len));
}
