package org.replicationserver.bench;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
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

/**
 * The figures of a run, as a table for people and as JSON for programs. Filled by the run's thread.
 *
 * <p>A GiB is one of DATA: zeros cost the server little and the floor nothing, and would make both look cheaper than they are.
 */
final class BenchResult implements Figures {
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
            return floor.isEmpty() ? null : Spread.ofRatios(Sample.cpuSeconds(server), Sample.cpuSeconds(floor));
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

    private final Conditions conditions;
    private final PreparedFrames frames;
    private final List<Double> startSeconds = new ArrayList<>();
    private final List<Round> rounds = new ArrayList<>();
    private String serverEngine = "";
    private long peakResidentBytes;

    BenchResult(Conditions conditions) {
        this.conditions = conditions;
        this.frames = conditions.frames();
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

    @Override
    public String table() {
        FigureTable table = new FigureTable();
        table.row("server, cold, CPU s/GiB", conditions.cpuPerGib(cold.server));
        table.row("server, warm, CPU s/GiB", conditions.cpuPerGib(warm.server));
        table.row("  without its JIT compilers", Spread.scaled(warmWithoutCompilers(), 1 / frames.dataGib()));
        table.row("floor, CPU s/GiB", conditions.cpuPerGib(floors()));
        table.row("ratio to the floor, cold", cold.ratio());
        table.row("ratio to the floor, warm", warm.ratio());
        table.rateRow("server, cold, MiB/s", conditions.rates(cold.server));
        table.rateRow("server, warm, MiB/s", conditions.rates(warm.server));
        table.rateRow("floor, MiB/s", conditions.rates(floors()));
        table.row("sender, CPU s/GiB", Spread.scaled(sender, 1 / frames.dataGib()));
        table.row("server, CPU s to be listening", Spread.scaled(startSeconds, 1));
        table.line("server, peak resident size: " + Mebibytes.text(peakResidentBytes));
        table.line("warm CPU s/GiB by thread: " + describe(warmThreads()));
        table.line("cold: the first sync of a server that has just started; warm: the later ones of one server");
        table.line(conditions.line(serverEngine));
        return table.toString();
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

    @Override
    public JsonObject toJson() {
        return conditions
                .toJson(serverEngine)
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

    private JsonObject seriesJson(Series series) {
        JsonObject json =
                new JsonObject().put("server", Sample.toJson(series.server)).put("floor", Sample.toJson(series.floor));
        Spread.put(json, "serverCpuSecondsPerGib", conditions.cpuPerGib(series.server));
        Spread.put(json, "floorCpuSecondsPerGib", conditions.cpuPerGib(series.floor));
        Spread.put(json, "serverMibPerSecond", conditions.rates(series.server));
        Spread.put(json, "floorMibPerSecond", conditions.rates(series.floor));
        Spread.put(json, "cpuRatio", series.ratio());
        return json;
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
