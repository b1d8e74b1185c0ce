package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.log.PeerText;

/**
 * What became of a command. Immutable; {@code output} is not to be changed by anybody.
 *
 * @param message for people; a longer one than 1024 characters is cut
 * @param output what the command brought, at most {@link #OUTPUT_BYTES_MAX} as JSON text; null if nothing
 */
public record CommandResult(
        Status status, String message, @Nullable JsonObject output) {
    public static final int OUTPUT_BYTES_MAX = 32 * 1024;

    static final int MESSAGE_CHARS_MAX = 1024;

    /** How it ended. */
    public enum Status {
        /** Done. */
        SUCCEEDED,
        /** Begun, and it did not succeed. */
        FAILED,
        /** The command is unknown or malformed. */
        INVALID,
        /** Known, but this server cannot do it. */
        NOT_SUPPORTED,
        /** It came too late to be begun. */
        EXPIRED
    }

    public CommandResult {
        message = PeerText.cut(message, MESSAGE_CHARS_MAX);
        if (output != null && output.encode().getBytes(StandardCharsets.UTF_8).length > OUTPUT_BYTES_MAX) {
            throw new IllegalArgumentException("the output of a command is too large; bytesMax=" + OUTPUT_BYTES_MAX);
        }
    }

    public static CommandResult succeeded(String message) {
        return new CommandResult(Status.SUCCEEDED, message, null);
    }

    public static CommandResult succeeded(String message, JsonObject output) {
        return new CommandResult(Status.SUCCEEDED, message, output);
    }

    public static CommandResult failed(String message) {
        return new CommandResult(Status.FAILED, message, null);
    }

    public static CommandResult failed(String message, JsonObject output) {
        return new CommandResult(Status.FAILED, message, output);
    }

    /** For what is wrong with the parameters beyond their form. */
    public static CommandResult invalid(String message) {
        return new CommandResult(Status.INVALID, message, null);
    }
}
