#include "ses_pace.h"

enum { SECOND_US = 1000000, RECOVERY_US = 60 * SECOND_US };

static const double slowest = 0.1; /* no account is that slow; it bounds how long a batch takes */
static const double least_share = 0.25;
static const double slower = 0.7;

static double share_now(const struct pace *p, int64_t now_us)
{
    double share = p->share + (double)(now_us - p->slowed_us) / RECOVERY_US;
    return p->share >= 1 || share > 1 ? 1 : share;
}

void pace_init(struct pace *p, double limit)
{
    *p = (struct pace){.share = 1};
    pace_set(p, limit);
}

void pace_set(struct pace *p, double limit)
{
    p->limit = limit > slowest ? limit : slowest;
}

double pace_rate(const struct pace *p, int64_t now_us)
{
    return p->limit * share_now(p, now_us);
}

bool pace_take(struct pace *p, int64_t now_us, double units)
{
    if (now_us < p->next_us) {
        return false;
    }
    p->next_us = now_us + (int64_t)(units / pace_rate(p, now_us) * SECOND_US);
    return true;
}

void pace_slow(struct pace *p, int64_t now_us)
{
    if (p->share < 1 && now_us - p->slowed_us < SECOND_US) {
        return;
    }
    double share = share_now(p, now_us) * slower;
    p->share = share > least_share ? share : least_share;
    p->slowed_us = now_us;
    if (p->next_us < now_us + SECOND_US) {
        p->next_us = now_us + SECOND_US;
    }
}
