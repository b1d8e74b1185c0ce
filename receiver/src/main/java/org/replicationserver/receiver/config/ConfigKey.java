package org.replicationserver.receiver.config;

import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A key of the configuration. Immutable, any thread.
 *
 * @param name dotted, with the unit at its end
 * @param defaultText the default, as an operator would write it
 * @param defaultParent the directory in which a default path lies, or null if the default stands by itself
 * @param doc one line for the operator
 */
record ConfigKey<T>(
        String name,
        ValueType<T> type,
        String defaultText,
        @Nullable ConfigKey<Path> defaultParent,
        String doc) {
    static final String ENVIRONMENT_PREFIX = "REPLICATION_SERVER_";

    ConfigKey(String name, ValueType<T> type, String defaultText, String doc) {
        this(name, type, defaultText, null, doc);
    }

    /** The variable that overrides the file. */
    String environmentName() {
        return ENVIRONMENT_PREFIX
                + name.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }

    /** What the name begins with, up to its first dot. */
    String section() {
        return name.substring(0, name.indexOf('.'));
    }

    @Override
    public String toString() {
        return name;
    }
}
