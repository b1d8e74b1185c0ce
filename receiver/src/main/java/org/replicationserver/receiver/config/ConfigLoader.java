package org.replicationserver.receiver.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.EffectiveConfig.Setting;
import org.replicationserver.receiver.config.YamlNode.Entry;
import org.replicationserver.receiver.config.YamlNode.Mapping;
import org.replicationserver.receiver.config.YamlNode.NoValue;
import org.replicationserver.receiver.config.YamlNode.Scalar;
import org.replicationserver.receiver.config.YamlNode.Sequence;

/**
 * Puts the configuration together: {@code --set} goes before the environment, the environment before the file, the file before the
 * defaults. Every value is checked, also one that another overrides.
 */
public final class ConfigLoader {
    private static final String SET_OPTION = "--set";

    private final Mistakes mistakes = new Mistakes();
    private final Map<ConfigKey<?>, Setting> given = new HashMap<>();
    private final Set<ConfigKey<?>> wrong = new HashSet<>();

    /** What the source that is being read has given so far, with its place: none gives a key twice. */
    private final Map<ConfigKey<?>, String> originsInSource = new HashMap<>();

    private ConfigLoader() {}

    /**
     * Loads a configuration.
     *
     * @param file a YAML file, or null for none
     * @param environment of which the variables that begin with {@code REPLICATION_SERVER_} count, but for {@link ServiceLinks}
     * @param sets each {@code KEY=VALUE}
     */
    public static EffectiveConfig load(@Nullable Path file, Map<String, String> environment, List<String> sets)
            throws ConfigException {
        ConfigLoader loader = new ConfigLoader();
        if (file != null) {
            loader.takeFile(file);
        }
        loader.takeEnvironment(environment);
        loader.takeSets(sets);
        EffectiveConfig config = new EffectiveConfig(loader.given);
        loader.checkTogether(config);
        loader.mistakes.throwIfAny();
        return config;
    }

    private void takeFile(Path file) {
        Mapping top = YamlFile.read(file, mistakes);
        if (top != null) {
            originsInSource.clear();
            takeMapping("", top);
        }
    }

    private void takeMapping(String prefix, Mapping mapping) {
        for (Entry entry : mapping.entries()) {
            String name = prefix + entry.key();
            switch (entry.value()) {
                case Mapping inner -> takeSection(name, entry.where(), inner);
                case NoValue _ -> takeNoValue(name, entry.where());
                case Scalar scalar -> takeNamed(name, scalar.text(), false, entry.where());
                case Sequence sequence -> takeNamed(name, joined(sequence), true, entry.where());
            }
        }
    }

    private void takeSection(String name, String where, Mapping inner) {
        ConfigKey<?> key = ConfigKeys.byName().get(name);
        if (key == null) {
            takeMapping(name + ".", inner);
        } else {
            reject(key, where, "a map");
        }
    }

    /** A section of which nothing is set is fine, a key without a value is not. */
    private void takeNoValue(String name, String where) {
        if (keysOfSection(name).isEmpty()) {
            takeNamed(name, "", false, where);
        }
    }

    private static String joined(Sequence sequence) {
        return sequence.elements().stream()
                .map(element -> element instanceof Scalar scalar ? scalar.text() : "?")
                .collect(Collectors.joining(","));
    }

    private void takeNamed(String name, String text, boolean isList, String where) {
        ConfigKey<?> key = ConfigKeys.byName().get(name);
        if (key == null) {
            rejectName(name, where);
        } else if (isList && !key.type().isList()) {
            reject(key, where, "a list");
        } else {
            take(key, text, where);
        }
    }

    private void rejectName(String name, String where) {
        List<String> ofSection = keysOfSection(name);
        if (ofSection.isEmpty()) {
            mistakes.unknown(where, "key", name, ConfigKeys.byName().keySet());
        } else {
            mistakes.add(where, name + " is a section, it has the keys " + String.join(", ", ofSection));
        }
    }

    private static List<String> keysOfSection(String section) {
        return ConfigKeys.all().stream()
                .filter(key -> key.section().equals(section))
                .map(ConfigKey::name)
                .toList();
    }

    private void takeEnvironment(Map<String, String> environment) {
        Map<String, ConfigKey<?>> byVariable =
                ConfigKeys.all().stream().collect(Collectors.toMap(ConfigKey::environmentName, key -> key));
        originsInSource.clear();
        new TreeMap<>(environment).forEach((variable, text) -> {
            if (variable.startsWith(ConfigKey.ENVIRONMENT_PREFIX)) {
                ConfigKey<?> key = byVariable.get(variable);
                if (key != null) {
                    take(key, text, "environment " + variable);
                } else if (!ServiceLinks.contain(variable, text)) {
                    mistakes.unknown("environment", "variable", variable, byVariable.keySet());
                }
            }
        });
    }

    private void takeSets(List<String> sets) {
        originsInSource.clear();
        for (String set : sets) {
            int equals = set.indexOf('=');
            if (equals < 1) {
                mistakes.add(SET_OPTION, Mistakes.display(set) + "; allowed: KEY=VALUE");
            } else {
                takeNamed(set.substring(0, equals), set.substring(equals + 1), false, SET_OPTION);
            }
        }
    }

    private void take(ConfigKey<?> key, String text, String where) {
        String first = originsInSource.putIfAbsent(key, where);
        if (first != null) {
            String place = first.equals(where) ? "" : ", first at " + first;
            mistakes.add(where, "key " + key + " is given twice" + place);
        } else if (key.type().parse(text) == null) {
            reject(key, where, text);
        } else {
            given.put(key, new Setting(text, where));
        }
    }

    private void reject(ConfigKey<?> key, String where, String text) {
        wrong.add(key);
        mistakes.value(where, key.name(), text, key.type().allowed());
    }

    private void checkTogether(EffectiveConfig config) {
        requireMore(config, ConfigKeys.SESSION_DEAD_AFTER, ConfigKeys.SESSION_PING_AFTER);
        requireAtLeast(config, ConfigKeys.SESSION_CONTROL_FRAMES_BURST, ConfigKeys.SESSION_CONTROL_FRAMES_PER_SECOND);
        requireAtLeast(config, ConfigKeys.SESSION_PINGS_BURST, ConfigKeys.SESSION_PINGS_PER_SECOND);
        requireAtLeast(config, ConfigKeys.CONTROL_CALL_TIMEOUT, ConfigKeys.CONTROL_ATTEMPT_TIMEOUT);
        requireRoomForAdminSocket(config);
    }

    /** Told here and not where the socket is bound: there it would look like a fault of the network. */
    private void requireRoomForAdminSocket(EffectiveConfig config) {
        Path socket = config.toServerConfig().adminSocket();
        int bytes = socket.toString().getBytes(StandardCharsets.UTF_8).length;
        if (bytes > ServerConfig.SOCKET_PATH_BYTES_MAX && !wrong.contains(ConfigKeys.STATE_DIRECTORY)) {
            String allowed = "a directory in which the absolute path of " + socket.getFileName() + " has at most "
                    + ServerConfig.SOCKET_PATH_BYTES_MAX + " bytes, here it has " + bytes;
            mistakes.value(
                    config.origin(ConfigKeys.STATE_DIRECTORY),
                    ConfigKeys.STATE_DIRECTORY.name(),
                    config.text(ConfigKeys.STATE_DIRECTORY),
                    allowed);
        }
    }

    private <T extends Comparable<T>> void requireMore(EffectiveConfig config, ConfigKey<T> key, ConfigKey<T> than) {
        requireOrder(config, key, than, 1, "more than ");
    }

    private <T extends Comparable<T>> void requireAtLeast(EffectiveConfig config, ConfigKey<T> key, ConfigKey<T> than) {
        requireOrder(config, key, than, 0, "at least ");
    }

    private <T extends Comparable<T>> void requireOrder(
            EffectiveConfig config, ConfigKey<T> key, ConfigKey<T> than, int orderMin, String relation) {
        if (wrong.contains(key) || wrong.contains(than)) {
            return;
        }
        if (Integer.signum(config.get(key).compareTo(config.get(than))) < orderMin) {
            String allowed = relation + than + "=" + config.text(than) + " (" + config.origin(than) + ")";
            mistakes.value(config.origin(key), key.name(), config.text(key), allowed);
        }
    }
}
