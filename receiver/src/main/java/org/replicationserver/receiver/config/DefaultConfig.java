package org.replicationserver.receiver.config;

/** The configuration file that says what is so without one: every key with its default, its range and its meaning. */
final class DefaultConfig {
    private static final String HEAD = """
            # Configuration of the replication server: every key with its default. No key is required, and neither is the file.
            # The same keys may come from the environment (listen.port is REPLICATION_SERVER_LISTEN_PORT) and from the command
            # line (--set listen.port=1500). The command line goes before the environment, the environment before this file.
            # Of the environment, what Kubernetes puts there for a Service named replication-server is passed over
            # (REPLICATION_SERVER_SERVICE_HOST, _SERVICE_PORT, _PORT=tcp://..., _PORT_1500_TCP and so on).
            # Instead of "listen.port: 1500" a section may be written as a map: "listen: {port: 1500}".
            """;

    private DefaultConfig() {}

    /** The text of the file. */
    static String toYaml() {
        StringBuilder yaml = new StringBuilder(HEAD);
        for (ConfigKey<?> key : ConfigKeys.all()) {
            yaml.append("\n# ").append(key.doc()).append('\n');
            yaml.append("# Allowed: ").append(key.type().allowed());
            yaml.append(". Default: ").append(defaultOf(key)).append(".\n");
            yaml.append(line(key)).append('\n');
        }
        return yaml.toString();
    }

    private static String defaultOf(ConfigKey<?> key) {
        ConfigKey<?> parent = key.defaultParent();
        if (parent != null) {
            return "<" + parent + ">/" + key.defaultText();
        }
        return key.defaultText().isEmpty() ? "empty" : key.defaultText();
    }

    /** A default that follows another key is a comment, otherwise it would cease to follow. */
    private static String line(ConfigKey<?> key) {
        return key.defaultParent() == null ? toYaml(key, key.defaultText()) : "# " + key + ": " + defaultOf(key);
    }

    /** A key and a value in the form of the file. */
    static String toYaml(ConfigKey<?> key, String text) {
        String value = key.type().isList() ? "[" + text.replace(",", ", ") + "]" : YamlText.scalar(text);
        return key + ": " + value;
    }
}
