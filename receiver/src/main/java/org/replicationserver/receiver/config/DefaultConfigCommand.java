package org.replicationserver.receiver.config;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints a configuration file with every key. */
@Command(
        name = "default-config",
        mixinStandardHelpOptions = true,
        description = "Prints a configuration file with every key, its default, unit and range.")
public final class DefaultConfigCommand implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        spec.commandLine().getOut().print(DefaultConfig.toYaml());
        spec.commandLine().getOut().flush();
    }
}
