package org.replicationserver.receiver.session;

import org.replicationserver.receiver.protocol.Hello;

/**
 * Which agent had the newest sessions of a source server; immutable.
 *
 * <p>What an agent believes to be acknowledged holds only as long as nobody else wrote meanwhile. A restored or cloned machine is
 * such another writer: it has the same certificate, but not the same memory.
 *
 * @param generation the newest that was given out, 0 if none
 * @param instance the agent that took it, empty if none
 * @param sinceGeneration the first of the unbroken row of generations that this agent's memory knows of
 */
public record SessionHistory(long generation, String instance, long sinceGeneration) {
    /** That of a source server that was never seen. */
    static SessionHistory none() {
        return new SessionHistory(0, "", 0);
    }

    /** The history with the generation that the agent is given now. */
    SessionHistory next(Hello hello) {
        long next = Math.max(generation, rememberedGeneration(hello)) + 1;
        return new SessionHistory(next, hello.instance(), isContinuedBy(hello) ? sinceGeneration : next);
    }

    /**
     * Whether the agent knows of all sessions up to now. One that lost the answer to its own HELLO does; one that was told to
     * send everything and lost that answer does not.
     */
    private boolean isContinuedBy(Hello hello) {
        long remembered = rememberedGeneration(hello);
        return remembered >= sinceGeneration && (hello.instance().equals(instance) || remembered == generation);
    }

    /** Whether the agent that remembers this generation knows of all that was written since. */
    boolean isKnownTo(Hello.Remembered remembered) {
        return remembered.generation() >= sinceGeneration;
    }

    private static long rememberedGeneration(Hello hello) {
        return hello.remembers() == null ? 0 : hello.remembers().generation();
    }
}
