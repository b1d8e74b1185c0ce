package org.replicationserver.fuzz;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.aws.MetadataException;

/**
 * Answers of an instance's metadata service, over HTTP. The first byte of an input chooses the question, the second the status of the
 * last answer; the answers to its steps follow, with a NUL between them, of which the first is the token.
 *
 * <p>Bodies are read by threads of an HTTP client, so what they cost in memory is not held against the bound of {@link FuzzTarget}, which
 * counts the calling thread alone; the client's own bound of a body is what is left.
 *
 * <p>Rules: an odd answer is a failure with a line that names the item; an answer that is taken has the form that is allowed.
 */
final class InstanceAnswers implements FuzzTarget {
    private static final int[] STATUSES = {200, 200, 200, 200, 200, 301, 401, 403, 404, 500};
    private static final int LINE_CHARS_MAX = 4096;
    private static final int TAGS_MAX = 50;

    private final HttpServer server;
    private final URI address;

    // set before each run; the server's thread
    private volatile List<byte[]> answers = List.of();
    private volatile int lastStatus;
    private final AtomicInteger asked = new AtomicInteger();

    InstanceAnswers() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        server.createContext("/", this::answer);
        server.start();
        address = URI.create("http://" + server.getAddress().getAddress().getHostAddress() + ":"
                + server.getAddress().getPort());
    }

    private void answer(HttpExchange exchange) throws IOException {
        int step = asked.getAndIncrement();
        boolean isLast = step >= answers.size() - 1;
        byte[] body = step < answers.size() ? answers.get(step) : new byte[0];
        exchange.sendResponseHeaders(isLast ? lastStatus : 200, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    @Override
    public void run(byte[] input) throws Exception {
        if (input.length < 2) {
            return;
        }
        lastStatus = STATUSES[Byte.toUnsignedInt(input[1]) % STATUSES.length];
        answers = Arrays.stream(new String(input, 2, input.length - 2, StandardCharsets.ISO_8859_1).split("\0", -1))
                .map(answer -> answer.getBytes(StandardCharsets.ISO_8859_1))
                .toList();
        asked.set(0);
        try (InstanceMetadata metadata = new InstanceMetadata(address)) {
            ask(metadata, Byte.toUnsignedInt(input[0]) % 5);
        } catch (MetadataException e) {
            Rules.requireLine(e.getMessage(), LINE_CHARS_MAX);
        } catch (IOException e) {
            Rules.require(e.getMessage() != null, "an answer that is too long, or no HTTP, says why");
        }
    }

    private static void ask(InstanceMetadata metadata, int question) throws IOException, InterruptedException {
        switch (question) {
            case 0 -> Rules.require(metadata.region().matches("[a-z0-9-]+"), "a region is part of a host's name");
            case 1 -> Rules.require(metadata.availabilityZone().matches("[a-z0-9-]+"), "a zone is a name");
            case 2 -> Rules.requireLine(metadata.instanceId(), LINE_CHARS_MAX);
            case 3 -> metadata.roleCredentials().ifPresent(role -> Rules.requireLine(role.toString(), LINE_CHARS_MAX));
            default -> {
                Map<String, String> tags = metadata.tags().orElse(Map.of());
                Rules.require(tags.size() <= TAGS_MAX, "an instance has at most 50 tags");
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
