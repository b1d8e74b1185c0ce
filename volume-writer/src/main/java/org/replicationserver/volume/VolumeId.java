package org.replicationserver.volume;

import java.util.regex.Pattern;

/** Names a volume: in logs, in the name of its writer thread, in the server's records. Not a path of a device. */
public record VolumeId(String value) {
    private static final Pattern ALLOWED = Pattern.compile("[A-Za-z0-9._-]{1,128}");

    public VolumeId {
        if (!ALLOWED.matcher(value).matches()) {
            throw new IllegalArgumentException("volume id does not match " + ALLOWED + ": length=" + value.length());
        }
    }

    @Override
    public String toString() {
        return value;
    }
}
