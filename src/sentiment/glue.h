/* Sentences, and what is glued back together within one: "( ! )" is one token, and so is an
 * emoticon whose characters the tokenizer took apart.
 *
 * Tokens come in one by one. One that an emoticon may begin in is held until that is decided. At
 * most one has to be: all that can follow within an unfinished emoticon are single characters,
 * which mean nothing to the assessments. So the state is of fixed size. One thread at a time owns a
 * struct glue. */
#ifndef SENTIMENT_GLUE_H
#define SENTIMENT_GLUE_H

#include "assess.h"

/* Bits of glue.mode. With none but GLUE_ENDED set, nothing is held. */
enum {
    GLUE_STATE = 0x7FFF,      /* of the emoticons' automaton */
    GLUE_OPEN = 0x10000,      /* a "(" is held: it may become "(!)" */
    GLUE_OPEN_MARK = 0x20000, /* "(" and "!" are held */
    GLUE_ENDED = 0x40000,     /* after a terminator: closing marks still belong to the sentence */
};

struct glue {
    struct assess assess;
    unsigned mode;
    unsigned
        held; /* item of the token that an emoticon may begin in; ITEM_ONE is as good as none */
    size_t held_len; /* its bytes, where it is more than one character */
    size_t since;    /* bytes of the tokens after it */
};

/* Takes a token that is no mark: its item and its bytes (len >= 1). */
void glue_token(struct glue *g, unsigned item, const char *text, size_t len);

/* Takes a punctuation mark, an ASCII quote or a dot that is a token of its own. */
void glue_mark(struct glue *g, char mark);

/* Takes all punctuation marks and ASCII quotes from `s` on, each as a token of its own, and returns
 * where something else, or `end`, comes. */
const char *glue_marks(struct glue *g, const char *s, const char *end);

/* Takes a quote beyond ASCII. */
void glue_quote(struct glue *g, bool closing);

/* Takes "...". */
void glue_ellipsis(struct glue *g);

/* Takes a paragraph's end, which ends the sentence and is no token. */
static inline void glue_end_paragraph(struct glue *g)
{
    g->mode |= GLUE_ENDED;
}

/* No more tokens: hands on what is held. */
void glue_finish(struct glue *g);

#endif
