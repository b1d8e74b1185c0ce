package org.replicationserver.receiver.software;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.IoReason;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/** Objects in a directory, {@code <bucket>/<key>}, for a site without a way to S3. Immutable, any thread. */
final class MirrorObjects implements ObjectSource {
    private final Path directory;

    MirrorObjects(Path directory) {
        this.directory = directory;
    }

    @Override
    public OpenObject open(ObjectName name, long fromByte, @Nullable String etag)
            throws SoftwareException, IOException {
        Path file = directory.resolve(name.bucket()).resolve(name.key());
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new SoftwareException(
                        Kind.OBJECT_MISSING, file + " is no regular file", "Put the object there as a file.");
            }
            FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
            return opened(channel, file, fromByte, etag);
        } catch (NoSuchFileException e) {
            throw new SoftwareException(
                    Kind.OBJECT_MISSING,
                    "the mirror has no file " + file,
                    "Copy it there; a hash is what sha512sum writes of the object.",
                    e);
        } catch (IOException e) {
            if (e instanceof ObjectChangedException) {
                throw e;
            }
            throw new SoftwareException(
                    Kind.DISK,
                    "the mirror's file " + file + " cannot be read: " + IoReason.of(e, file.toString()),
                    "Let the user that this server runs as read the directory of software.mirror-directory.",
                    e);
        }
    }

    private static OpenObject opened(FileChannel channel, Path file, long fromByte, @Nullable String etag)
            throws IOException {
        try {
            long sizeBytes = channel.size();
            String found = sizeBytes + "-" + Files.getLastModifiedTime(file).toMillis();
            if (etag != null && !etag.equals(found)) {
                throw new ObjectChangedException(file + " has changed");
            }
            channel.position(fromByte);
            InputStream body = Channels.newInputStream(channel);
            return new OpenObject(sizeBytes, fromByte, found, body);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    @Override
    public String words() {
        return "mirror " + directory;
    }

    @Override
    public void close() {
        // nothing is kept open
    }
}
