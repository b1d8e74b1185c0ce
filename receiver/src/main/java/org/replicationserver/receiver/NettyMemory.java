package org.replicationserver.receiver;

import io.netty.util.internal.PlatformDependent;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How much direct memory Netty may take: what was received and waits is there. */
final class NettyMemory {
    private static final Logger LOG = LoggerFactory.getLogger(NettyMemory.class);
    private static final String BOUND = "io.netty.maxDirectMemory";

    private NettyMemory() {}

    /**
     * Bounds it, unless the operator has. Netty reads the bound once, with its first class, so nothing before this may load one.
     *
     * <p>The budget counts payloads; twice of it has room for what TLS holds, and for the parts of the pool's chunks that lie idle.
     */
    static void bound(long budgetBytes) {
        if (System.getProperty(BOUND) == null) {
            System.setProperty(BOUND, Long.toString(2 * budgetBytes));
        }
    }

    /** The JVM counts the same memory once more, and its bound cannot be changed while it runs. */
    static void warnIfJvmHasLess() {
        long nettyBytes = PlatformDependent.maxDirectMemory();
        long jvmBytes = PlatformDependent.estimateMaxDirectMemory();
        if (jvmBytes < nettyBytes) {
            LOG.atWarn()
                    .addKeyValue("neededBytes", nettyBytes)
                    .addKeyValue("jvmBytes", jvmBytes)
                    .log("the JVM has less direct memory than memory.budget-bytes may need;"
                            + " set JAVA_OPTS=-XX:MaxDirectMemorySize=" + nettyBytes);
        }
    }
}
