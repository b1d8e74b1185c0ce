package org.replicationserver.agent;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The disks of the source server and what makes them stand still: opened for an epoch, closed after its last block was read. Blocks;
 * confined to the thread {@code agent-source}, but for {@link #cutShort}.
 *
 * <p>Order: freeze, then open; close, then thaw. A mark command may make a snapshot in between and take it away again, which nobody
 * must hold open then.
 */
final class Source {
    private static final Logger LOG = LoggerFactory.getLogger(Source.class);

    private final List<DiskFile> files;
    private final @Nullable MarkCommand mark;

    private final long heapBytesMax;

    /** As far as there was memory for them; of a disk that is gone its blocks are remembered. Guarded by this. */
    private final long[] acceptedBytes;

    /** @param heapBytesMax what the agent may need */
    Source(List<DiskFile> files, @Nullable MarkCommand mark, long heapBytesMax) {
        this.files = files;
        this.mark = mark;
        this.heapBytesMax = heapBytesMax;
        this.acceptedBytes = files.stream().mapToLong(DiskFile::sizeBytes).toArray();
    }

    /** Looks at the disks as they are now, all at once, whether they are open or not; waits for one that does not answer. Any thread. */
    List<DiskLook> look() {
        List<CompletableFuture<DiskLook>> looks =
                files.stream().map(DiskFile::look).toList();
        return withinHeap(looks.stream().map(CompletableFuture::join).toList());
    }

    /** The same, whatever happens: nobody connects before there is an answer. Any thread. */
    List<DiskLook> lookOrSayWhyNot() {
        try {
            return look();
        } catch (RuntimeException | Error e) {
            LOG.warn("the disks cannot be looked at", e);
            return Collections.nCopies(files.size(), DiskLook.unreadable(String.valueOf(e)));
        }
    }

    /** Opens all disks that can be read. */
    SourceOpening open() {
        String warning = null;
        try {
            warning = freeze();
            return new SourceOpening(warning == null, warning, withinHeap(openDisks()));
        } catch (RuntimeException | OutOfMemoryError e) {
            DiskLook failed = DiskLook.unreadable(String.valueOf(e.getMessage()));
            return new SourceOpening(false, warning, Collections.nCopies(files.size(), failed));
        }
    }

    /** All at once, so that those that do not answer are waited for together. */
    private List<DiskLook> openDisks() {
        List<CompletableFuture<OpenedDisk>> answers =
                files.stream().map(DiskFile::open).toList();
        List<DiskLook> looks = new ArrayList<>();
        for (int i = 0; i < files.size(); i++) {
            OpenedDisk opened = answers.get(i).join();
            files.get(i).use(opened);
            looks.add(opened.look());
        }
        return looks;
    }

    /** Of disks that have grown more than there is memory to remember their blocks in, it is said that they cannot be replicated. */
    private synchronized List<DiskLook> withinHeap(List<DiskLook> looks) {
        List<Long> wantedBytes = IntStream.range(0, looks.size())
                .mapToObj(i -> looks.get(i).failure() == null ? looks.get(i).sizeBytes() : acceptedBytes[i])
                .toList();
        long neededBytes = MemoryNeed.bytes(wantedBytes);
        boolean fits = neededBytes <= heapBytesMax;
        return IntStream.range(0, looks.size())
                .mapToObj(i -> {
                    if (fits || wantedBytes.get(i) <= acceptedBytes[i]) {
                        acceptedBytes[i] = wantedBytes.get(i);
                        return looks.get(i);
                    }
                    return DiskLook.unreadable(files.get(i).path() + " has grown to " + wantedBytes.get(i) + " bytes; "
                            + MemoryNeed.advice(neededBytes, heapBytesMax));
                })
                .toList();
    }

    /** Says why the source may still stand still, or null. */
    @Nullable
    String close() {
        for (DiskFile file : files) {
            try {
                file.close();
            } catch (IOException e) {
                LOG.warn("{}: cannot be closed: {}", file.path(), e.getMessage());
            }
        }
        return thaw();
    }

    /** No epoch will begin any more: a freeze that still runs is ended, a thaw gets little time. Any thread. */
    void cutShort() {
        if (mark != null) {
            mark.cutShort();
        }
    }

    /** Says why the source does not stand still, or null. */
    private @Nullable String freeze() {
        if (mark == null) {
            return null;
        }
        String failure = mark.run(MarkPhase.FREEZE);
        if (failure == null) {
            return null;
        }
        // It may have frozen a part.
        String thawFailure = thaw();
        return thawFailure == null ? failure : failure + "; " + thawFailure + ", so the source may still stand still";
    }

    private @Nullable String thaw() {
        return mark != null && mark.mayHaveFrozen() ? mark.run(MarkPhase.THAW) : null;
    }
}
