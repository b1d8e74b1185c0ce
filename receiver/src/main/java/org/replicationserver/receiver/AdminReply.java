package org.replicationserver.receiver;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.AdminClient.NoAnswerException;

/**
 * What the server answered on the administrator's socket. It may be of another version than the command that asks.
 *
 * @param status of HTTP
 */
record AdminReply(Path socket, int status, Buffer body) {
    private static final int DONE = 200;

    /** Whether the command was carried out. */
    boolean isDone() {
        return status == DONE;
    }

    /** The object of a success. */
    JsonObject told() throws NoAnswerException {
        if (!isDone()) {
            throw unreadable();
        }
        return json();
    }

    /**
     * What a success tells, in words.
     *
     * @param words of the object; null, or an exception, where it is none that is known
     */
    String text(Function<JsonObject, ? extends @Nullable String> words) throws NoAnswerException {
        return textOf(told(), words);
    }

    /** Why the server refused it. */
    String refusal() throws NoAnswerException {
        return textOf(json(), told -> told.getString("error"));
    }

    private String textOf(JsonObject told, Function<JsonObject, ? extends @Nullable String> words)
            throws NoAnswerException {
        String text;
        try {
            text = words.apply(told);
        } catch (RuntimeException e) { // a member is missing, or of another type or form
            throw unreadable();
        }
        if (text == null) {
            throw unreadable();
        }
        return text;
    }

    private JsonObject json() throws NoAnswerException {
        try {
            return body.toJsonObject();
        } catch (RuntimeException e) { // no JSON, or no object
            throw unreadable();
        }
    }

    private NoAnswerException unreadable() {
        return new NoAnswerException("the answer from " + socket + " cannot be read: status=" + status + " bytes="
                + body.length() + "; is the server of the same version as this command?");
    }
}
