package org.replicationserver.receiver.control;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far the outbox has come, apart from its entries, because these are removed.
 *
 * @param outboxId 32 hexadecimal digits, drawn once
 * @param done everything up to here is told, or given up
 * @param last no sequence up to here is given out again
 */
record OutboxPosition(String outboxId, long done, long last) {
    static final String FILE_NAME = "position.json";

    private static final Logger LOG = LoggerFactory.getLogger(OutboxPosition.class);
    private static final Pattern ID = Pattern.compile("[0-9a-f]{32}");
    private static final int BYTES_MAX = 4096;

    /** The position of an outbox that begins. */
    static OutboxPosition drawn() {
        byte[] id = new byte[16];
        new SecureRandom().nextBytes(id);
        return new OutboxPosition(HexFormat.of().formatHex(id), 0, 0);
    }

    /** Null if there is none, or none that can be read; the outbox then begins under another id. */
    static @Nullable OutboxPosition load(OutboxDisk disk, Path directory) throws IOException {
        Path file = directory.resolve(FILE_NAME);
        try {
            ByteBuffer bytes = disk.read(file, 0, BYTES_MAX);
            JsonMembers json = JsonMembers.of(new JsonObject(
                    Buffer.buffer(StandardCharsets.UTF_8.decode(bytes).toString())));
            return new OutboxPosition(
                    json.text("outboxId", ID, "32 hexadecimal digits"), json.number64("done"), json.number64("last"));
        } catch (NoSuchFileException e) {
            return null;
        } catch (DecodeException | ClassCastException | MalformedException e) {
            LOG.atError()
                    .addKeyValue("path", file)
                    .addKeyValue("cause", e.getMessage())
                    .log("position of the outbox cannot be read, what waits is sent again");
            Files.delete(file);
            return null;
        }
    }

    void store(OutboxDisk disk, Path directory) throws IOException {
        JsonObject json = new JsonObject()
                .put("outboxId", outboxId)
                .put("done", Long.toString(done))
                .put("last", Long.toString(last));
        disk.replace(directory.resolve(FILE_NAME), ByteBuffer.wrap(json.encode().getBytes(StandardCharsets.UTF_8)));
        disk.syncDirectory(directory);
    }
}
