package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.DataReplicationInfoJson;
import org.replicationserver.receiver.control.Outbox;
import org.replicationserver.receiver.control.Report;
import org.replicationserver.receiver.control.Report.AuthenticationOutcome;
import org.replicationserver.receiver.control.Report.ProgressCause;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.DataReplicationInfo;
import org.replicationserver.receiver.replication.DataReplicationState;
import org.replicationserver.receiver.replication.Moment;
import org.replicationserver.receiver.replication.ReplicationListener;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SessionEndCause;
import org.replicationserver.receiver.session.SessionEvents;
import org.replicationserver.receiver.session.SourceRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts into the outbox what the control plane must be told, however long that takes. Event loop only; told after the model, which it
 * asks.
 */
final class ControlReports implements SessionEvents, ReplicationListener {
    private static final Logger LOG = LoggerFactory.getLogger(ControlReports.class);

    /** Beyond those that are assigned, the oldest are forgotten. */
    private static final int LIMITS_MAX = 256;

    private final SequencedMap<String, AgentReportLimit> limits = new LinkedHashMap<>();
    private final Outbox outbox;
    private final SessionClock clock;
    private final ToldStates told;
    private final Replications replications;

    ControlReports(Outbox outbox, ToldStates told, Replications replications, SessionClock clock) {
        this.outbox = outbox;
        this.told = told;
        this.replications = replications;
        this.clock = clock;
    }

    private Instant now() {
        return Instant.ofEpochMilli(clock.millis());
    }

    /** Losses are counted and logged by the outbox itself. */
    private void append(Report report) {
        outbox.append(report).exceptionally(lost -> {
            LOG.atDebug()
                    .addKeyValue("report", report)
                    .addKeyValue("cause", lost.getMessage())
                    .log("report is lost");
            return null;
        });
    }

    private @Nullable JsonObject info(String sourceServerId) {
        DataReplicationInfo info = replications.info(sourceServerId);
        return info == null ? null : DataReplicationInfoJson.of(info);
    }

    private void progress(String sourceServerId, ProgressCause cause, @Nullable SourceRecord record) {
        JsonObject info = info(sourceServerId);
        if (info != null) {
            append(Report.progress(
                    now(), sourceServerId, cause, info, record == null ? null : ReportedRecord.of(record)));
        }
    }

    @Override
    public void stateChanged(
            String sourceServerId,
            DataReplicationState previous,
            DataReplicationState current,
            String why,
            Moment moment) {
        DataReplicationState before = told.of(sourceServerId);
        JsonObject info = info(sourceServerId);
        if (info != null && before != current) {
            told.put(sourceServerId, current);
            append(Report.stateChanged(now(), sourceServerId, (before == null ? previous : before).name(), info));
        }
    }

    @Override
    public void sessionOpened(
            String sourceServerId, long generation, String remoteAddress, int streams, List<Welcome.Volume> volumes) {
        AgentReportLimit limit = limitOf(sourceServerId);
        if (limit.takeSession(generation, clock.millis())) {
            String host = hostOf(remoteAddress);
            append(Report.agentAuthentication(
                    now(), sourceServerId, host, AuthenticationOutcome.AUTHENTICATED, null, limit.takeSuppressed()));
            append(Report.agentConnected(now(), sourceServerId, host, generation, streams));
        }
    }

    @Override
    public void helloRefused(String sourceServerId, String remoteAddress, ErrorCode code, String text) {
        AgentReportLimit limit = limitOf(sourceServerId);
        if (code == ErrorCode.FORBIDDEN && limit.take(clock.millis())) {
            append(Report.agentAuthentication(
                    now(),
                    sourceServerId,
                    hostOf(remoteAddress),
                    AuthenticationOutcome.REFUSED,
                    text,
                    limit.takeSuppressed()));
        }
    }

    private AgentReportLimit limitOf(String sourceServerId) {
        AgentReportLimit limit = limits.computeIfAbsent(sourceServerId, id -> new AgentReportLimit());
        if (limits.size() > LIMITS_MAX) {
            limits.pollFirstEntry();
        }
        return limit;
    }

    /** Without the port, and an IPv6 address without its brackets. */
    private static String hostOf(String remoteAddress) {
        int port = remoteAddress.lastIndexOf(':');
        String host = port < 0 ? remoteAddress : remoteAddress.substring(0, port);
        return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
    }

    @Override
    public void sessionEnded(String sourceServerId, long generation, String reason, SessionEndCause cause) {
        if (limitOf(sourceServerId).endSession(generation)) {
            append(Report.agentDisconnected(now(), sourceServerId, generation, cause + ": " + reason));
        }
    }

    @Override
    public void firstByteReceived(String sourceServerId) {
        progress(sourceServerId, ProgressCause.FIRST_BYTE, null);
    }

    @Override
    public void writerStored(String sourceServerId, SourceRecord record) {
        progress(sourceServerId, ProgressCause.SESSION, record);
    }

    @Override
    public void committed(String sourceServerId, SourceRecord record) {
        progress(sourceServerId, ProgressCause.COMMITTED, record);
    }
}
