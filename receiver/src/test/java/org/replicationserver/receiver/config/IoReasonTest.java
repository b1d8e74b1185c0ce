package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;

class IoReasonTest {
    @Test
    void exceptionsThatHaveOnlyAPathAreToldInWords() {
        assertThat(IoReason.of(new NoSuchFileException("/d"), "/d")).isEqualTo("no such file or directory");
        assertThat(IoReason.of(new AccessDeniedException("/d"), "/d")).isEqualTo("permission denied");
    }

    @Test
    void reasonOfTheKernelIsKept() {
        assertThat(IoReason.of(new FileSystemException("/d", null, "Read-only file system"), "/d"))
                .isEqualTo("read-only file system");
        assertThat(IoReason.of(new DeviceException("open", "/d", Errno.EROFS, ""), "/d"))
                .isEqualTo("read-only file system");
        assertThat(IoReason.of(new DeviceException("lock", "/d", Errno.ETIMEDOUT, ""), "/d"))
                .isEqualTo("lock failed: ETIMEDOUT");
        assertThat(IoReason.of(new IOException("something else"), "/d")).isEqualTo("something else");
    }

    @Test
    void pathIsToldWhereItIsAnotherThanTheReaderKnows() {
        assertThat(IoReason.of(new AccessDeniedException("/d/lock"), "/d")).isEqualTo("permission denied: /d/lock");
    }
}
