package org.replicationserver.agent;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens one disk, each time on a thread that ends with it: a device that does not answer, or a file on a server that is dead, hangs in the
 * kernel, where nothing cuts it off. Any thread.
 *
 * <p>Whoever asks has an answer when the patience is over. A disk has one such thread at most: who asks while another's opening is under way
 * has its own after it, within its own patience. Once an opening has outlasted its patience, which may hang for ever, everybody is told so at
 * once; what it opens in the end is closed, since nobody waits for it any more.
 */
final class DiskOpening {
    /** How long a disk may take to be opened and looked at. */
    static final Duration PATIENCE = Duration.ofSeconds(10);

    /** What may hang. */
    interface Opener {
        OpenedDisk open(Path path) throws IOException;
    }

    private record Asked(Opener what, CompletableFuture<OpenedDisk> answer) {}

    private static final Logger LOG = LoggerFactory.getLogger(DiskOpening.class);

    private final Path path;
    private final Opener opener;
    private final Duration patience;

    /** The first one is under way; those who ask after its patience do not come in. Guarded by this. */
    private final ArrayDeque<Asked> asked = new ArrayDeque<>();

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
        Asked mine = new Asked(what, new CompletableFuture<>());
        synchronized (this) {
            Asked first = asked.peek();
            if (first != null && first.answer.isDone()) {
                return CompletableFuture.completedFuture(silent);
            }
            if (first == null) {
                try {
                    Thread.ofPlatform()
                            .daemon()
                            .name("disk-" + path.getFileName())
                            .start(() -> answer(mine));
                } catch (OutOfMemoryError e) {
                    return CompletableFuture.completedFuture(unreadable(e));
                }
            }
            asked.add(mine);
        }
        return mine.answer.completeOnTimeout(silent, patience.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** One after the other, until nobody asks any more. */
    private void answer(Asked first) {
        for (Asked next = first; next != null; ) {
            OpenedDisk opened = openOrSayWhyNot(next.what);
            Asked answered = next;
            next = following(); // before the answer, so that whoever has it may ask again at once
            if (!answered.answer.complete(opened)) {
                closeUnwanted(opened);
            }
        }
    }

    /** Takes out what was under way, and those who wait no more. */
    private synchronized @Nullable Asked following() {
        asked.remove();
        while (!asked.isEmpty() && asked.element().answer.isDone()) {
            asked.remove();
        }
        return asked.peek();
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
