package org.replicationserver.cert;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;

/**
 * One file of a store, which is a draft under a name of its own until it is published. Used under the {@link StoreLock}.
 */
final class StoredFile {
    private final Path path;
    private final Path draftPath;
    private final Set<PosixFilePermission> permissions;

    StoredFile(Path directory, String fileName, Set<PosixFilePermission> permissions) {
        this.path = directory.resolve(fileName);
        this.draftPath = directory.resolve("." + fileName + ".draft");
        this.permissions = permissions;
    }

    Path path() {
        return path;
    }

    /** What is not surely absent is there: a link into a volume that is not mounted yet must not lead to a new key. */
    boolean isPublished() {
        return !Files.notExists(path, LinkOption.NOFOLLOW_LINKS);
    }

    boolean isMissing() {
        return !isPublished() && !Files.exists(draftPath);
    }

    /** Where the content is: in its place, or still in the draft of a publishing that was cut off. */
    Path publishedOrDraft() {
        return isPublished() ? path : draftPath;
    }

    /** On disk when this returns, apart from its name. */
    void draft(byte[] content) throws IOException {
        discardDraft();
        PrivateFiles.writeNew(draftPath, content, permissions);
    }

    void publish() throws IOException {
        PrivateFiles.rename(draftPath, path);
    }

    void publishIfDraft() throws IOException {
        if (!isPublished()) {
            publish();
        }
    }

    void discardDraft() throws IOException {
        Files.deleteIfExists(draftPath);
    }
}
