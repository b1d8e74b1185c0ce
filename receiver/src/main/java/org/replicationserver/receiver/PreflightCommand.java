package org.replicationserver.receiver;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.AdminClient.NoAnswerException;
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
    /** A server that is well answers at once. */
    private static final Duration SERVER_TIMEOUT = Duration.ofSeconds(3);

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
            try (PreflightChecks checks = new PreflightChecks(config, Clock.systemUTC())) {
                List<Checked> found =
                        Preflight.run(checks.all(assigned, buckets, runningServer(config)), Preflight.TIMEOUT);
                print(found);
                return exitCode(found);
            }
        } catch (ConfigException e) {
            e.lines().forEach(spec.commandLine().getErr()::println);
            return ConfigException.EXIT_CODE;
        } catch (IOException e) { // of aws.ca-file
            spec.commandLine().getErr().println(e.getMessage());
            return ConfigException.EXIT_CODE;
        }
    }

    private static @Nullable RunningServer runningServer(ServerConfig config) {
        try {
            Map<String, @Nullable String> volumes = new LinkedHashMap<>();
            JsonArray told = new AdminClient(config.adminSocket(), SERVER_TIMEOUT)
                    .get(AdminClient.VOLUMES)
                    .getJsonArray("volumes", new JsonArray());
            for (int i = 0; i < told.size(); i++) {
                JsonObject volume = told.getJsonObject(i);
                switch (volume.getString("state", "")) {
                    case "OPEN" -> volumes.put(volume.getString("volumeId"), null);
                    case "NOT_OPEN", "FAILED" ->
                        volumes.put(volume.getString("volumeId"), volume.getString("reason", "not open"));
                    default -> {} // attached, and nobody's
                }
            }
            return new RunningServer(config.listen().port(), volumes);
        } catch (NoAnswerException e) {
            return null;
        }
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
