package org.replicationserver.fuzz;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.ConfigLoader;
import org.replicationserver.receiver.config.EffectiveConfig;

/**
 * A configuration: the YAML file, and after a NUL the environment and after another the values of {@code --set}, a line each.
 *
 * <p>Rules: it is refused with lines for people, or the records of all components can be made of it.
 */
final class ConfigurationFiles implements FuzzTarget {
    static final int LINE_CHARS_MAX = 4096;

    private final ScratchFile file;

    ConfigurationFiles(Path directory) {
        file = new ScratchFile(directory, "configuration.yaml");
    }

    @Override
    public long allocatedBytesMax(int inputBytes) {
        // A value for each key, whether it is given or not; and of a wrong word its distance to each that is known.
        return 8 * ALLOCATED_BYTES_MIN + 20 * ALLOCATED_PER_BYTE * inputBytes;
    }

    @Override
    public void run(byte[] input) throws IOException {
        String[] parts = new String(input, StandardCharsets.ISO_8859_1).split("\0", 3);
        Path yaml = file.with(parts[0].getBytes(StandardCharsets.ISO_8859_1));
        Map<String, String> environment = new TreeMap<>();
        for (String line : lines(parts, 1)) {
            String[] pair = line.split("=", 2);
            environment.put(pair[0], pair.length == 2 ? pair[1] : "");
        }
        try {
            EffectiveConfig config = ConfigLoader.load(yaml, environment, lines(parts, 2));
            config.toServerConfig();
        } catch (ConfigException e) {
            requireLines(e);
        }
    }

    private static List<String> lines(String[] parts, int at) {
        if (parts.length <= at || parts[at].isEmpty()) {
            return List.of();
        }
        String text = new String(parts[at].getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        return Arrays.asList(text.split("\n", -1));
    }

    static void requireLines(ConfigException refusal) {
        Rules.require(!refusal.lines().isEmpty(), "a refusal says why");
        refusal.lines().forEach(line -> Rules.requireLine(line, LINE_CHARS_MAX));
    }
}
