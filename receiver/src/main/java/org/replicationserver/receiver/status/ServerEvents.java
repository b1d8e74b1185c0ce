package org.replicationserver.receiver.status;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Refusal;
import org.replicationserver.receiver.listener.ListenerEvents;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestResult;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.ComparedBlocks;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.HeldLimit;
import org.replicationserver.receiver.session.RefusedAgent;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SessionEndCause;
import org.replicationserver.receiver.session.SessionEvents;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.StandingHold;
import org.replicationserver.receiver.session.VolumeBacklog;
import org.replicationserver.volume.VolumeFailure;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Counts everything that sessions and listener tell, and writes a log line for what an operator would want to know. Event loop
 * only, except for {@link #certificateRefused}.
 *
 * <p>Text of peers never reaches the log; what is logged is our own words and numbers.
 */
public final class ServerEvents implements SessionEvents, ListenerEvents {
    private static final Logger LOG = LoggerFactory.getLogger("org.replicationserver.events");
    static final String PREFIX = "replication_";

    private final MeterRegistry registry;
    private final SessionClock clock;
    /** One for each source server, and one for all who are nobody's agent, so that no peer hides what is told of another. */
    private final Map<String, LogLimit> logLimits = new HashMap<>();

    private static final String STRANGERS = "";

    /** Source servers whose agent was told to wait, which is in the log. */
    private final Set<String> keptWaiting = new HashSet<>();

    private final Map<ErrorCode, Counter> refusals = new EnumMap<>(ErrorCode.class);

    // counted once per frame or round, so looked up once
    private final Counter payloadBytes;
    private final Counter rawBytes;
    private final Counter zeroBytes;
    private final Counter durableBytes;
    private final Counter dataFrames;
    private final Counter zeroFrames;
    private final Counter acknowledgements;

    public ServerEvents(MeterRegistry registry, SessionClock clock) {
        this.registry = registry;
        this.clock = clock;
        this.payloadBytes = counter("received_payload_bytes");
        this.rawBytes = counter("received_raw_bytes");
        this.zeroBytes = counter("received_zero_bytes");
        this.durableBytes = counter("durable_bytes");
        this.dataFrames = counter("received_data_frames");
        this.zeroFrames = counter("received_zero_frames");
        this.acknowledgements = counter("acknowledgements");
        for (ErrorCode code : ErrorCode.values()) {
            refusals.put(code, counter("refused_frames", "code", code.name()));
        }
    }

    private Counter counter(String name, String... tags) {
        return registry.counter(PREFIX + name, tags);
    }

    private boolean mayLog(String sourceServerId) {
        LogLimit limit = logLimits.computeIfAbsent(sourceServerId, id -> new LogLimit());
        if (!limit.allows(clock.nanos())) {
            return false;
        }
        long suppressed = limit.takeSuppressed();
        if (suppressed > 0) {
            LOG.atWarn()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("lines", suppressed)
                    .log("log lines left out");
        }
        return true;
    }

    // --- sessions

    @Override
    public void sessionOpened(
            String sourceServerId, long generation, String remoteAddress, int streams, List<Welcome.Volume> volumes) {
        counter("sessions_opened").increment();
        if (mayLog(sourceServerId)) {
            LOG.atInfo()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("generation", generation)
                    .addKeyValue("address", remoteAddress)
                    .addKeyValue("streams", streams)
                    .addKeyValue(
                            "volumes",
                            volumes.stream().map(ServerEvents::begins).toList())
                    .log("session opened");
        }
    }

    /** How a disk begins: {@code vol-1:RESCAN:NEW_VOLUME}. */
    private static String begins(Welcome.Volume volume) {
        return volume.volumeId() + ":" + volume.action()
                + (volume.action() == Welcome.Action.RESCAN ? ":" + volume.reason() : "");
    }

    @Override
    public void sessionEnded(String sourceServerId, long generation, String reason, SessionEndCause cause) {
        counter("sessions_ended").increment();
        if (mayLog(sourceServerId)) {
            LOG.atInfo()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("generation", generation)
                    .addKeyValue("reason", reason)
                    .log("session ended");
        }
    }

    @Override
    public void refused(String sourceServerId, String remoteAddress, ErrorBody error) {
        ErrorCode code = ErrorCode.of(error.code());
        Counter counter = code == null ? null : refusals.get(code);
        if (counter != null) {
            counter.increment();
        }
        if (code == ErrorCode.PAUSED) {
            keptWaiting(sourceServerId, remoteAddress, error);
        } else if (mayLog(sourceServerId)) {
            LOG.atWarn()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("address", remoteAddress)
                    .addKeyValue("code", error.name())
                    .addKeyValue("seq", error.seq())
                    .addKeyValue("volume", error.volume())
                    .addKeyValue("offset", error.offset())
                    .addKeyValue("text", error.text())
                    .log("refused");
        }
    }

    /** As somebody wants it, and the agent asks again and again: told once. */
    private void keptWaiting(String sourceServerId, String remoteAddress, ErrorBody error) {
        if (keptWaiting.add(sourceServerId)) {
            LOG.atInfo()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("address", remoteAddress)
                    .addKeyValue("text", error.text())
                    .log("agent is kept waiting, which is not told again");
        }
    }

    @Override
    public void desired(String sourceServerId, DesiredState wanted) {
        keptWaiting.remove(sourceServerId);
    }

    @Override
    public void unassigned(String sourceServerId) {
        keptWaiting.remove(sourceServerId);
        logLimits.remove(sourceServerId);
    }

    @Override
    public void bandwidthLimited(@Nullable String sourceServerId, HeldLimit limit) {
        LOG.atInfo()
                .addKeyValue("source", sourceServerId == null ? "all" : sourceServerId)
                .addKeyValue("mbps", limit.mbps())
                .addKeyValue("origin", limit.origin())
                .log(limit.mbps() == 0 ? "bandwidth is not limited from now on" : "bandwidth is limited from now on");
    }

    /** A fact without a value is left out of the line. */
    private static @Nullable String known(String text) {
        return text.isEmpty() ? null : text;
    }

    @Override
    public void peerReportedError(String sourceServerId, String remoteAddress, int code) {
        counter("peer_errors").increment();
        if (mayLog(sourceServerId)) {
            LOG.atWarn()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("address", remoteAddress)
                    .addKeyValue("code", code)
                    .log("agent reported an error");
        }
    }

    @Override
    public void ignored(String sourceServerId) {
        counter("ignored_frames").increment();
    }

    @Override
    public void ignoredMembers(String sourceServerId, int members) {
        counter("ignored_members").increment(members);
    }

    @Override
    public void frameDropped(String sourceServerId) {
        counter("dropped_frames").increment();
    }

    @Override
    public void goAwaySent(String sourceServerId, String reason) {
        counter("goaways", "reason", reason).increment();
    }

    @Override
    public void recordLost(String sourceServerId, String cause) {
        counter("records_lost").increment();
        LOG.atError()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("cause", cause)
                .log("record cannot be read, every disk will be sent whole");
    }

    @Override
    public void firstByteReceived(String sourceServerId) {
        LOG.atInfo().addKeyValue("source", sourceServerId).log("first block received");
    }

    @Override
    public void blocksDurable(String sourceServerId, String volumeId, long bytes) {
        durableBytes.increment((double) bytes);
    }

    @Override
    public void blocksCompared(String sourceServerId, ComparedBlocks compared) {
        String verified = Boolean.toString(compared.verified());
        counter("hash_offers", "verified", verified).increment();
        counter("compared_bytes", "verified", verified).increment((double) compared.bytes());
        counter("equal_bytes", "verified", verified).increment((double) compared.equalBytes());
        if (!compared.isFinest() || compared.differingBytes() == 0) {
            return;
        }
        counter("differing_bytes", "verified", verified).increment((double) compared.differingBytes());
        if (compared.verified() && mayLog(sourceServerId)) {
            LOG.atError()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("volume", compared.volumeId())
                    .addKeyValue("offset", compared.firstDifferingBytes())
                    .addKeyValue("length", compared.differingBytes())
                    .log("verification found blocks that are not what their agent sent");
        }
    }

    @Override
    public void epochOpened(String sourceServerId, long epoch, long estimatedBytes) {
        counter("epochs_opened").increment();
    }

    @Override
    public void volumeOpened(String sourceServerId, String volumeId) {
        counter("volumes_opened").increment();
    }

    @Override
    public void agentsAccepted(String sourceServerId) {
        LOG.atInfo().addKeyValue("source", sourceServerId).log("agents that were refused are accepted again");
    }

    @Override
    public void volumeUnavailable(String sourceServerId, String volumeId, String cause) {
        counter("volumes_unavailable").increment();
        notOpen(LOG.atError(), sourceServerId, volumeId, cause).log("volume cannot be opened");
    }

    @Override
    public void volumeClosed(String sourceServerId, String volumeId) {
        LOG.atInfo()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("volume", volumeId)
                .log("volume closed, it is not assigned as it was any more");
    }

    @Override
    public void volumeReplaced(String sourceServerId, String volumeId, String before, String now) {
        counter("volumes_replaced").increment();
        LOG.atWarn()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("volume", volumeId)
                .addKeyValue("before", before)
                .addKeyValue("now", now)
                .log("another file or device is in the place of a volume: its disk is compared with it");
    }

    @Override
    public void volumeAwaited(String sourceServerId, String volumeId, String reason) {
        counter("volumes_awaited").increment();
        notOpen(LOG.atWarn(), sourceServerId, volumeId, reason).log("waiting for a volume");
    }

    private static LoggingEventBuilder notOpen(
            LoggingEventBuilder line, String sourceServerId, String volumeId, String cause) {
        return line.addKeyValue("source", sourceServerId)
                .addKeyValue("volume", volumeId)
                .addKeyValue("cause", cause);
    }

    @Override
    public void readingPaused(String sourceServerId) {
        counter("reading_pauses", "source", sourceServerId).increment();
    }

    @Override
    public void dataReceived(int newPayloadBytes, int newRawBytes) {
        dataFrames.increment();
        payloadBytes.increment(newPayloadBytes);
        rawBytes.increment(newRawBytes);
    }

    @Override
    public void zeroReceived(long newZeroBytes) {
        zeroFrames.increment();
        zeroBytes.increment((double) newZeroBytes);
    }

    @Override
    public void acknowledged() {
        acknowledgements.increment();
    }

    @Override
    public void writerStored(String sourceServerId, SourceRecord record) {
        counter("writers").increment();
    }

    @Override
    public void committed(String sourceServerId, SourceRecord record) {
        SourceRecord.Commit commit = record.commit();
        counter("commits", "fuzzy", Boolean.toString(commit.fuzzy())).increment();
        LOG.atInfo()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("epoch", commit.epoch())
                .addKeyValue("fuzzy", commit.fuzzy())
                .log("committed");
    }

    @Override
    public void held(String sourceServerId, StandingHold hold) {
        counter("holds").increment();
        LOG.atInfo()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("epoch", hold.epoch())
                .addKeyValue("origin", hold.origin())
                .addKeyValue("until", Instant.ofEpochMilli(hold.untilMillis()))
                .log("volumes are held");
    }

    @Override
    public void notHeld(String sourceServerId, String why) {
        counter("holds_refused").increment();
        LOG.atWarn()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("cause", why)
                .log("volumes cannot be held");
    }

    @Override
    public void holdEnded(String sourceServerId, StandingHold hold, @Nullable String spoiledBy) {
        counter("holds_ended", "valid", Boolean.toString(spoiledBy == null)).increment();
        LoggingEventBuilder line = (spoiledBy == null ? LOG.atInfo() : LOG.atWarn())
                .addKeyValue("source", sourceServerId)
                .addKeyValue("epoch", hold.epoch())
                .addKeyValue("origin", hold.origin());
        if (spoiledBy == null) {
            line.log("hold was released in time");
        } else {
            line.addKeyValue("cause", spoiledBy).log("hold has expired, what was made of the volumes is of no use");
        }
    }

    @Override
    public void volumeLeftClosed(String sourceServerId, String volumeId, String cause) {
        counter("volumes_unavailable").increment();
        notOpen(LOG.atError(), sourceServerId, volumeId, cause)
                .log("volume has failed before, `volume reopen` takes it up again");
    }

    @Override
    public void sourceStatus(String sourceServerId, List<VolumeBacklog> backlogs, SourceStatus.Waits waits) {
        counter("source_statuses").increment();
    }

    @Override
    public void volumeFailed(String sourceServerId, VolumeFailure failure) {
        counter("volume_failures").increment();
        LoggingEventBuilder line = LOG.atError()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("volume", failure.volumeId())
                .addKeyValue("operation", failure.operation())
                .addKeyValue("path", known(failure.path()));
        if (failure.lengthBytes() > 0) {
            line = line.addKeyValue("offset", failure.offsetBytes()).addKeyValue("length", failure.lengthBytes());
        }
        line.addKeyValue("errno", known(failure.errnoName()))
                .addKeyValue("detail", known(failure.detail()))
                .log("volume failed");
    }

    @Override
    public void duplicateAgent(String sourceServerId, RefusedAgent refused) {
        counter("duplicate_agents").increment();
        LOG.atError()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("address", refused.address())
                .addKeyValue("other", refused.otherAddress())
                .log("two agents take turns with " + refused.keys()
                        + ", the later is refused until `source accept-agents`");
    }

    @Override
    public void speedTestBegan(String sourceServerId, String remoteAddress, int streams, int seconds) {
        counter("speed_tests").increment();
        LOG.atInfo()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("address", remoteAddress)
                .addKeyValue("streams", streams)
                .addKeyValue("seconds", seconds)
                .log("speed test begins");
    }

    @Override
    public void speedTestEnded(String sourceServerId, String reason, TestResult result) {
        counter("speed_test_raw_bytes").increment((double) result.rawBytes());
        LOG.atInfo()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("reason", reason)
                .addKeyValue("millis", result.millis())
                .addKeyValue("rawBytes", result.rawBytes())
                .addKeyValue("payloadBytes", result.payloadBytes())
                .log("speed test ended");
    }

    @Override
    public void repeatedCorruption(String sourceServerId, int blocks) {
        counter("repeated_corruptions").increment();
        LOG.atError()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("blocks", blocks)
                .log("corrupt blocks keep coming from one agent");
    }

    // --- listener

    @Override
    public void accepted(String sourceServerId, String remoteAddress) {
        counter("connections_accepted").increment();
    }

    @Override
    public void handshakeFailed(String reason) {
        counter("handshakes_failed").increment();
        if (mayLog(STRANGERS)) {
            LOG.atInfo().addKeyValue("cause", reason).log("handshake failed");
        }
    }

    @Override
    public void probed() {
        counter("connections_probed").increment();
    }

    @Override
    public void wrongProtocol(String remoteAddress) {
        counter("connections_without_alpn").increment();
        if (mayLog(STRANGERS)) {
            LOG.atInfo().addKeyValue("address", remoteAddress).log("closed, the ALPN protocol is not ours");
        }
    }

    @Override
    public void programFault(String sourceServerId, Throwable fault) {
        LOG.atError().setCause(fault).addKeyValue("source", sourceServerId).log("a fault of this program");
    }

    @Override
    public void connectionBroke(String sourceServerId, String remoteAddress, String cause) {
        counter("connections_broken").increment();
        if (mayLog(sourceServerId)) {
            LOG.atWarn()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("address", remoteAddress)
                    .addKeyValue("cause", cause)
                    .log("connection broke");
        }
    }

    @Override
    public void notAssigned(String remoteAddress) {
        counter("connections_not_assigned").increment();
        if (mayLog(STRANGERS)) {
            LOG.atInfo().addKeyValue("address", remoteAddress).log("closed, the certificate is not assigned");
        }
    }

    /** A certificate was refused inside the handshake, which then fails and is logged there. Handshake threads. */
    public void certificateRefused(Refusal refusal) {
        counter("certificates_refused", "reason", refusal.reason().name()).increment();
    }
}
