package org.replicationserver.receiver;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.function.Function;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.receiver.AdminClient.NoAnswerException;

/**
 * Answers on the administrator's socket, as of a server of another version. The first byte of an input chooses the question, an odd second
 * byte says that the command was refused; the rest is the body.
 *
 * <p>Rules: an answer is told in words, or as one that cannot be read, in a line.
 */
public final class AdminAnswers implements FuzzTarget {
    private static final int LINE_CHARS_MAX = 1024;
    private static final int DONE = 200;
    private static final int REFUSED = 409;
    private static final Path SOCKET = Path.of("/run/admin.socket");
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    @Override
    public void run(byte[] input) {
        if (input.length < 2) {
            return;
        }
        Buffer body = Buffer.buffer(Arrays.copyOfRange(input, 2, input.length));
        AdminReply reply = new AdminReply(SOCKET, input[1] % 2 == 0 ? DONE : REFUSED, body);
        try {
            String text = reply.isDone() ? reply.text(words(Byte.toUnsignedInt(input[0]) % 4)) : reply.refusal();
            Rules.require(text != null, "an answer has words");
        } catch (NoAnswerException e) {
            Rules.requireLine(e.getMessage(), LINE_CHARS_MAX);
        }
    }

    private static Function<JsonObject, String> words(int question) {
        return switch (question) {
            case 0 -> status -> StatusText.of(status, NOW);
            case 1 -> VolumeListText::of;
            case 2 -> SourceCommand.Hold::text;
            default -> told -> told.getString("result");
        };
    }
}
