package org.replicationserver.receiver.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a command that needs the configuration; a picocli mixin. */
public final class ConfigOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "Configuration file in YAML; default-config prints one with every key.")
    private @Nullable Path file;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Sets a key; goes before the environment and the file. Repeatable.")
    private List<String> sets = new ArrayList<>();

    /** Loads the configuration with the environment of this process. */
    public EffectiveConfig load() throws ConfigException {
        return ConfigLoader.load(file, System.getenv(), sets);
    }
}
