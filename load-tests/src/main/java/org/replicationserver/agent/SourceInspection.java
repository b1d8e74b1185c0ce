package org.replicationserver.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Learns the sizes of the disks before anything else begins, because HELLO tells them. Blocks.
 *
 * <p>The path of a snapshot is there only between freeze and thaw. To know its size the mark command is run once around the look; to
 * wait for the first epoch's freeze instead would freeze the source before there is a server to send to.
 */
final class SourceInspection {
    private SourceInspection() {}

    static List<DiskFile> inspect(List<SourceDisk> sources, @Nullable MarkCommand mark) throws IOException {
        if (mark == null || sources.stream().allMatch(source -> Files.exists(source.path()))) {
            return inspect(sources);
        }
        List<DiskFile> files = List.of();
        String failure = mark.run(MarkPhase.FREEZE);
        try {
            files = failure == null ? inspect(sources) : files;
        } catch (IOException e) {
            failure = e.getMessage();
        }
        String thawFailure = mark.mayHaveFrozen() ? mark.run(MarkPhase.THAW) : null;
        if (thawFailure != null) {
            throw new IOException((failure == null ? "" : failure + "; ") + thawFailure
                    + "; the source may still stand still, thaw it by hand");
        }
        if (failure != null) {
            throw new IOException(failure);
        }
        return files;
    }

    private static List<DiskFile> inspect(List<SourceDisk> sources) throws IOException {
        List<DiskFile> files = new ArrayList<>();
        for (SourceDisk source : sources) {
            files.add(DiskFile.inspect(source.path()));
        }
        return List.copyOf(files);
    }
}
