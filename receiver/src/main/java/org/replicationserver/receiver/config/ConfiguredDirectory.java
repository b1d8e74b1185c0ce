package org.replicationserver.receiver.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;

/** A directory of the configuration, which the server makes and fills. Immutable, any thread. */
public final class ConfiguredDirectory {
    public static final ConfiguredDirectory STATE =
            new ConfiguredDirectory(ConfigKeys.STATE_DIRECTORY, ServerConfig::stateDirectory);
    public static final ConfiguredDirectory CERT =
            new ConfiguredDirectory(ConfigKeys.CERT_DIRECTORY, ServerConfig::certDirectory);
    public static final ConfiguredDirectory IMAGE =
            new ConfiguredDirectory(ConfigKeys.IMAGE_DIRECTORY, ServerConfig::imageDirectory);

    private final ConfigKey<Path> key;
    private final Function<ServerConfig, Path> path;

    private ConfiguredDirectory(ConfigKey<Path> key, Function<ServerConfig, Path> path) {
        this.key = key;
        this.path = path;
    }

    /** A line for the operator. */
    public String cannotBeUsed(ServerConfig config, IOException why) {
        Path directory = path.apply(config);
        // What went wrong may have been something below it.
        String reason = Files.exists(directory) && !Files.isDirectory(directory)
                ? IoReason.NO_DIRECTORY
                : IoReason.of(why, directory.toString());
        return key + "=" + Mistakes.display(directory.toString()) + " cannot be used: " + Mistakes.displayLine(reason);
    }
}
