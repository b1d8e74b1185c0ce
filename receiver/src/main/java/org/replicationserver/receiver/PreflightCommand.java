package org.replicationserver.receiver;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.AdminClient.NoAnswerException;
import org.replicationserver.receiver.AdminClient.NoServerException;
import org.replicationserver.receiver.config.AllowListFile;
import org.replicationserver.receiver.config.AllowListFile.Rule;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.ConfigOptions;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.config.EffectiveConfig;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.preflight.Finding;
import org.replicationserver.receiver.preflight.Finding.Verdict;
import org.replicationserver.receiver.preflight.Preflight;
import org.replicationserver.receiver.preflight.Preflight.Checked;
import org.replicationserver.receiver.preflight.PreflightChecks;
import org.replicationserver.receiver.preflight.RunningServer;
import org.replicationserver.receiver.server.StateRecords;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Looks at everything that the server needs from where it stands. */
@Command(
        name = "preflight",
        mixinStandardHelpOptions = true,
        description = {
            "Looks within ten seconds at everything that the server needs: the services on port 443, the instance's metadata and credentials,"
                    + " the clock, the port for agents, the certificate, directories, space and volumes. A line each says what was"
                    + " tested, what failed, and what to do.",
            "A server that runs is not disturbed: what it has open is not opened again, it is asked."
        },
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:nothing failed",
            "2:wrong command line",
            "69:something that the server needs is not available",
            "78:mistakes in the configuration, a line each, or something that it names cannot be used"
        })
final class PreflightCommand implements Callable<Integer> {
    /** A server that is well answers at once; its time is part of that for all. */
    private static final Duration SERVER_TIMEOUT = Duration.ofSeconds(2);

    /** The server of this configuration: how it stands, and what it says; null where none runs. */
    private record Server(Finding finding, @Nullable RunningServer running) {}

    @Mixin
    private ConfigOptions options = new ConfigOptions();

    @Option(names = "--json", description = "Prints what was found as JSON.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws InterruptedException {
        try {
            EffectiveConfig effective = options.load();
            ServerConfig config = effective.toServerConfig();
            List<AssignedSource> assigned =
                    config.control().mode() == ControlMode.LOCAL ? effective.readAssignments() : List.of();
            List<Rule> buckets = AllowListFile.read(config.software().allowList());
            long beganNanos = System.nanoTime();
            Server server = server(config);
            try (PreflightChecks checks = new PreflightChecks(config, Clock.systemUTC())) {
                List<Checked> found = new ArrayList<>(List.of(new Checked("server", server.finding())));
                found.addAll(Preflight.run(
                        checks.all(
                                assigned,
                                buckets,
                                server.running(),
                                id -> StateRecords.read(config.stateDirectory(), id)),
                        Preflight.TIMEOUT.minusNanos(System.nanoTime() - beganNanos)));
                print(found);
                return exitCode(found);
            }
        } catch (ConfigException e) {
            return refused(e.lines());
        } catch (IOException e) { // of aws.ca-file
            return refused(List.of(String.valueOf(e.getMessage())));
        }
    }

    private int refused(List<String> mistakes) {
        mistakes.forEach(spec.commandLine().getErr()::println);
        if (json) {
            String fix = "Correct the configuration.";
            print(mistakes.stream()
                    .map(line -> new Checked("configuration", Finding.misconfigured(line, fix)))
                    .toList());
        }
        return ConfigException.EXIT_CODE;
    }

    private static Server server(ServerConfig config) {
        try {
            JsonObject told = new AdminClient(config.adminSocket(), SERVER_TIMEOUT).get(AdminClient.VOLUMES);
            int port = told.getInteger("port", 0);
            if (port == 0) {
                return new Server(
                        Finding.warn("it starts, and does not listen yet", "Look again in some seconds."),
                        new RunningServer(0, Map.of())); // its volumes are being opened
            }
            int set = config.listen().port();
            if (set != 0 && set != port) {
                return new Server(
                        Finding.misconfigured(
                                "it runs and listens on port " + port + ", this configuration says " + set,
                                "Give preflight the same --config and --set as the server, or start the server again with this"
                                        + " configuration."),
                        new RunningServer(0, volumes(told)));
            }
            return new Server(
                    Finding.ok("it runs, and listens on port " + port), new RunningServer(port, volumes(told)));
        } catch (NoServerException e) {
            return new Server(Finding.skip("none runs with this state.directory"), null);
        } catch (NoAnswerException e) {
            // It may be well and busy, or another user's: its port is looked at, and what may be its own left alone.
            return new Server(
                    Finding.fail(
                            String.valueOf(e.getMessage()),
                            "See to it that it answers, then look again: its volumes were not looked at."),
                    new RunningServer(config.listen().port(), Map.of()));
        }
    }

    /** By volume id, why it is not open; null where it is. */
    private static Map<String, @Nullable String> volumes(JsonObject told) {
        Map<String, @Nullable String> volumes = new LinkedHashMap<>();
        JsonArray rows = told.getJsonArray("volumes", new JsonArray());
        for (int i = 0; i < rows.size(); i++) {
            JsonObject volume = rows.getJsonObject(i);
            switch (volume.getString("state", "")) {
                case "OPEN" -> volumes.put(volume.getString("volumeId"), null);
                case "NOT_OPEN", "FAILED" ->
                    volumes.put(volume.getString("volumeId"), volume.getString("reason", "not open"));
                default -> {} // attached, and nobody's
            }
        }
        return volumes;
    }

    private static int exitCode(List<Checked> found) {
        boolean misconfigured = found.stream().anyMatch(one -> one.finding().verdict() == Verdict.MISCONFIGURED);
        if (misconfigured) {
            return ConfigException.EXIT_CODE;
        }
        boolean failed = found.stream().anyMatch(one -> one.finding().verdict().isFailure());
        return failed ? ExitCode.UNAVAILABLE : 0;
    }

    private void print(List<Checked> found) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            JsonArray checks = new JsonArray();
            found.forEach(one -> checks.add(new JsonObject()
                    .put("check", one.name())
                    .put("verdict", one.finding().verdict().name())
                    .put("text", one.finding().text())
                    .put("fix", one.finding().fix())));
            out.println(new JsonObject().put("checks", checks).encodePrettily());
        } else {
            found.forEach(one -> out.println(line(one)));
        }
        out.flush();
    }

    private static String line(Checked one) {
        Finding finding = one.finding();
        String verdict = finding.verdict() == Verdict.MISCONFIGURED
                ? "FAIL"
                : finding.verdict().name();
        String fix = finding.fix().isEmpty() ? "" : " -> " + finding.fix();
        return String.format(Locale.ROOT, "%-4s  %s: %s%s", verdict, one.name(), finding.text(), fix);
    }
}
