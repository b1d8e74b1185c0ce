package org.replicationserver.receiver.server;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.DataReplicationInfoJson;
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
import org.replicationserver.receiver.server.ToldSessions.Session;
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

    /** How often what could not be kept is told again: as often as an outbox that fails is tried. */
    private static final long TELL_AGAIN_NANOS = 10_000_000_000L;

    private final SequencedMap<String, AgentReportLimit> limits = new LinkedHashMap<>();

    /** Ends of sessions that were lost, in their order. */
    private final SequencedMap<Session, Report> lostEnds = new LinkedHashMap<>();

    private final ReportOrder order;
    private final SessionClock clock;
    private final StateReports states;
    private final ToldSessions sessions;
    private final Executor eventLoop;
    private final Replications replications;
    private long toldAgainNanos;

    /** @param outbox keeps a report: done when it is durable, on any thread, fails if it is lost */
    ControlReports(
            Function<Report, CompletionStage<Void>> outbox,
            ToldStates states,
            ToldSessions sessions,
            Replications replications,
            SessionClock clock,
            Executor eventLoop) {
        this.order = new ReportOrder(outbox, eventLoop);
        this.states = new StateReports(this::append, states, eventLoop);
        this.sessions = sessions;
        this.eventLoop = eventLoop;
        this.replications = replications;
        this.clock = clock;
        this.toldAgainNanos = clock.nanos();
    }

    /** Tells the end of sessions that an earlier process was told of and that ended with it; before any session opens. */
    void tellFormerSessions() {
        String reason = SessionEndCause.SERVER_ENDED + ": the server's process ended";
        for (Session session : sessions.all()) {
            tellEnd(session, end(session, reason));
        }
    }

    private Report end(Session session, String reason) {
        return Report.agentDisconnected(now(), session.sourceServerId(), session.generation(), reason);
    }

    private void tellEnd(Session session, Report end) {
        append(end)
                .whenCompleteAsync(
                        (done, lost) -> {
                            if (lost == null) {
                                sessions.remove(session);
                            } else {
                                lostEnds.put(session, end);
                            }
                        },
                        eventLoop);
    }

    private void tellLostEndsAgain(Predicate<Session> which) {
        for (Session session : List.copyOf(lostEnds.keySet())) {
            Report end = which.test(session) ? lostEnds.remove(session) : null;
            if (end != null) {
                tellEnd(session, end);
            }
        }
    }

    /** To be called a few times a second. */
    void tick() {
        if (clock.nanos() - toldAgainNanos >= TELL_AGAIN_NANOS) {
            toldAgainNanos = clock.nanos();
            tellLostEndsAgain(any -> true);
            states.tellLostAgain(replications::info, now());
        }
    }

    private Instant now() {
        return Instant.ofEpochMilli(clock.millis());
    }

    /** Losses are counted and logged by the outbox itself. */
    private CompletionStage<Void> append(Report report) {
        CompletionStage<Void> durable = order.append(report);
        durable.exceptionally(lost -> {
            LOG.atDebug()
                    .addKeyValue("report", report)
                    .addKeyValue("cause", lost.getMessage())
                    .log("report is lost");
            return null;
        });
        return durable;
    }

    private void progress(String sourceServerId, ProgressCause cause, @Nullable SourceRecord record) {
        DataReplicationInfo info = replications.info(sourceServerId);
        if (info != null) {
            append(Report.progress(
                    now(),
                    sourceServerId,
                    cause,
                    DataReplicationInfoJson.of(info),
                    record == null ? null : ReportedRecord.of(record)));
        }
    }

    @Override
    public void stateChanged(
            String sourceServerId,
            DataReplicationState previous,
            DataReplicationState current,
            String why,
            Moment moment) {
        DataReplicationInfo info = replications.info(sourceServerId);
        if (info != null) {
            states.tell(sourceServerId, previous, info, now());
        }
    }

    @Override
    public void sessionOpened(
            String sourceServerId, long generation, String remoteAddress, int streams, List<Welcome.Volume> volumes) {
        AgentReportLimit limit = limitOf(sourceServerId);
        if (limit.take(clock.millis())) {
            tellLostEndsAgain(session -> session.sourceServerId().equals(sourceServerId));
            String host = hostOf(remoteAddress);
            append(Report.agentAuthentication(
                    now(), sourceServerId, host, AuthenticationOutcome.AUTHENTICATED, null, limit.takeSuppressed()));
            // First what makes its end be told after a crash; without, nobody would know that it had to be.
            order.waitFor(sessions.add(new Session(sourceServerId, generation)));
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
        Session session = new Session(sourceServerId, generation);
        if (sessions.contains(session)) {
            tellEnd(session, end(session, cause + ": " + reason));
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
    public void rescanNeeded(String sourceServerId, SourceRecord record) {
        progress(sourceServerId, ProgressCause.RESCAN_NEEDED, record);
    }

    @Override
    public void committed(String sourceServerId, SourceRecord record) {
        progress(sourceServerId, ProgressCause.COMMITTED, record);
    }
}
