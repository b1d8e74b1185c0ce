package org.replicationserver.volume;

/** Whether the kernel's page cache stands between the writer and the device. */
public enum CacheMode {
    /**
     * O_DIRECT. The default for block devices: no page cache whose errors can be forgotten, and the memory of a small
     * machine stays free.
     */
    DIRECT,
    /** Through the page cache. The default for image files, whose file systems do not all take O_DIRECT. */
    BUFFERED
}
