/* When to begin (JOIN clauses). */
#include "peer.h"

void joining_hear(struct machine *m, const struct hello *hello, bool first, when now)
{
    if (m->phase != JOINING)
        return;
    if (newer(hello->round, m->told))
        m->told = hello->round;
    if (newer(hello->held, m->held))
        m->held = hello->held;
    bool running = first && hello->round != NO_ROUND && hello->round > 0;
    bool voted = m->start != NO_ROUND && hello->held != NO_ROUND && hello->held >= m->start;
    if ((m->start == 0 && running) || voted) /* JOIN-3 */
        m->start = NO_ROUND;
    if (m->answered_at == NEVER)
        m->answered_at = now;
}

static bool all_answered(const struct machine *m)
{
    for (size_t i = 0; i < m->lines_count; i++)
        if (!m->lines[i].answered)
            return false;
    return true;
}

/* JOIN-2. */
static void decide(struct machine *m, when now)
{
    const uint64_t step = m->run.rounds_per_ballot;
    uint64_t start = 0;
    if (m->told != NO_ROUND && m->told > 0)
        start = m->told - m->told % step + 2 * step;
    if (m->held != NO_ROUND && start <= m->held)
        start = m->held - m->held % step + step;
    if (start >= m->timing.rounds) {
        give_up(m, false, now);
        return;
    }
    m->start = (uint32_t)start;
    say_hello_to_all(m, now);
    if (!all_answered(m))
        who_else(m, now);
}

static void begin(struct machine *m, when now)
{
    if (m->start >= m->timing.rounds)
        give_up(m, false, now);
    else
        round_open(m, m->start, now);
}

/* JOIN-4. */
static bool may_begin(const struct machine *m, bool over)
{
    size_t ready = 1;
    bool seen = false;
    for (size_t i = 0; i < m->members_count; i++) {
        const struct member *member = &m->members[i];
        if (member->state == GONE)
            continue;
        ready += member->start != NO_ROUND;
        seen = seen || (member->seen != NO_ROUND && member->seen >= m->start);
    }
    if (over && (ready > 1 || m->timing.quorum == 1))
        return true;
    return m->start == 0 ? ready >= m->timing.quorum : seen;
}

void joining_tick(struct machine *m, when now)
{
    if (m->phase != JOINING)
        return;
    bool over = now >= m->join_at;
    bool answered = m->answered_at != NEVER;
    if (m->start == NO_ROUND &&
        (over || (answered && (all_answered(m) || now >= later(m->answered_at, m->timing.patience)))))
        decide(m, now);
    if (m->phase != JOINING || m->start == NO_ROUND)
        return;
    if (may_begin(m, over))
        begin(m, now);
    else if (over)
        give_up(m, false, now);
}

when joining_next(const struct machine *m)
{
    if (m->phase != JOINING)
        return NEVER;
    when next = m->join_at;
    if (m->start == NO_ROUND && m->answered_at != NEVER)
        next = sooner(next, later(m->answered_at, m->timing.patience));
    return next;
}
