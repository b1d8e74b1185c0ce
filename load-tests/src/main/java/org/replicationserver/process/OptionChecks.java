package org.replicationserver.process;

import org.replicationserver.receiver.config.ByteSize;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks of options that more than one command has; a mistake is told as the command line's. */
public final class OptionChecks {
    private static final long SIZE_MAX = 64 * ByteSize.GIB;

    private final CommandSpec spec;

    public OptionChecks(CommandSpec spec) {
        this.spec = spec;
    }

    public void require(boolean allowed, String given, String what) {
        if (!allowed) {
            throw new ParameterException(spec.commandLine(), given + ", allowed: " + what);
        }
    }

    /** Of {@code --size}, a disk that is made. */
    public void requireSize(long bytes, long min) {
        require(
                bytes >= min && bytes <= SIZE_MAX && bytes % DiskImage.BLOCK_BYTES == 0,
                "--size=" + ByteSize.format(bytes),
                ByteSize.format(min) + " to " + ByteSize.format(SIZE_MAX) + ", a multiple of "
                        + ByteSize.format(DiskImage.BLOCK_BYTES));
    }

    /** Of {@code --streams}. */
    public void requireStreams(int streams) {
        require(
                streams >= 1 && streams <= ProtocolLimits.STREAMS_MAX,
                "--streams=" + streams,
                "1 to " + ProtocolLimits.STREAMS_MAX);
    }
}
