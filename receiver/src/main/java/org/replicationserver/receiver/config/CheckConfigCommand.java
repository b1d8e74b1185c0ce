package org.replicationserver.receiver.config;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints the configuration as it is in effect, as YAML, each value with its origin; or every mistake on a line. */
@Command(
        name = "check-config",
        mixinStandardHelpOptions = true,
        description =
                "Checks configuration and, with control.mode=local, assignments, else the file of aws.ca-file; prints each key's"
                        + " value and where it comes from. What is worth a look without being a mistake goes to standard error.",
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {"0:all is well", "2:wrong command line", "78:mistakes, a line each"})
public final class CheckConfigCommand implements Callable<Integer> {
    @Mixin
    private ConfigOptions options = new ConfigOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        try {
            EffectiveConfig config = options.load();
            String assigned = config.toServerConfig().control().mode() == ControlMode.LOCAL
                    ? AssignmentsFile.summary(config.readAssignments())
                    : "by the control plane";
            config.checkAllowList();
            config.checkCaFile().forEach(warning -> spec.commandLine().getErr().println("warning: " + warning));
            for (ConfigKey<?> key : ConfigKeys.all()) {
                out.printf("%-48s # %s%n", DefaultConfig.toYaml(key, textOf(config, key)), config.origin(key));
            }
            out.println("# assigned: " + assigned);
            return 0;
        } catch (ConfigException e) {
            e.lines().forEach(spec.commandLine().getErr()::println);
            return ConfigException.EXIT_CODE;
        }
    }

    /** Paths as they are used, other values as they were written. */
    private static String textOf(EffectiveConfig config, ConfigKey<?> key) {
        return switch (config.get(key)) {
            case Path path -> path.toString();
            case Optional<?> some when some.orElse(null) instanceof Path path -> path.toString();
            default -> config.text(key);
        };
    }
}
