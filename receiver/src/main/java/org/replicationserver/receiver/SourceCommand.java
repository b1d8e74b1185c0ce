package org.replicationserver.receiver;

import io.vertx.core.json.JsonObject;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.replicationserver.receiver.config.ConfigOptions;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.session.HoldRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands about source servers, to the server that runs on this machine. */
@Command(
        name = "source",
        mixinStandardHelpOptions = true,
        description = "Commands about source servers, to the server that runs on this machine.",
        subcommands = {
            SourceCommand.AcceptAgents.class,
            SourceCommand.Rescan.class,
            SourceCommand.Hold.class,
            SourceCommand.Release.class
        })
final class SourceCommand {
    private static final String LABEL = "SOURCE-SERVER-ID";

    @Command(
            name = "accept-agents",
            mixinStandardHelpOptions = true,
            description = "After a duplicate agent was stopped: forgets which one was refused.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:done",
                "1:refused by the server",
                "2:wrong command line",
                "69:no server answers within 10 s",
                "78:mistakes in the configuration, a line each"
            })
    static final class AcceptAgents implements Callable<Integer> {
        @Mixin
        private ConfigOptions options = new ConfigOptions();

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Parameters(paramLabel = LABEL, description = "As in the assignments.")
        private String sourceServerId = "";

        @Override
        public Integer call() {
            IdForm.SOURCE_SERVER.require(sourceServerId, spec, LABEL);
            return AdminClient.run(
                    options,
                    spec.commandLine(),
                    "/sources/" + sourceServerId + "/accept-agents",
                    AdminClient.ANSWER_TIMEOUT);
        }
    }

    @Command(
            name = "rescan",
            mixinStandardHelpOptions = true,
            description =
                    "Has the disks of a source server compared with their volumes, and what differs sent; an agent that cannot"
                            + " compare sends all.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:stored, the agent is asked",
                "1:refused by the server",
                "2:wrong command line",
                "69:no server answers within 10 s",
                "78:mistakes in the configuration, a line each"
            })
    static final class Rescan implements Callable<Integer> {
        private static final String VOLUME = "--volume";

        @Mixin
        private ConfigOptions options = new ConfigOptions();

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Parameters(paramLabel = LABEL, description = "As in the assignments.")
        private String sourceServerId = "";

        @Option(names = VOLUME, paramLabel = "ID", description = "Only this one of its volumes; else all.")
        private String volumeId = "";

        @Override
        public Integer call() {
            IdForm.SOURCE_SERVER.require(sourceServerId, spec, LABEL);
            String path = "/sources/" + sourceServerId + "/rescan";
            if (!volumeId.isEmpty()) {
                IdForm.VOLUME.require(volumeId, spec, VOLUME);
                path += "/" + volumeId;
            }
            return AdminClient.run(options, spec.commandLine(), path, AdminClient.ANSWER_TIMEOUT);
        }
    }

    @Command(
            name = "hold",
            mixinStandardHelpOptions = true,
            description = {
                "Keeps all volumes of a source server as they are at its next commit, for whoever copies them or makes snapshots of"
                        + " what they are on. Prints a token, the epoch, the time of its mark, until when it holds, and the volumes'"
                        + " paths, as soon as all is on stable storage.",
                "Replication of this source server waits meanwhile. What was copied is good only if `source release` says VALID after"
                        + " that. Whoever interrupts this command before it prints a token holds nothing."
            },
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:held",
                "1:refused by the server, with the cause",
                "2:wrong command line",
                "69:no server answers within both times and 10 s",
                "78:mistakes in the configuration, a line each"
            })
    static final class Hold implements Callable<Integer> {
        private static final String SECONDS = "--seconds";
        private static final String COMMIT_SECONDS = "--commit-timeout-seconds";

        @Mixin
        private ConfigOptions options = new ConfigOptions();

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Parameters(paramLabel = LABEL, description = "As in the assignments.")
        private String sourceServerId = "";

        @Option(
                names = SECONDS,
                paramLabel = "N",
                defaultValue = "60",
                description = "A hold that is not released ends by itself after so long, 1 to "
                        + HoldRequest.BY_HAND_SECONDS_MAX
                        + ", default ${DEFAULT-VALUE}. Also the time that the volumes get to come to rest.")
        private int seconds;

        @Option(
                names = COMMIT_SECONDS,
                paramLabel = "N",
                defaultValue = "120",
                description = "Time that the agent gets to commit an epoch, 1 to "
                        + HoldRequest.BY_HAND_COMMIT_SECONDS_MAX + ", default ${DEFAULT-VALUE}.")
        private int commitTimeoutSeconds;

        @Option(
                names = "--json",
                description =
                        "Prints it as JSON: sourceServerId, token, epoch, markDateTime, untilDateTime, and volumes with"
                                + " deviceName, volumeId and path.")
        private boolean json;

        @Override
        public Integer call() {
            IdForm.SOURCE_SERVER.require(sourceServerId, spec, LABEL);
            requireWithin(SECONDS, seconds, HoldRequest.BY_HAND_SECONDS_MAX);
            requireWithin(COMMIT_SECONDS, commitTimeoutSeconds, HoldRequest.BY_HAND_COMMIT_SECONDS_MAX);
            return AdminClient.run(
                    options,
                    spec.commandLine(),
                    "/sources/" + sourceServerId + "/hold/" + seconds + "/" + commitTimeoutSeconds,
                    AdminClient.ANSWER_TIMEOUT.plusSeconds(seconds + commitTimeoutSeconds),
                    hold -> json ? hold.encodePrettily() : text(hold));
        }

        private void requireWithin(String option, int value, int max) {
            if (value < 1 || value > max) {
                throw new ParameterException(spec.commandLine(), option + "=" + value + "; allowed: 1 to " + max);
            }
        }

        static String text(JsonObject hold) {
            StringBuilder text = new StringBuilder();
            text.append("held at epoch ")
                    .append(hold.getLong("epoch"))
                    .append(", the disks as they were at ")
                    .append(hold.getString("markDateTime"))
                    .append("\nuntil ")
                    .append(hold.getString("untilDateTime"))
                    .append("; when the copy is done: ./run source release ")
                    .append(hold.getString("sourceServerId"))
                    .append(' ')
                    .append(hold.getString("token"));
            hold.getJsonArray("volumes").forEach(volume -> text.append('\n').append(line((JsonObject) volume)));
            return text.toString();
        }

        private static String line(JsonObject volume) {
            return "  " + volume.getString("deviceName") + "  " + volume.getString("volumeId") + "  "
                    + volume.getString("path", "path not known");
        }
    }

    @Command(
            name = "release",
            mixinStandardHelpOptions = true,
            description =
                    "Ends a hold and says what it was worth: VALID if the volumes stood still from its begin until now, so that"
                            + " what was copied in between is the source server's disks at the mark; otherwise EXPIRED, and the copy is of no use.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:VALID",
                "1:EXPIRED; a hold that was released before is that too",
                "2:wrong command line",
                "69:no server answers within 10 s; the copy is not known to be good then",
                "78:mistakes in the configuration, a line each"
            })
    static final class Release implements Callable<Integer> {
        private static final String TOKEN_LABEL = "TOKEN";
        private static final IdForm TOKEN =
                new IdForm(Pattern.compile("[0-9a-f]{32}"), "32 hexadecimal digits, as `source hold` prints them");

        @Mixin
        private ConfigOptions options = new ConfigOptions();

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Parameters(index = "0", paramLabel = LABEL, description = "As in the assignments.")
        private String sourceServerId = "";

        @Parameters(index = "1", paramLabel = TOKEN_LABEL, description = "That was printed by `source hold`.")
        private String token = "";

        @Override
        public Integer call() {
            IdForm.SOURCE_SERVER.require(sourceServerId, spec, LABEL);
            TOKEN.require(token, spec, TOKEN_LABEL);
            return AdminClient.run(
                    options,
                    spec.commandLine(),
                    "/sources/" + sourceServerId + "/release/" + token,
                    AdminClient.ANSWER_TIMEOUT);
        }
    }
}
