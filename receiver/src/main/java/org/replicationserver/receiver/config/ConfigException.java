package org.replicationserver.receiver.config;

import java.util.List;

/** The configuration or the assignments are wrong; carries one line for each mistake. */
public final class ConfigException extends Exception {
    private static final long serialVersionUID = 1;

    /** What a command ends with, after sysexits. */
    public static final int EXIT_CODE = 78;

    private final List<String> lines;

    ConfigException(List<String> lines) {
        super(String.join("\n", lines));
        this.lines = List.copyOf(lines);
    }

    /** The mistakes in the order of the input, never empty. */
    public List<String> lines() {
        return lines;
    }
}
