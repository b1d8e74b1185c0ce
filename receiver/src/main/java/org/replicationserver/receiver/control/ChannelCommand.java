package org.replicationserver.receiver.control;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A command whose form is right. Immutable, any thread.
 *
 * @param commandId unique for this server, for ever
 * @param sourceServerId the one that it is about, null if it is about the whole server; whether it is known here is not looked at yet
 * @param parameters of the class that the type has
 * @param expires when it is not begun any more, null for never
 */
public record ChannelCommand(
        String commandId,
        CommandType type,
        @Nullable String sourceServerId,
        CommandParameters parameters,
        @Nullable Instant expires) {}
