package org.replicationserver.receiver.control;

import java.util.concurrent.CompletionStage;

/**
 * Does what commands of a type ask for.
 *
 * <p>A handler must be idempotent: a command whose effect came and whose result was not yet durable when the server ended is handed to
 * it again by the next start. Otherwise each command comes once.
 */
public interface CommandHandler {
    /**
     * Executes a command. Called on a virtual thread of its own, so it may block; commands about the same source server, and those about
     * the whole server, come one after the other.
     *
     * @param command whose parameters are of the class that the type has
     * @return what became of it. What it fails or throws with is answered FAILED, with the message. If it takes longer than its deadline
     *     FAILED is answered, and the next command comes although the effect of this one may still
     * @throws InterruptedException when the server stops: the command is not answered, and comes again to the next start
     */
    CompletionStage<CommandResult> handle(ChannelCommand command) throws InterruptedException;
}
