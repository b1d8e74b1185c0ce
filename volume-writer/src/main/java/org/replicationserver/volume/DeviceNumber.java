package org.replicationserver.volume;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The number by which the kernel knows a block device, as sysfs writes it: {@code 259:3}. It is a device's own only as long as the device
 * is there, or open; then another one may get it.
 */
public record DeviceNumber(int major, int minor) {
    private static final Pattern FORM = Pattern.compile("([0-9]{1,9}):([0-9]{1,9})");

    /** Null if the text is none. */
    public static @Nullable DeviceNumber parse(String text) {
        Matcher matcher = FORM.matcher(text);
        return matcher.matches()
                ? new DeviceNumber(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)))
                : null;
    }

    @Override
    public String toString() {
        return major + ":" + minor;
    }
}
