package org.replicationserver.receiver.software;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the bytes in {@code incoming/NAME/object} are the beginning of; kept beside them in {@code object.json}. Immutable.
 *
 * @param source in words
 * @param sha512 that the whole is to have
 */
record PartialObject(String source, String object, String sha512, String etag, long sizeBytes, Instant started) {
    private static final String FILE = "object.json";

    PartialObject {
        Objects.requireNonNull(source);
        Objects.requireNonNull(object);
        Objects.requireNonNull(sha512);
        Objects.requireNonNull(etag);
        if (sizeBytes < 0) {
            throw new IllegalArgumentException("sizeBytes=" + sizeBytes);
        }
    }

    /** What was kept, or null if nothing was, or nothing that can be read. */
    static @Nullable PartialObject read(Path incoming) throws IOException {
        try {
            JsonObject json =
                    new JsonObject(new String(Files.readAllBytes(incoming.resolve(FILE)), StandardCharsets.UTF_8));
            return new PartialObject(
                    json.getString("source"),
                    json.getString("object"),
                    json.getString("sha512"),
                    json.getString("etag"),
                    json.getLong("sizeBytes"),
                    Instant.parse(json.getString("startedDateTime")));
        } catch (NoSuchFileException | RuntimeException e) {
            return null;
        }
    }

    void write(Path incoming) throws IOException {
        JsonObject json = new JsonObject()
                .put("source", source)
                .put("object", object)
                .put("sha512", sha512)
                .put("etag", etag)
                .put("sizeBytes", sizeBytes)
                .put("startedDateTime", started.toString());
        DurableFiles.write(incoming.resolve(FILE), json.encodePrettily().getBytes(StandardCharsets.UTF_8));
    }

    /** Whether it is of the same content, as far as anybody can know before the hash is compared. */
    boolean isOf(String otherSource, ObjectName otherObject, String otherSha512) {
        return source.equals(otherSource) && object.equals(otherObject.toString()) && sha512.equals(otherSha512);
    }
}
