package org.replicationserver.receiver.config;

import java.util.List;

/** A part of a YAML file that knows where it stands. Immutable. */
sealed interface YamlNode {
    /** File and line, for messages. */
    String where();

    /** {@code text} is what is written, whatever type YAML would see in it. */
    record Scalar(String where, String text) implements YamlNode {}

    /** Nothing, or null, where a value could be. */
    record NoValue(String where) implements YamlNode {}

    record Sequence(String where, List<YamlNode> elements) implements YamlNode {}

    record Mapping(String where, List<Entry> entries) implements YamlNode {}

    /** {@code where} is the key's place. */
    record Entry(String where, String key, YamlNode value) {}
}
