package org.replicationserver.cert;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A file of keys, certificates or pins is not as it must be. Says which file, what is wrong and what is allowed. */
public final class CertificateStoreException extends IOException {
    private final Path path;

    CertificateStoreException(Path path, String what, String allowed) {
        this(path, what, allowed, null);
    }

    CertificateStoreException(Path path, String what, String allowed, @Nullable Throwable cause) {
        super("path=" + path + ": " + what + "; allowed: " + allowed, cause);
        this.path = path;
    }

    public Path path() {
        return path;
    }
}
