package org.replicationserver.receiver;

import java.util.concurrent.Callable;
import org.replicationserver.receiver.config.ConfigOptions;
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
            description = "Takes a volume up again after a failure; a full sync of it follows.")
    static final class Reopen implements Callable<Integer> {
        @Mixin
        private ConfigOptions options = new ConfigOptions();

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Parameters(paramLabel = "VOLUME-ID", description = "As in the assignments.")
        private String volumeId = "";

        @Override
        public Integer call() {
            return AdminClient.run(options, spec.commandLine(), "/volumes/" + volumeId + "/reopen");
        }
    }
}
