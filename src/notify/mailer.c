#include "notify/mailer.h"

void mailer_free(struct mailer *m)
{
    if (m != NULL) {
        m->ops->free(m);
    }
}
