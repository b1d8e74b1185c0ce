package org.replicationserver.receiver.session;

import java.time.Duration;

/**
 * The limits and times of sessions; {@code PROTOCOL} section 13 and the configuration give their meaning.
 *
 * @param regionShift a region of a volume is 2^regionShift bytes
 * @param streamsMax data connections that a session is granted at most, 1 to 16
 * @param memoryBudgetBytes payload bytes that all sessions together may hold in direct memory
 * @param firstFrameTimeout for HELLO or ATTACH, from the end of the handshake
 * @param attachTimeout for all data connections, from WELCOME
 * @param ackInterval an acknowledgement goes out at least this often
 * @param progressAfter a frame that waits for longer than this is told by PROGRESS
 * @param progressInterval PROGRESS is repeated this often
 * @param pingAfter a control connection that was silent for so long is sent a PING
 * @param deadAfter a control connection that was silent for so long ends its session
 * @param drainTimeout the deadline that GOAWAY names
 * @param reconnectAfter what GOAWAY tells agents to wait
 * @param keyBytesMax bytes that a connection may receive under one key
 * @param controlFramesPerSecond average rate of frames other than DATA, ZERO and FENCE on a connection
 * @param controlFramesBurst how many of them may come at once
 * @param pingsPerSecond average rate of PING
 * @param pingsBurst how many PING may come at once
 */
public record SessionSettings(
        int regionShift,
        int streamsMax,
        long memoryBudgetBytes,
        Duration firstFrameTimeout,
        Duration attachTimeout,
        Duration ackInterval,
        Duration progressAfter,
        Duration progressInterval,
        Duration pingAfter,
        Duration deadAfter,
        Duration drainTimeout,
        Duration reconnectAfter,
        long keyBytesMax,
        int controlFramesPerSecond,
        int controlFramesBurst,
        int pingsPerSecond,
        int pingsBurst) {

    public static SessionSettings defaults() {
        return new SessionSettings(
                24,
                16,
                192L * 1024 * 1024,
                Duration.ofSeconds(10),
                Duration.ofSeconds(10),
                Duration.ofSeconds(5),
                Duration.ofSeconds(2),
                Duration.ofSeconds(5),
                Duration.ofSeconds(10),
                Duration.ofSeconds(30),
                Duration.ofSeconds(10),
                Duration.ofSeconds(1),
                64L * 1024 * 1024 * 1024,
                100,
                500,
                2,
                10);
    }
}
