#include "glue.h"

#include "chars.h"

enum {
    EMOTICON_MAX = 5,   /* bytes */
    STRETCH = 8,        /* marks that are compared at once */
    UNCLEAR = 0x100000, /* no mode */
};

/* Whether the state completes an emoticon that may still turn out to be a longer one. */
static bool is_undecided(unsigned state)
{
    return (emoticon_next[state] & EMOTICON_ACT) != 0;
}

/* The state after a token; only its last bytes can matter. */
static unsigned run(unsigned state, const char *text, size_t len)
{
    if (len >= EMOTICON_MAX) {
        text += len - EMOTICON_MAX;
        len = EMOTICON_MAX;
        state = 0;
    }
    for (size_t i = 0; i < len; i++) {
        state = emoticon_step(state, text[i]) & GLUE_STATE;
    }
    /* the rest of a character never comes from the next token */
    bool cut = (uint8_t)text[len - 1] >= 0xC0;
    return cut ? 0 : state;
}

static void hand_on_held(struct glue *g)
{
    assess_item(&g->assess, g->held);
    g->held = ITEM_ONE;
}

/* The last bytes are the emoticon that `state` stands for, and a token ends here. */
static void complete(struct glue *g, unsigned state)
{
    if (g->since != 0) { /* else it is one token, or the end of one, already */
        bool whole = emoticon_depth(state) == g->held_len + g->since;
        g->held = whole ? emoticon_item(state) : ITEM_MANY;
    }
    hand_on_held(g);
}

/* Takes a token below the level of sentences and "(!)". */
static void push(struct glue *g, unsigned item, const char *text, size_t len)
{
    unsigned state = g->mode & GLUE_STATE;
    if (g->held == ITEM_ONE) {
        g->held_len = 1;
        g->since = state != 0 ? emoticon_depth(state) - 1 : 0;
    }
    if (is_undecided(state) && *text != ')') {
        complete(g, state);
        state = 0;
    }
    state = run(state, text, len);
    size_t depth = emoticon_depth(state);
    if (depth <= len) { /* nothing before this token matters any more */
        hand_on_held(g);
        g->held = item;
        g->held_len = len;
        g->since = 0;
    } else if (depth <= g->since + len) { /* it begins in a single character after the held token */
        hand_on_held(g);
        g->held_len = 1;
        g->since = depth - 1;
    } else {
        g->since += len;
    }
    if (emoticon_item(state) != 0 && !is_undecided(state)) {
        complete(g, state);
        state = 0;
    } else if (state == 0) {
        hand_on_held(g);
    }
    g->mode = (g->mode & ~(unsigned)GLUE_STATE) | state;
}

/* The held "(" or "(!" does not become "(!)". */
static void release_open(struct glue *g)
{
    unsigned open = g->mode & (GLUE_OPEN | GLUE_OPEN_MARK);
    if (open == 0) {
        return;
    }
    g->mode &= ~open;
    push(g, ITEM_ONE, "(", 1);
    if (open == GLUE_OPEN_MARK) {
        push(g, ITEM_ONE, "!", 1);
        assess_exclaim(&g->assess);
    }
}

static void end_sentence(struct glue *g)
{
    release_open(g);
    unsigned state = g->mode & GLUE_STATE;
    if (g->held == ITEM_ONE && state != 0) {
        g->held_len = 1;
        g->since = emoticon_depth(state) - 1;
    }
    if (is_undecided(state)) {
        complete(g, state);
    } else {
        hand_on_held(g);
    }
    g->mode = 0;
}

void glue_token(struct glue *g, unsigned item, const char *text, size_t len)
{
    if ((g->mode & GLUE_ENDED) != 0) {
        end_sentence(g);
    }
    release_open(g);
    push(g, item, text, len);
}

static void take_mark(struct glue *g, char mark, unsigned flags)
{
    if ((g->mode & GLUE_ENDED) != 0 && (flags & CHARS_CLOSING) == 0) {
        end_sentence(g);
    }
    if ((g->mode & GLUE_OPEN_MARK) != 0 && mark == ')') {
        g->mode &= ~(unsigned)GLUE_OPEN_MARK;
        push(g, emoticon_sarcasm, "(!)", 3);
        return;
    }
    if ((g->mode & GLUE_OPEN) != 0 && mark == '!') {
        g->mode = (g->mode & ~(unsigned)GLUE_OPEN) | GLUE_OPEN_MARK | GLUE_ENDED;
        return;
    }
    release_open(g);
    if (mark == '(') {
        g->mode |= GLUE_OPEN;
        return;
    }
    push(g, ITEM_ONE, &mark, 1);
    if (mark == '!') {
        assess_exclaim(&g->assess);
    }
    if ((flags & CHARS_TERMINATOR) != 0) {
        g->mode |= GLUE_ENDED;
    }
}

/* What take_mark() makes of `mode` where it has nothing to hand on; else UNCLEAR. Texts may be long
 * runs of marks, so this must be about as quick for each as a word is for each of its letters. */
__attribute__((always_inline)) static inline unsigned quick_mode(unsigned mode, char mark,
                                                                 unsigned flags)
{
    if (mode == GLUE_OPEN && mark == '(') {
        return mode;
    }
    if ((mode & GLUE_ENDED) != 0 && (flags & CHARS_CLOSING) == 0) {
        if ((mode & ~(unsigned)GLUE_ENDED) != 0) {
            return UNCLEAR;
        }
        mode = 0;
    }
    if ((mode & (GLUE_OPEN | GLUE_OPEN_MARK)) != 0) {
        unsigned state = emoticon_step(mode & GLUE_STATE, '(');
        if ((mode & GLUE_OPEN_MARK) != 0 || mark == '!' || (state & EMOTICON_ACT) != 0) {
            return UNCLEAR;
        }
        mode = (mode & GLUE_ENDED) | state;
    }
    if (mark == '(') {
        return mode | GLUE_OPEN;
    }
    unsigned state = emoticon_step(mode & GLUE_STATE, mark);
    if ((state & EMOTICON_ACT) != 0) {
        return UNCLEAR;
    }
    unsigned ended = (flags & CHARS_TERMINATOR) != 0 ? GLUE_ENDED : mode & GLUE_ENDED;
    return state | ended;
}

/* Takes a mark and returns the mode after it; g->mode is up to date only where it must be. */
__attribute__((always_inline)) static inline unsigned step(struct glue *g, unsigned mode, char mark)
{
    unsigned flags = chars_of(mark);
    unsigned next = g->held == ITEM_ONE ? quick_mode(mode, mark, flags) : (unsigned)UNCLEAR;
    if (next == UNCLEAR) {
        g->mode = mode;
        take_mark(g, mark, flags);
        return g->mode;
    }
    if (mark == '!') {
        assess_exclaim(&g->assess);
    }
    return next;
}

/* Moves the automaton over plain marks up to one that asks for more. A stretch of marks that leaves
 * it where it was does so again as often as it repeats. */
static const char *pass_plain(unsigned *mode, const char *s, const char *end)
{
    unsigned now = *mode, before = now;
    const char *from = s;
    while (s < end && now <= GLUE_STATE && (chars_of(*s) & CHARS_PLAIN) != 0) {
        unsigned next = emoticon_step(now, *s);
        if ((next & EMOTICON_ACT) != 0) {
            break;
        }
        now = next;
        s++;
        if (s - from < STRETCH) {
            continue;
        }
        while (now == before && end - s >= STRETCH && memcmp(s - STRETCH, s, STRETCH) == 0) {
            s += STRETCH;
        }
        from = s;
        before = now;
    }
    *mode = now;
    return s;
}

/* Passes over marks that do no more than move the automaton, or are one of a run: hostile texts
 * consist of them. What it stops at is step()'s. */
__attribute__((always_inline)) static inline const char *pass(struct glue *g, unsigned *mode,
                                                              const char *s, const char *end)
{
    unsigned now = *mode;
    if (now == GLUE_OPEN) {
        while (s < end && *s == '(') {
            s++;
        }
    }
    if (now == GLUE_ENDED) {
        for (; s < end && (*s == '!' || *s == '?'); s++) {
            if (*s == '!') {
                assess_exclaim(&g->assess);
            }
        }
    }
    if (now == 0) {
        while (s < end && (chars_of(*s) & CHARS_IDLE) != 0) {
            s++;
        }
    }
    *mode = now;
    return pass_plain(mode, s, end);
}

void glue_mark(struct glue *g, char mark)
{
    g->mode = step(g, g->mode, mark);
}

const char *glue_marks(struct glue *g, const char *s, const char *end)
{
    unsigned mode = g->mode;
    while (s < end) {
        if (g->held == ITEM_ONE) {
            s = pass(g, &mode, s, end);
        }
        if (s == end) {
            break;
        }
        if ((chars_of(*s) & (CHARS_QUOTE | CHARS_PUNCTUATION)) != 0) {
            mode = step(g, mode, *s);
        } else if (*s != ' ') {
            break;
        }
        s++;
    }
    g->mode = mode;
    return s;
}

void glue_quote(struct glue *g, bool closing)
{
    if (g->mode == 0) {
        return;
    }
    if ((g->mode & GLUE_ENDED) != 0 && !closing) {
        end_sentence(g);
    }
    release_open(g);
    push(g, ITEM_ONE, "\"", 1); /* any byte that is in no emoticon */
}

void glue_ellipsis(struct glue *g)
{
    release_open(g);
    push(g, ITEM_MANY, "...", 3);
    g->mode |= GLUE_ENDED;
}

void glue_finish(struct glue *g)
{
    end_sentence(g);
}
