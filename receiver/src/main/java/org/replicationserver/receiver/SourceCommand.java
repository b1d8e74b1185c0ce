package org.replicationserver.receiver;

import java.util.concurrent.Callable;
import org.replicationserver.receiver.config.ConfigOptions;
import org.replicationserver.receiver.config.IdForm;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands about source servers, to the server that runs on this machine. */
@Command(
        name = "source",
        mixinStandardHelpOptions = true,
        description = "Commands about source servers, to the server that runs on this machine.",
        subcommands = SourceCommand.AcceptAgents.class)
final class SourceCommand {
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
        private static final String LABEL = "SOURCE-SERVER-ID";

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
}
