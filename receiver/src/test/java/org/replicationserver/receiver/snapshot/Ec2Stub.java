package org.replicationserver.receiver.snapshot;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** EC2 over HTTPS, as far as snapshots go, in its own words: form parameters in, XML out. Fails as it is told to. */
final class Ec2Stub implements AutoCloseable {
    private static final String NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/";

    private final HttpsServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Map<String, Queue<Fault>> faults = new ConcurrentHashMap<>();
    private final List<Snapshot> snapshots = new CopyOnWriteArrayList<>();
    private final List<Map<String, String>> requests = new CopyOnWriteArrayList<>();
    private final AtomicInteger numbers = new AtomicInteger();
    private volatile int hiddenLooks;

    /** What happens instead of the usual answer. */
    sealed interface Fault {
        /** The usual answer. */
        record None() implements Fault {}

        Fault NONE = new None();

        /** An answer in the form of EC2. */
        record Refusal(int status, String code, String message) implements Fault {}

        /** The connection is cut; {@code done} says whether the request is carried out before. */
        record Cut(boolean done) implements Fault {}

        /** An answer of these members, and nothing is done. */
        record Answer(String members) implements Fault {}

        /** No answer comes. */
        record Hang(boolean done) implements Fault {}
    }

    /** A snapshot with its state, which a test may change. */
    static final class Snapshot {
        final String id;
        final String volumeId;
        final String description;
        final Map<String, String> tags;
        final AtomicInteger looksUntilShown;
        volatile String state = "pending";
        volatile String message = "";

        Snapshot(String id, String volumeId, String description, Map<String, String> tags, int hiddenLooks) {
            this.id = id;
            this.volumeId = volumeId;
            this.description = description;
            this.tags = tags;
            this.looksUntilShown = new AtomicInteger(hiddenLooks);
        }
    }

    Ec2Stub(SSLContext tls) throws IOException {
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(tls));
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    URI address() {
        return URI.create("https://127.0.0.1:" + server.getAddress().getPort());
    }

    /** What comes in the place of the next answers about a volume. */
    void failCreate(String volumeId, Fault... inTurn) {
        faults.computeIfAbsent("CreateSnapshot " + volumeId, key -> new ConcurrentLinkedQueue<>())
                .addAll(List.of(inTurn));
    }

    void failDescribe(Fault... inTurn) {
        faults.computeIfAbsent("DescribeSnapshots ", key -> new ConcurrentLinkedQueue<>())
                .addAll(List.of(inTurn));
    }

    /** Snapshots that are made from now on are not in the answers to so many questions. */
    void hideNewFor(int looks) {
        hiddenLooks = looks;
    }

    List<Snapshot> snapshots() {
        return snapshots;
    }

    Snapshot snapshot(String id) {
        return snapshots.stream().filter(one -> one.id.equals(id)).findFirst().orElseThrow();
    }

    List<Snapshot> snapshotsOf(String volumeId) {
        return snapshots.stream().filter(one -> one.volumeId.equals(volumeId)).toList();
    }

    /** How often an action was asked for; of a volume, or of all. */
    long count(String action, @Nullable String volumeId) {
        return requests.stream()
                .filter(one -> action.equals(one.get("Action")))
                .filter(one -> volumeId == null || volumeId.equals(one.get("VolumeId")))
                .count();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String form = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            Map<String, String> request = new LinkedHashMap<>();
            for (String pair : form.split("&", -1)) {
                int equals = pair.indexOf('=');
                request.put(decode(pair.substring(0, equals)), decode(pair.substring(equals + 1)));
            }
            requests.add(request);
            String key = request.get("Action") + " " + request.getOrDefault("VolumeId", "");
            Queue<Fault> queue = faults.get(key);
            Fault next = queue == null ? null : queue.poll();
            Fault fault = next == null ? Fault.NONE : next;
            switch (fault) {
                case Fault.None _ -> reply(exchange, 200, answer(request));
                case Fault.Refusal error -> reply(exchange, error.status(), error(error));
                case Fault.Answer other ->
                    reply(exchange, 200, "<Response><requestId>r</requestId>" + other.members() + "</Response>");
                case Fault.Cut cut -> {
                    if (cut.done()) {
                        answer(request);
                    }
                }
                case Fault.Hang hang -> {
                    if (hang.done()) {
                        answer(request);
                    }
                    closing.await();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String member(Map<String, String> request, String name) {
        String value = request.get(name);
        if (value == null) {
            throw new AssertionError(name + " is missing in " + request);
        }
        return value;
    }

    private static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    private static void reply(HttpExchange exchange, int status, String xml) throws IOException {
        byte[] bytes = xml.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/xml;charset=UTF-8");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private static String error(Fault.Refusal error) {
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>" + error.code()
                + "</Code><Message>" + error.message()
                + "</Message></Error></Errors><RequestID>request-1</RequestID></Response>";
    }

    private synchronized String answer(Map<String, String> request) {
        return member(request, "Action").equals("CreateSnapshot") ? create(request) : describe(request);
    }

    private String create(Map<String, String> request) {
        Map<String, String> tags = new LinkedHashMap<>();
        for (int i = 1; request.containsKey("TagSpecification.1.Tag." + i + ".Key"); i++) {
            tags.put(
                    request.get("TagSpecification.1.Tag." + i + ".Key"),
                    request.get("TagSpecification.1.Tag." + i + ".Value"));
        }
        Snapshot snapshot = new Snapshot(
                String.format("snap-%017x", numbers.incrementAndGet()),
                member(request, "VolumeId"),
                member(request, "Description"),
                tags,
                hiddenLooks);
        snapshots.add(snapshot);
        return "<CreateSnapshotResponse xmlns=\"" + NAMESPACE + "\"><requestId>r</requestId>" + members(snapshot)
                + "</CreateSnapshotResponse>";
    }

    private String describe(Map<String, String> request) {
        String name = member(request, "Filter.1.Name").substring("tag:".length());
        String value = member(request, "Filter.1.Value.1");
        List<Snapshot> found = new ArrayList<>();
        for (Snapshot one : snapshots) {
            if (value.equals(one.tags.get(name)) && one.looksUntilShown.getAndDecrement() <= 0) {
                found.add(one);
            }
        }
        StringBuilder items = new StringBuilder();
        found.forEach(one -> items.append("<item>").append(members(one)).append("</item>"));
        return "<DescribeSnapshotsResponse xmlns=\"" + NAMESPACE + "\"><requestId>r</requestId><snapshotSet>" + items
                + "</snapshotSet></DescribeSnapshotsResponse>";
    }

    private static String members(Snapshot one) {
        return "<snapshotId>" + one.id + "</snapshotId><volumeId>" + one.volumeId + "</volumeId><status>" + one.state
                + "</status><statusMessage>" + one.message
                + "</statusMessage><startTime>2026-05-01T00:00:00.000Z</startTime><progress>0%</progress>";
    }

    @Override
    public void close() {
        closing.countDown();
        server.stop(0);
        threads.shutdownNow();
    }
}
