package org.replicationserver.receiver.software;

import java.util.Arrays;
import java.util.regex.Pattern;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/**
 * The place of an object, which means the same to S3, to a file system and to a person who reads it. Immutable.
 *
 * @param bucket whether it is allowed is for {@link AllowList}
 * @param key 1 to 1024 characters of ASCII that can be printed but for {@code \}; no part between its slashes is empty, {@code .} or
 *     {@code ..}
 */
record ObjectName(String bucket, String key) {
    static final int KEY_CHARS_MAX = 1024;

    private static final Pattern KEY = Pattern.compile("[ -\\[\\]-~]{1," + KEY_CHARS_MAX + "}");
    private static final Pattern SLASH = Pattern.compile("/");

    /** @throws SoftwareException for a key that is not allowed */
    static ObjectName of(String bucket, String key) throws SoftwareException {
        boolean isSound = KEY.matcher(key).matches()
                && Arrays.stream(SLASH.split(key, -1))
                        .noneMatch(part -> part.isEmpty() || part.equals(".") || part.equals(".."));
        if (!isSound) {
            throw new SoftwareException(
                    Kind.BAD_KEY,
                    "key=" + PeerText.value(key) + " (" + key.length() + " characters); allowed: 1 to " + KEY_CHARS_MAX
                            + " characters of ASCII without control characters and \\, and between slashes at least one that is"
                            + " neither . nor ..",
                    "Ask for the object by its key, as S3 lists it.");
        }
        return new ObjectName(bucket, key);
    }

    /** Another object that belongs to this one, in the same bucket or another. */
    ObjectName beside(String otherBucket, String suffix) throws SoftwareException {
        return of(otherBucket, key + suffix);
    }

    /** The part of the key after its last slash. */
    String lastPart() {
        return key.substring(key.lastIndexOf('/') + 1);
    }

    @Override
    public String toString() {
        return bucket + "/" + key;
    }
}
