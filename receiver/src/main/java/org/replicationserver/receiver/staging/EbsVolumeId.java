package org.replicationserver.receiver.staging;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The id of an EBS volume and the serial number of its NVMe device, which is the same without the dash: {@code vol-0123456789abcdef0} and
 * {@code vol0123456789abcdef0}. Older volumes have 8 digits instead of 17.
 */
public final class EbsVolumeId {
    private static final Pattern FORM = Pattern.compile("vol-?([0-9a-f]{17}|[0-9a-f]{8})");

    /** In words, for messages. */
    public static final String ALLOWED = "vol- and 17 (or 8) of 0-9 a-f";

    private EbsVolumeId() {}

    /** Whether an id has the form of an EBS volume's. */
    public static boolean isOne(String volumeId) {
        return volumeId.startsWith("vol-") && FORM.matcher(volumeId).matches();
    }

    /** The volume whose device has this serial number, with or without the dash and trailing blanks; null if it is no volume's. */
    static @Nullable String ofSerial(String serial) {
        Matcher matcher = FORM.matcher(serial.stripTrailing());
        return matcher.matches() ? "vol-" + matcher.group(1) : null;
    }
}
