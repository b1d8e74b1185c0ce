package org.replicationserver.agent;

import java.nio.file.Path;

/** A disk to replicate: the name that the server knows it by, and the device or image to read. Immutable. */
public record SourceDisk(String deviceName, Path path) {
    private static final int NAME_CHARS_MAX = 128;

    public SourceDisk {
        if (deviceName.isEmpty() || deviceName.length() > NAME_CHARS_MAX) {
            throw new IllegalArgumentException(
                    "device name of " + deviceName.length() + " characters, allowed are 1 to " + NAME_CHARS_MAX);
        }
    }

    /** Reads {@code DISK} or {@code DISK=PATH}. */
    public static SourceDisk parse(String text) {
        int equals = text.indexOf('=');
        String name = equals < 0 ? text : text.substring(0, equals);
        String path = equals < 0 ? text : text.substring(equals + 1);
        if (path.isEmpty()) {
            throw new IllegalArgumentException("no path after '='");
        }
        return new SourceDisk(name, Path.of(path));
    }
}
