package org.replicationserver.agent;

import java.io.IOException;
import java.util.List;
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

    Source(List<DiskFile> files, @Nullable MarkCommand mark) {
        this.files = files;
        this.mark = mark;
    }

    SourceOpening open() {
        String warning = null;
        try {
            warning = freeze();
            for (DiskFile file : files) {
                file.open();
            }
            return new SourceOpening(warning == null, warning, null);
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            return new SourceOpening(false, warning, String.valueOf(e.getMessage()));
        }
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
