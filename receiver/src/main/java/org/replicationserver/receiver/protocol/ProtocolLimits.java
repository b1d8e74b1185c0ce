package org.replicationserver.receiver.protocol;

/** The fixed limits of sections 3, 5 and 13 of the specification. Those that a server may set are in its configuration. */
public final class ProtocolLimits {
    /** The protocol version that this codec speaks. */
    public static final int VERSION = 1;
    /** The ALPN protocol name. */
    public static final String ALPN = "brp/1";

    public static final int SECTOR_BYTES = 512;
    public static final int JSON_BYTES_MAX = 64 * 1024;
    public static final int JSON_DEPTH_MAX = 8;
    public static final int JSON_STRING_CHARS_MAX = 1024;
    public static final int JSON_NUMBER_CHARS_MAX = 20;
    public static final int ERROR_TEXT_CHARS_MAX = 256;
    public static final int STREAMS_MAX = 16;
    public static final int DISKS_MAX = 64;
    public static final long DISK_BYTES_MAX = 1L << 46;
    public static final int RAW_LEN_MAX = 1024 * 1024;
    public static final int WINDOW_BYTES_MIN = 256 * 1024;
    public static final int WINDOW_BYTES_MAX = 8 * 1024 * 1024;
    /** What a ZERO frame takes of the window. */
    public static final int ZERO_WINDOW_BYTES = 4096;

    public static final int UNACKED_FRAMES_MAX = 1024;
    /** A speed test ends after so many seconds at the latest. */
    public static final int TEST_SECONDS_MAX = 30;
    /** A speed test ends after so many raw bytes at the latest. */
    public static final long TEST_BYTES_MAX = 1L << 34;

    public static final int REGION_SHIFT_MIN = 16;
    public static final int REGION_SHIFT_MAX = 30;

    private ProtocolLimits() {}
}
