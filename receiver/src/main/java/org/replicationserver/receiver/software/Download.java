package org.replicationserver.receiver.software;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.ByteSize;
import org.replicationserver.receiver.software.ObjectSource.ObjectChangedException;
import org.replicationserver.receiver.software.ObjectSource.OpenObject;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/**
 * Brings one object onto the disk, from where the last attempt ended, and checks its hash as it comes. One thread, which may be
 * interrupted at any moment: what is there by then is carried on with.
 */
final class Download {
    /** Name of the file in the directory of what is being fetched. */
    static final String FILE = "object";

    /** Attempts in a row that bring nothing. */
    static final int FAILURES_MAX = 5;

    /** How often an object may become another one meanwhile. */
    static final int RESTARTS_MAX = 3;

    /** What the object must leave free where the store is. */
    static final long SPARE_BYTES = 64L << 20;

    private static final int BUFFER_BYTES = 128 * 1024;

    private final ObjectSource source;
    private final SoftwareStore store;
    private final FetchRequest request;
    private final String sha512;
    private final long bytesMax;
    private final FetchListener listener;
    private final Retries retries = new Retries(FAILURES_MAX);

    private final byte[] buffer = new byte[BUFFER_BYTES];
    private @Nullable PartialObject partial;

    /** Bytes that are on the disk and in the digest. */
    private long haveBytes;

    private MessageDigest digest = Sha512.newDigest();

    /** Whether some of the bytes were there before this download: they may be no longer what they were. */
    private boolean isCarriedOn;

    Download(
            ObjectSource source,
            SoftwareStore store,
            FetchRequest request,
            String sha512,
            long bytesMax,
            FetchListener listener) {
        this.source = source;
        this.store = store;
        this.request = request;
        this.sha512 = sha512;
        this.bytesMax = bytesMax;
        this.listener = listener;
    }

    /** The object's bytes on the disk failed; unlike those of the network, this does not end by itself. */
    private static final class DiskException extends Exception {
        private static final long serialVersionUID = 1;

        private final IOException reason;

        DiskException(IOException reason) {
            super(reason);
            this.reason = reason;
        }
    }

    private interface DiskWork<T extends @Nullable Object> {
        T run() throws IOException;
    }

    /** An interrupt closes the file too, and is none of the disk's faults. */
    private static <T extends @Nullable Object> T onDisk(DiskWork<T> work) throws DiskException, InterruptedException {
        try {
            return work.run();
        } catch (ClosedByInterruptException e) {
            throw new InterruptedException();
        } catch (IOException e) {
            throw new DiskException(e);
        }
    }

    /** The file with the whole object, on stable storage. */
    Path run() throws SoftwareException, InterruptedException {
        Path incoming = null;
        try {
            incoming = onDisk(() -> store.incoming(request.name()));
            Path file = incoming.resolve(FILE);
            Set<OpenOption> options = Set.of(
                    StandardOpenOption.CREATE,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    LinkOption.NOFOLLOW_LINKS);
            try (FileChannel channel = onDisk(() -> FileChannel.open(file, options))) {
                carryOn(incoming, channel);
                while (!isWhole(incoming, channel)) {
                    // Once more, from the beginning.
                }
                onDisk(() -> {
                    channel.force(true);
                    return true;
                });
            } catch (IOException e) {
                throw SoftwareStore.disk(file, e);
            }
            return file;
        } catch (DiskException e) {
            throw SoftwareStore.disk(incoming == null ? Path.of(request.name()) : incoming, e.reason);
        }
    }

    /** Takes up what is there, if it is of this object. */
    private void carryOn(Path incoming, FileChannel file) throws DiskException, InterruptedException {
        PartialObject kept = onDisk(() -> PartialObject.read(incoming));
        if (kept == null || !kept.isOf(source.words(), request.object(), sha512)) {
            beginAnew(file);
            return;
        }
        partial = kept;
        haveBytes = onDisk(() -> {
            long bytes = Math.min(file.size(), kept.sizeBytes());
            Sha512.update(digest, file, 0, bytes);
            return bytes;
        });
        isCarriedOn = haveBytes > 0;
    }

    private void beginAnew(FileChannel file) throws DiskException, InterruptedException {
        onDisk(() -> file.truncate(0));
        partial = null;
        haveBytes = 0;
        digest = Sha512.newDigest();
        isCarriedOn = false;
    }

    /** Brings all bytes; false if they are wrong because of what was there before. */
    private boolean isWhole(Path incoming, FileChannel file)
            throws SoftwareException, DiskException, InterruptedException {
        int restarts = 0;
        while (partial == null || haveBytes < partial.sizeBytes()) {
            long hadBytes = haveBytes;
            try {
                attempt(incoming, file);
            } catch (ObjectChangedException e) {
                restarts++;
                if (restarts > RESTARTS_MAX) {
                    throw new SoftwareException(
                            Kind.CHANGED,
                            request.words() + " has changed " + restarts + " times while it was fetched: "
                                    + e.getMessage(),
                            "Fetch it when whoever publishes it has done so.",
                            e);
                }
                beginAnew(file);
            } catch (IOException e) {
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                retries.failed(failure(e), haveBytes > hadBytes);
            }
        }
        String found = Sha512.hex(digest);
        if (Sha512.isSame(found, sha512)) {
            return true;
        }
        if (!isCarriedOn) {
            throw new SoftwareException(
                    Kind.HASH_DIFFERS,
                    request.words() + " has the SHA-512 " + found + " and not " + sha512.substring(0, 16) + "..., over "
                            + haveBytes + " bytes",
                    "Fetch it again in a moment, if it is being published; otherwise ask whoever publishes it, and trust nothing that came.");
        }
        beginAnew(file);
        return false;
    }

    private SoftwareException failure(IOException e) {
        return haveBytes > 0
                ? new SoftwareException(
                        Kind.TRUNCATED,
                        request.words() + " breaks off after " + haveBytes + " of "
                                + (partial == null ? "unknown" : partial.sizeBytes()) + " bytes, " + FAILURES_MAX
                                + " times without progress: " + e.getMessage(),
                        "Look for what cuts connections on the way to S3, and fetch again: it carries on from there.",
                        e)
                : Retries.unreachable(request.object(), source, e);
    }

    private void attempt(Path incoming, FileChannel file)
            throws SoftwareException, IOException, DiskException, InterruptedException {
        PartialObject known = partial;
        try (OpenObject open = source.open(request.object(), haveBytes, known == null ? null : known.etag())) {
            requireSame(open, known);
            if (open.fromByte() < haveBytes) {
                beginAnew(file);
            }
            if (partial == null) {
                admit(open.sizeBytes());
                PartialObject begun = new PartialObject(
                        source.words(),
                        request.object().toString(),
                        sha512,
                        open.etag(),
                        open.sizeBytes(),
                        Instant.now());
                onDisk(() -> {
                    begun.write(incoming);
                    return true;
                });
                partial = begun;
            }
            copy(open, file);
        }
    }

    private static void requireSame(OpenObject open, @Nullable PartialObject known) throws ObjectChangedException {
        if (known != null && (!known.etag().equals(open.etag()) || known.sizeBytes() != open.sizeBytes())) {
            throw new ObjectChangedException("etag " + open.etag() + " and not " + known.etag());
        }
    }

    private void admit(long sizeBytes) throws SoftwareException, DiskException, InterruptedException {
        if (sizeBytes > bytesMax) {
            throw new SoftwareException(
                    Kind.TOO_LARGE,
                    request.words() + " has " + sizeBytes + " bytes; allowed: software.bytes-max="
                            + ByteSize.format(bytesMax),
                    "Raise software.bytes-max, if the object is meant to be so large.");
        }
        long freeBytes = onDisk(store::freeBytes);
        if (freeBytes < sizeBytes + SPARE_BYTES) {
            throw new SoftwareException(
                    Kind.NO_SPACE,
                    request.words() + " has " + sizeBytes + " bytes, and where software.directory is " + freeBytes
                            + " are free, of which " + SPARE_BYTES + " must stay so",
                    "Make room there, or name another software.directory.");
        }
    }

    private void copy(OpenObject open, FileChannel file) throws IOException, DiskException, InterruptedException {
        long sizeBytes = open.sizeBytes();
        listener.progress(haveBytes, sizeBytes);
        while (haveBytes < sizeBytes) {
            int read = open.body().read(buffer, 0, (int) Math.min(buffer.length, sizeBytes - haveBytes));
            if (read < 0) {
                throw new IOException("the body ends before its end");
            }
            ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, read);
            onDisk(() -> {
                while (bytes.hasRemaining()) {
                    file.write(bytes, haveBytes + bytes.position());
                }
                return true;
            });
            digest.update(buffer, 0, read);
            haveBytes += read;
            listener.progress(haveBytes, sizeBytes);
            Sha512.letOthersRun();
        }
    }
}
