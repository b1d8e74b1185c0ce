package org.replicationserver.receiver.software;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A version of software that is installed: one file. Immutable.
 *
 * @param directory its own, below {@code versions/<name>}
 * @param version null where the software has none
 * @param sha512 of the file
 * @param object where it came from
 * @param signed whether its signature was checked
 */
public record InstalledVersion(
        String directory,
        @Nullable SoftwareVersion version,
        String sha512,
        long sizeBytes,
        String object,
        boolean signed,
        Instant installed) {
    /** Of its own: it never leads out of {@code versions/<name>}. */
    private static final Pattern DIRECTORY = Pattern.compile("[A-Za-z0-9][A-Za-z0-9.~-]{0,127}");

    public InstalledVersion {
        if (!DIRECTORY.matcher(directory).matches() || !FetchRequest.isSha512(sha512)) {
            throw new IllegalArgumentException("directory=" + directory + " sha512=" + sha512);
        }
        Objects.requireNonNull(object);
    }

    /** @throws RuntimeException for what was never written here */
    static InstalledVersion read(JsonObject json) {
        return new InstalledVersion(
                json.getString("directory"),
                SoftwareVersion.read(json.getString("version")),
                json.getString("sha512"),
                json.getLong("sizeBytes"),
                json.getString("object"),
                json.getBoolean("signed"),
                Instant.parse(json.getString("installedDateTime")));
    }

    JsonObject toJson() {
        JsonObject json = new JsonObject().put("directory", directory);
        if (version != null) {
            json.put("version", version.toString());
        }
        return json.put("sha512", sha512)
                .put("sizeBytes", sizeBytes)
                .put("object", object)
                .put("signed", signed)
                .put("installedDateTime", installed.toString());
    }

    /** In words: the version, or where there is none the beginning of the hash. */
    public String words() {
        return version == null ? "sha512:" + sha512.substring(0, 16) : version.toString();
    }
}
