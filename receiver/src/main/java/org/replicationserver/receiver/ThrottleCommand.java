package org.replicationserver.receiver;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.ConfigOptions;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.session.BandwidthSchedule;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Limits the bandwidth of a server that runs on this machine, at once. */
@Command(
        name = "throttle",
        mixinStandardHelpOptions = true,
        description =
                "Limits how fast agents may send data to the server that runs on this machine, until another limit is assigned or it starts again.",
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:done",
            "1:refused by the server",
            "2:wrong command line",
            "69:no server answers within 10 s",
            "78:mistakes in the configuration, a line each"
        })
final class ThrottleCommand implements Callable<Integer> {
    private static final String LABEL = "MBPS";
    private static final String SOURCE = "--source-server-id";

    @Mixin
    private ConfigOptions options = new ConfigOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = LABEL, description = "Megabits per second on the wire, 0 to 10000; 0 is no limit.")
    private int mbps;

    @Option(
            names = SOURCE,
            paramLabel = "ID",
            description = "Of this source server, instead of its schedule. Without it: of all together.")
    private @Nullable String sourceServerId;

    @Override
    public Integer call() {
        if (mbps < 0 || mbps > BandwidthSchedule.MBPS_MAX) {
            throw new ParameterException(
                    spec.commandLine(), LABEL + "=" + mbps + "; allowed: 0 to " + BandwidthSchedule.MBPS_MAX);
        }
        if (sourceServerId == null) {
            return send("/throttle/" + mbps);
        }
        IdForm.SOURCE_SERVER.require(sourceServerId, spec, SOURCE);
        return send("/sources/" + sourceServerId + "/throttle/" + mbps);
    }

    private int send(String command) {
        return AdminClient.run(options, spec.commandLine(), command, AdminClient.ANSWER_TIMEOUT);
    }
}
