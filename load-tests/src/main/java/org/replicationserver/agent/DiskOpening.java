package org.replicationserver.agent;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens one disk, each time on a thread that ends with it: a device that does not answer, or a file on a server that is dead, hangs in the
 * kernel, where nothing cuts it off. Any thread.
 *
 * <p>Whoever asks has an answer when the patience is over. As long as an opening hangs no other is begun, so that a disk has one such
 * thread at most; what it opens in the end is closed at once, since nobody waits for it any more.
 */
final class DiskOpening {
    /** How long a disk may take to be opened and looked at. */
    static final Duration PATIENCE = Duration.ofSeconds(10);

    /** What may hang. */
    interface Opener {
        OpenedDisk open(Path path) throws IOException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(DiskOpening.class);

    private final Path path;
    private final Opener opener;
    private final Duration patience;
    private final AtomicBoolean underWay = new AtomicBoolean();

    DiskOpening(Path path) {
        this(path, OpenedDisk::open, PATIENCE);
    }

    DiskOpening(Path path, Opener opener, Duration patience) {
        this.path = path;
        this.opener = opener;
        this.patience = patience;
    }

    Path path() {
        return path;
    }

    /** Opens the disk for reads; never fails, but the answer may be why it cannot be read. */
    CompletableFuture<OpenedDisk> open() {
        return begin(opener);
    }

    /** Looks at the disk as it is now, and closes it again; does not disturb reads of it. */
    CompletableFuture<DiskLook> look() {
        return begin(looked -> opener.open(looked).close()).thenApply(OpenedDisk::look);
    }

    private CompletableFuture<OpenedDisk> begin(Opener what) {
        OpenedDisk silent = OpenedDisk.closed(DiskLook.silent(
                path + " has not answered to being opened and read for " + patience.toSeconds() + " s"));
        if (!underWay.compareAndSet(false, true)) {
            return CompletableFuture.completedFuture(silent);
        }
        CompletableFuture<OpenedDisk> answer = new CompletableFuture<>();
        try {
            Thread.ofPlatform().daemon().name("disk-" + path.getFileName()).start(() -> answer(what, answer));
        } catch (OutOfMemoryError e) {
            underWay.set(false);
            return CompletableFuture.completedFuture(unreadable(e));
        }
        return answer.completeOnTimeout(silent, patience.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void answer(Opener what, CompletableFuture<OpenedDisk> answer) {
        OpenedDisk opened = openOrSayWhyNot(what);
        underWay.set(false); // whoever has the answer may ask again at once
        if (!answer.complete(opened)) {
            closeUnwanted(opened);
        }
    }

    private OpenedDisk openOrSayWhyNot(Opener what) {
        try {
            return what.open(path);
        } catch (IOException | RuntimeException | Error e) {
            return unreadable(e);
        }
    }

    private static OpenedDisk unreadable(Throwable why) {
        return OpenedDisk.closed(DiskLook.unreadable(String.valueOf(why.getMessage())));
    }

    private void closeUnwanted(OpenedDisk opened) {
        try {
            opened.close();
        } catch (IOException e) {
            LOG.warn("{}: cannot be closed: {}", path, e.getMessage());
        }
    }
}
