package org.replicationserver.agent;

import org.jspecify.annotations.Nullable;

/**
 * Why a session ended and what follows. Immutable.
 *
 * @param delayNanos to wait before the next session, for {@link Next#LATER}
 * @param outcome the end of the replication, for {@link Next#NEVER}
 */
record SessionEnd(
        Next next, String text, long delayNanos, @Nullable AgentOutcome outcome) {
    enum Next {
        /** After the back-off. */
        RETRY,
        /** After the back-off too, though nothing is wrong. */
        WAIT,
        /** At once, where the specification says so; after the back-off if that brings no progress. */
        NOW,
        /** At once each time: the next session asks for less, so this ends. */
        SMALLER,
        /** After a time that the server named. */
        LATER,
        NEVER
    }

    static SessionEnd retry(String text) {
        return new SessionEnd(Next.RETRY, text, 0, null);
    }

    static SessionEnd await(String text) {
        return new SessionEnd(Next.WAIT, text, 0, null);
    }

    static SessionEnd now(String text) {
        return new SessionEnd(Next.NOW, text, 0, null);
    }

    static SessionEnd smaller(String text) {
        return new SessionEnd(Next.SMALLER, text, 0, null);
    }

    static SessionEnd later(String text, long delayNanos) {
        return new SessionEnd(Next.LATER, text, delayNanos, null);
    }

    static SessionEnd never(AgentOutcome.Exit exit, String text) {
        return new SessionEnd(Next.NEVER, text, 0, new AgentOutcome(exit, text));
    }
}
