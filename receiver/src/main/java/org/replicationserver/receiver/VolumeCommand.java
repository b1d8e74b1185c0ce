package org.replicationserver.receiver;

import java.util.concurrent.Callable;
import org.replicationserver.receiver.config.ConfigOptions;
import org.replicationserver.receiver.config.IdForm;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands about volumes, to the server that runs on this machine. */
@Command(
        name = "volume",
        mixinStandardHelpOptions = true,
        description = "Commands about volumes, to the server that runs on this machine.",
        subcommands = {VolumeCommand.ListVolumes.class, VolumeCommand.Reopen.class})
final class VolumeCommand {
    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description =
                    "Prints the volumes that are assigned, and the EBS volumes that are attached to this instance.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:printed",
                "2:wrong command line",
                "69:no server answers within 10 s",
                "78:mistakes in the configuration, a line each"
            })
    static final class ListVolumes implements Callable<Integer> {
        @Mixin
        private ConfigOptions options = new ConfigOptions();

        @Option(
                names = "--json",
                description =
                        "Prints all that is known as JSON. state is FREE, OPEN, FAILED or NOT_OPEN, blockDeviceName that of the"
                                + " attachment, deviceName that of the source server's disk.")
        private boolean json;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Override
        public Integer call() {
            return AdminClient.print(
                    options,
                    spec.commandLine(),
                    AdminClient.VOLUMES,
                    list -> json ? list.encodePrettily() + "\n" : VolumeListText.of(list));
        }
    }

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
