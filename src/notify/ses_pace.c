#include "ses_pace.h"

/* One mail in a hundred seconds: slower makes no sense for any account. */
static const double slowest = 0.01;

void pace_set(struct pace *p, double rate)
{
    p->rate = rate > slowest ? rate : slowest;
}

bool pace_take(struct pace *p, int64_t now_us, double units)
{
    if (now_us < p->next_us) {
        return false;
    }
    p->next_us = now_us + (int64_t)(units / p->rate * 1e6);
    return true;
}

void pace_slow(struct pace *p, int64_t now_us)
{
    pace_set(p, p->rate * 0.8);
    p->next_us = now_us + 1000000;
}
