#include "call_retry.h"

#include "base/log.h"
#include "base/num.h"

#include <time.h>

static const int64_t CLOCK_TOLERANCE_US = INT64_C(4) * 60 * 1000 * 1000; /* AWS accepts 5 minutes */

int call_quota_take(struct call_quota *quota, enum aws_error_class what)
{
    int cost = what == AWS_ERROR_THROTTLE ? CALL_COST_THROTTLE : CALL_COST_TRANSIENT;
    int left = atomic_load(&quota->left);
    do {
        if (left < cost) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(&quota->left, &left, left - cost));
    return cost;
}

void call_quota_give(struct call_quota *quota, int amount)
{
    int left = atomic_load(&quota->left);
    int more = 0;
    do {
        more = left + amount < CALL_QUOTA ? left + amount : CALL_QUOTA;
    } while (more != left && !atomic_compare_exchange_weak(&quota->left, &left, more));
}

uint64_t call_random_next(struct call_random *random)
{
    const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = atomic_fetch_add(&random->state, step) + step;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t call_backoff_us(const struct aws_service *service, const struct aws_error *error,
                        unsigned failed, const char *retry_after, struct call_random *random)
{
    int64_t longest =
        error->what == AWS_ERROR_THROTTLE ? CALL_BACKOFF_THROTTLE_US : service->backoff_us;
    for (unsigned i = 1; i < failed && longest < CALL_BACKOFF_MAX_US; i++) {
        longest *= 2;
    }
    if (longest > CALL_BACKOFF_MAX_US) {
        longest = CALL_BACKOFF_MAX_US;
    }
    int64_t delay = (int64_t)(call_random_next(random) % (uint64_t)(longest + 1));
    int64_t asked_ms = 0;
    if (retry_after == NULL ||
        !num_parse_int(span_of(retry_after), 0, INT64_MAX / 1000, &asked_ms)) {
        return delay;
    }
    int64_t most = delay + CALL_RETRY_AFTER_EXTRA_US;
    int64_t asked = asked_ms * 1000 < most ? asked_ms * 1000 : most;
    return asked > delay ? asked : delay;
}

bool call_http_date(const char *text, int64_t *wall_us)
{
    struct tm t = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &t);
    if (end == NULL || *end != '\0') {
        return false;
    }
    *wall_us = (int64_t)timegm(&t) * 1000000;
    return true;
}

static bool clocks_agree(int64_t a_us, int64_t b_us)
{
    return a_us - b_us <= CLOCK_TOLERANCE_US && b_us - a_us <= CLOCK_TOLERANCE_US;
}

bool call_correct_clock(const struct aws_service *service, const struct net_reply *reply,
                        int64_t wall_us, int64_t signed_us, int64_t *offset_us)
{
    const char *date = net_reply_header(reply, "Date");
    int64_t theirs_us = 0;
    if (date == NULL || !call_http_date(date, &theirs_us) || clocks_agree(theirs_us, signed_us)) {
        return false;
    }
    int64_t offset = theirs_us - wall_us;
    if (clocks_agree(offset, *offset_us)) {
        return true;
    }
    *offset_us = offset;
    log_warn("this machine's clock differs from AWS's; signing with AWS's time",
             LOG_STR("service", service->name), LOG_INT("offset_ms", offset / 1000));
    return true;
}
