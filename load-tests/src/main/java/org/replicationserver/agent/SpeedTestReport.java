package org.replicationserver.agent;

import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestResult;

/**
 * What both ends measured in a speed test. Immutable.
 *
 * @param server where it went
 * @param result what the server has counted
 * @param waits what the agent has waited for
 * @param source what the agent's threads did
 * @param streams test connections, as many as the server granted
 */
record SpeedTestReport(
        String sourceServerId,
        String server,
        int streams,
        TestResult result,
        SourceStatus.Waits waits,
        SourceWork source) {

    /**
     * Work of this machine.
     *
     * @param threads that read, hash and compress
     * @param preparedBytes raw bytes that they made ready, some of which were not sent any more
     * @param readMillis in which they read, added up over them
     * @param packMillis in which they hashed and compressed, added up over them
     * @param eventLoopMillis processor time for TLS and frames
     */
    record SourceWork(int threads, long preparedBytes, long readMillis, long packMillis, long eventLoopMillis) {}

    /** Raw bytes a second that arrived. */
    double rawBytesPerSecond() {
        return perSecond(result.rawBytes(), result.millis());
    }

    /** Bytes a second on the wire, but for what TLS and TCP add. */
    double wireBytesPerSecond() {
        return perSecond(result.payloadBytes(), result.millis());
    }

    /** What all threads together could read and compress, each for itself. */
    double readBytesPerSecond() {
        return perSecond(source.preparedBytes(), source.readMillis()) * source.threads();
    }

    double packBytesPerSecond() {
        return perSecond(source.preparedBytes(), source.packMillis()) * source.threads();
    }

    /** The part of the time that something held, 0 to 1. */
    double share(long millis) {
        return result.millis() == 0 ? 0 : Math.min(1, (double) millis / result.millis());
    }

    /** What a volume was written with while its device was busy, which is what it can take; 0 if nothing was written lately. */
    static double capacityBytesPerSecond(TestResult.Volume volume) {
        return perSecond(volume.writtenBytes(), volume.busyMillis());
    }

    /** The same for all volumes together; 0 if one of them was not written lately, so that nothing can be said. */
    double volumesBytesPerSecond() {
        double sum = 0;
        for (TestResult.Volume volume : result.volumes()) {
            double capacity = capacityBytesPerSecond(volume);
            if (capacity == 0) {
                return 0;
            }
            sum += capacity;
        }
        return sum;
    }

    private static double perSecond(long bytes, long millis) {
        return millis == 0 ? 0 : bytes * 1000.0 / millis;
    }
}
