package org.replicationserver.bench;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Mebibytes;
import org.replicationserver.process.ProcessUsage;
import org.replicationserver.receiver.config.ByteSize;

/**
 * The figures of a run, as a table for people and as JSON for programs. Filled by the run's thread.
 *
 * <p>A GiB is one of DATA: zeros cost the server little and the floor nothing, and would make both look cheaper than they are.
 */
final class BenchResult {
    /** Rounds of the server, each followed by one of the floor, if there is a floor. */
    static final class Series {
        final List<Sample> server = new ArrayList<>();
        final List<Sample> floor = new ArrayList<>();

        void add(Sample serverSample, @Nullable Sample floorSample) {
            server.add(serverSample);
            if (floorSample != null) {
                floor.add(floorSample);
            }
        }

        /** The server's CPU divided by that of the floor which followed. */
        @Nullable
        Spread ratio() {
            return floor.isEmpty() ? null : Spread.ofRatios(cpu(server), cpu(floor));
        }

        static List<Double> cpu(List<Sample> samples) {
            return samples.stream().map(Sample::cpuSeconds).toList();
        }
    }

    private record Round(String what, ProcessUsage usage) {}

    private static final Pattern COMPILER = Pattern.compile("C[12] Compiler");

    /** By the begin of what the kernel shows. */
    private static final Map<String, String> THREADS = Map.of(
            "vert.x-eventloo", "event loop",
            "vert.x-internal", "Vert.x helpers",
            "volume-writer", "volume writer",
            "state-writer", "state writer",
            "C1 Compiler", "C1 compiler",
            "C2 Compiler", "C2 compiler",
            "VM Thread", "VM thread",
            "VM Periodic Tas", "VM timer");

    final Series cold = new Series();
    final Series warm = new Series();
    final List<Double> sender = new ArrayList<>();

    private final Machine machine;
    private final Bench.Settings settings;
    private final String imageDescription;
    private final String fileSystem;
    private final PreparedFrames frames;
    private final List<Double> startSeconds = new ArrayList<>();
    private final List<Round> rounds = new ArrayList<>();
    private String serverEngine = "";
    private long peakResidentBytes;

    BenchResult(
            Machine machine,
            Bench.Settings settings,
            String imageDescription,
            String fileSystem,
            PreparedFrames frames) {
        this.machine = machine;
        this.settings = settings;
        this.imageDescription = imageDescription;
        this.fileSystem = fileSystem;
        this.frames = frames;
    }

    /** A server listens, having used so much CPU to get there. */
    void started(String engine, double cpuSeconds) {
        serverEngine = engine;
        startSeconds.add(cpuSeconds);
    }

    void peakResidentBytes(long bytes) {
        peakResidentBytes = Math.max(peakResidentBytes, bytes);
    }

    void round(String what, ProcessUsage usage) {
        rounds.add(new Round(what, usage));
    }

    // --- for people

    String table() {
        StringBuilder text = new StringBuilder();
        line(text, " ".repeat(37) + "   min   median      max");
        row(text, "server, cold, CPU s/GiB", perGib(cold.server));
        row(text, "server, warm, CPU s/GiB", perGib(warm.server));
        row(text, "  without its JIT compilers", spread(warmWithoutCompilers(), 1 / frames.dataGib()));
        row(text, "floor, CPU s/GiB", perGib(floors()));
        row(text, "ratio to the floor, cold", cold.ratio());
        row(text, "ratio to the floor, warm", warm.ratio());
        rateRow(text, "server, cold, MiB/s", rates(cold.server));
        rateRow(text, "server, warm, MiB/s", rates(warm.server));
        rateRow(text, "floor, MiB/s", rates(floors()));
        row(text, "sender, CPU s/GiB", spread(sender, 1 / frames.dataGib()));
        row(text, "server, CPU s to be listening", spread(startSeconds, 1));
        line(text, "server, peak resident size: " + Mebibytes.text(peakResidentBytes));
        line(text, "warm CPU s/GiB by thread: " + describe(warmThreads()));
        line(text, "cold: the first sync of a server that has just started; warm: the later ones of one server");
        line(
                text,
                "TLS 1.2, server " + serverEngine + ", sender " + TlsClient.engine() + "; " + settings.streams()
                        + " streams; volumes on " + fileSystem
                        + "; GiB and MiB are of DATA, without zeros; replicas identical");
        return text.toString();
    }

    private static void line(StringBuilder text, String line) {
        text.append(line).append('\n');
    }

    private static void row(StringBuilder text, String name, @Nullable Spread spread) {
        if (spread != null) {
            line(
                    text,
                    String.format(
                            Locale.ROOT, "%-36s %6.2f %8.2f %8.2f", name, spread.min(), spread.median(), spread.max()));
        }
    }

    private static void rateRow(StringBuilder text, String name, @Nullable Spread spread) {
        if (spread != null) {
            line(
                    text,
                    String.format(
                            Locale.ROOT, "%-36s %6.0f %8.0f %8.0f", name, spread.min(), spread.median(), spread.max()));
        }
    }

    private @Nullable Spread perGib(List<Sample> samples) {
        return spread(Series.cpu(samples), 1 / frames.dataGib());
    }

    private @Nullable Spread rates(List<Sample> samples) {
        return spread(
                samples.stream()
                        .map(sample -> frames.dataBytes() / sample.wallSeconds() / ByteSize.MIB)
                        .toList(),
                1);
    }

    private static @Nullable Spread spread(List<Double> figures, double factor) {
        return figures.isEmpty()
                ? null
                : Spread.of(figures.stream().map(figure -> figure * factor).toList());
    }

    private List<Sample> floors() {
        return Stream.concat(cold.floor.stream(), warm.floor.stream()).toList();
    }

    private List<Round> warmRounds() {
        return rounds.stream().filter(round -> round.what().startsWith("warm")).toList();
    }

    /** The JVM goes on compiling for some GiB; this is what remains when it has finished. */
    private List<Double> warmWithoutCompilers() {
        return warmRounds().stream().map(BenchResult::withoutCompilers).toList();
    }

    private static double withoutCompilers(Round round) {
        double compilers = round.usage().threadSeconds().entrySet().stream()
                .filter(thread -> COMPILER.matcher(thread.getKey()).lookingAt())
                .mapToDouble(Map.Entry::getValue)
                .sum();
        return round.usage().cpuSeconds() - compilers;
    }

    /** Mean of the warm rounds, in CPU seconds per GiB. */
    private Map<String, Double> warmThreads() {
        List<Round> warmRounds = warmRounds();
        Map<String, Double> mean = new TreeMap<>();
        for (Round round : warmRounds) {
            round.usage()
                    .threadSeconds()
                    .forEach((name, seconds) ->
                            mean.merge(name, seconds / warmRounds.size() / frames.dataGib(), Double::sum));
        }
        return mean;
    }

    private static String describe(Map<String, Double> threads) {
        return threads.entrySet().stream()
                .filter(thread -> thread.getValue() >= 0.005)
                .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
                .map(thread -> String.format(Locale.ROOT, "%s %.2f", readable(thread.getKey()), thread.getValue()))
                .collect(Collectors.joining(", "));
    }

    /** The kernel keeps 15 characters of a thread's name. */
    static String readable(String threadName) {
        return THREADS.entrySet().stream()
                .filter(known -> threadName.startsWith(known.getKey()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(threadName);
    }

    // --- for programs

    JsonObject toJson() {
        return new JsonObject()
                .put("at", Instant.now().toString())
                .put("machine", machineJson())
                .put("settings", settingsJson())
                .put("bytes", bytesJson())
                .put("cold", seriesJson(cold))
                .put("warm", seriesJson(warm))
                .put("senderCpuSeconds", new JsonArray(sender))
                .put("startCpuSeconds", new JsonArray(startSeconds))
                .put("peakResidentBytes", peakResidentBytes)
                .put(
                        "rounds",
                        new JsonArray(
                                rounds.stream().map(BenchResult::roundJson).toList()));
    }

    private JsonObject machineJson() {
        return new JsonObject()
                .put("processor", machine.processor())
                .put("processors", machine.processors())
                .put("kernel", machine.kernel())
                .put("java", machine.java())
                .put("loadAverage", machine.loadAverage());
    }

    private JsonObject settingsJson() {
        return new JsonObject()
                .put("sizeBytes", settings.sizeBytes())
                .put("image", imageDescription)
                .put("fileSystem", fileSystem)
                .put("streams", settings.streams())
                .put("serverEngine", serverEngine)
                .put("senderEngine", TlsClient.engine())
                .put("jvmOptions", new JsonArray(settings.jvmOptions()));
    }

    private JsonObject bytesJson() {
        return new JsonObject()
                .put("dataBytes", frames.dataBytes())
                .put("zeroBytes", frames.zeroBytes())
                .put("payloadBytes", frames.payloadBytes())
                .put("lz4Ratio", frames.lz4Ratio());
    }

    private JsonObject seriesJson(Series series) {
        JsonObject json =
                new JsonObject().put("server", samplesJson(series.server)).put("floor", samplesJson(series.floor));
        putSpread(json, "serverCpuSecondsPerGib", perGib(series.server));
        putSpread(json, "floorCpuSecondsPerGib", perGib(series.floor));
        putSpread(json, "serverMibPerSecond", rates(series.server));
        putSpread(json, "floorMibPerSecond", rates(series.floor));
        putSpread(json, "cpuRatio", series.ratio());
        return json;
    }

    private static JsonArray samplesJson(List<Sample> samples) {
        return new JsonArray(samples.stream()
                .map(sample -> new JsonObject()
                        .put("cpuSeconds", sample.cpuSeconds())
                        .put("wallSeconds", sample.wallSeconds()))
                .toList());
    }

    private static void putSpread(JsonObject json, String name, @Nullable Spread spread) {
        if (spread != null) {
            json.put(
                    name,
                    new JsonObject()
                            .put("min", spread.min())
                            .put("median", spread.median())
                            .put("max", spread.max()));
        }
    }

    private static JsonObject roundJson(Round round) {
        JsonObject threads = new JsonObject();
        round.usage().threadSeconds().forEach(threads::put);
        return new JsonObject()
                .put("round", round.what())
                .put("cpuSeconds", round.usage().cpuSeconds())
                .put("threadCpuSeconds", threads);
    }
}
