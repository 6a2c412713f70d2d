#include "assess.h"

static double clamp(double value)
{
    if (value > 1.0) {
        return 1.0;
    }
    return value < -1.0 ? -1.0 : value;
}

/* A negated word counts half, with the other sign: "not bad" is slightly good. */
static double weight(const struct assess *a)
{
    return a->negated ? a->polarity * -0.5 : a->polarity;
}

static void append(struct assess *a, double polarity, double intensity)
{
    a->sum += weight(a); /* 0.0 before the first */
    a->polarity = polarity;
    a->intensity = intensity;
    a->negated = false;
    a->count++;
}

static void take_known(struct assess *a, const struct lexicon_entry *entry)
{
    double intensity = lexicon_intensity[entry->intensity];
    if ((a->before & ASSESS_MODIFIED) == 0) {
        append(a, entry->polarity, intensity);
    } else { /* "really good" is one assessment; it stays negated if "really" was */
        a->polarity = clamp(entry->polarity * a->intensity);
        a->intensity = intensity;
    }
    if ((a->before & ASSESS_NEGATED) != 0) {
        a->intensity = 1.0 / a->intensity;
        a->negated = true;
    }
    a->before = entry->flags & (LEXICON_MODIFIER | LEXICON_LY);
}

void assess_item(struct assess *a, unsigned item)
{
    _Static_assert((int)LEXICON_MODIFIER == ASSESS_MODIFIED &&
                       (int)LEXICON_LY == ASSESS_MODIFIED_LY,
                   "a known word's flags are what stands before the next");
    const struct lexicon_entry *entry = &lexicon_entries[item];
    if ((entry->flags & LEXICON_KNOWN) != 0) {
        take_known(a, entry);
        return;
    }
    if ((entry->flags & LEXICON_NEGATION) != 0) {
        a->before |= ASSESS_NEGATED;
    } else if ((entry->flags & LEXICON_TWO) != 0) {
        a->before &= (uint8_t)~ASSESS_NEGATED;
    }

    if ((a->before & ASSESS_NEGATED) != 0 && (a->before & ASSESS_MODIFIED_LY) != 0) {
        a->negated = true; /* "really not good": the negation is of "really" */
        a->before &= (uint8_t)~ASSESS_NEGATED;
    } else if ((entry->flags & LEXICON_THREE) != 0) {
        a->before &= ASSESS_NEGATED;
    }
    if ((entry->flags & LEXICON_EMOTICON) != 0) {
        append(a, entry->polarity, 1.0);
    }
}

void assess_raise(struct assess *a)
{
    a->polarity = clamp(a->polarity * 1.25);
}

double assess_mean(const struct assess *a)
{
    double sum = a->sum + weight(a);
    return a->count != 0 ? sum / (double)a->count : 0.0;
}
