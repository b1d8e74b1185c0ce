package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;

/**
 * Reports that the control plane refused for good, for people to look at: one line of JSON each in {@code refused.jsonl}. At {@link
 * #BYTES_MAX} the file becomes {@code refused.1.jsonl}, in place of the one that had this name. The outbox's thread only.
 */
final class RefusedReports {
    static final String FILE_NAME = "refused.jsonl";
    static final String FORMER_FILE_NAME = "refused.1.jsonl";

    private final OutboxDisk disk;
    private final Path directory;
    private final long bytesMax;

    static final long BYTES_MAX = 4 << 20;

    RefusedReports(OutboxDisk disk, Path directory, long bytesMax) {
        this.disk = disk;
        this.directory = directory;
        this.bytesMax = bytesMax;
    }

    /** Adds a report, durably. */
    void add(Instant now, SentReport refused, String why) throws IOException {
        JsonObject line = new JsonObject()
                .put("setAsideDateTime", now.toString())
                .put("operation", refused.report().kind().operation())
                .put("why", why)
                .put("request", refused.toJson());
        Path file = directory.resolve(FILE_NAME);
        long sizeBytes;
        try (FileChannel channel = disk.openToAppend(file)) {
            disk.write(channel, ByteBuffer.wrap((line.encode() + "\n").getBytes(StandardCharsets.UTF_8)));
            disk.force(channel);
            sizeBytes = channel.size();
        }
        disk.syncDirectory(directory);
        if (sizeBytes >= bytesMax) {
            disk.rename(file, directory.resolve(FORMER_FILE_NAME));
            disk.syncDirectory(directory);
        }
    }
}
