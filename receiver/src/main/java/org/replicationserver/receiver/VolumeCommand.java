package org.replicationserver.receiver;

import java.util.concurrent.Callable;
import org.replicationserver.receiver.config.ConfigOptions;
import org.replicationserver.receiver.config.IdForm;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands about volumes, to the server that runs on this machine. */
@Command(
        name = "volume",
        mixinStandardHelpOptions = true,
        description = "Commands about volumes, to the server that runs on this machine.",
        subcommands = VolumeCommand.Reopen.class)
final class VolumeCommand {
    @Command(
            name = "reopen",
            mixinStandardHelpOptions = true,
            description = "Takes a volume up again after a failure; a full sync of it follows.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:done",
                "1:refused by the server",
                "2:wrong command line",
                "69:no server answers within 60 s",
                "78:mistakes in the configuration, a line each"
            })
    static final class Reopen implements Callable<Integer> {
        private static final String LABEL = "VOLUME-ID";

        @Mixin
        private ConfigOptions options = new ConfigOptions();

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Parameters(paramLabel = LABEL, description = "As in the assignments.")
        private String volumeId = "";

        @Override
        public Integer call() {
            IdForm.VOLUME.require(volumeId, spec, LABEL);
            return AdminClient.run(
                    options, spec.commandLine(), "/volumes/" + volumeId + "/reopen", AdminClient.DEVICE_TIMEOUT);
        }
    }
}
