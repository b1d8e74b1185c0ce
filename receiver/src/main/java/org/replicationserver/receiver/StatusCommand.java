package org.replicationserver.receiver;

import java.time.Instant;
import java.util.concurrent.Callable;
import org.replicationserver.receiver.config.ConfigOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Prints how every replication of the running server stands, and why. */
@Command(
        name = "status",
        mixinStandardHelpOptions = true,
        description = "Prints how every replication of the server on this machine stands, and why.",
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:printed",
            "2:wrong command line",
            "69:no server answers within 10 s",
            "78:mistakes in the configuration, a line each"
        })
final class StatusCommand implements Callable<Integer> {
    @Mixin
    private ConfigOptions options = new ConfigOptions();

    @Option(
            names = "--json",
            description =
                    "Prints all that is known, each replication as the schema DataReplicationInfo of the control API."
                            + " bandwidth, of each source server and of all together, is the limit that holds now:"
                            + " bandwidthThrottling in Mbps, 0 is none, and its origin, ASSIGNED, SCHEDULE or BY_HAND."
                            + " notTaken is what is assigned and cannot be: sourceServerId, cause, nextAction."
                            + " controlPlane tells how its calls do, when the next one is tried while they fail, how old what it"
                            + " assigned is, and how many reports wait to be told.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        return AdminClient.print(
                options,
                spec.commandLine(),
                AdminClient.STATUS,
                status -> json ? status.encodePrettily() + "\n" : StatusText.of(status, Instant.now()));
    }
}
