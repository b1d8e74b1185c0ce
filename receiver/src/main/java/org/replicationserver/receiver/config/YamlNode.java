package org.replicationserver.receiver.config;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A part of a YAML file that knows where it stands. Immutable. */
sealed interface YamlNode {
    /** File and line, for messages. */
    String where();

    /** {@code text} is what is written, whatever type YAML would see in it; null for no value. */
    record Scalar(String where, @Nullable String text) implements YamlNode {}

    record Sequence(String where, List<YamlNode> elements) implements YamlNode {}

    record Mapping(String where, List<Entry> entries) implements YamlNode {}

    /** {@code where} is the key's place. */
    record Entry(String where, String key, YamlNode value) {}
}
