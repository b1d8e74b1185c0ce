package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.log.PeerText;

/**
 * Something that the control plane must be told, however long that takes. Immutable, any thread.
 *
 * <p>The bodies hold what the API asks for, but for who tells it and the event's number, which are known only when it is sent.
 */
public final class Report {
    /** Far above what the largest state of 60 disks takes. */
    static final int BODY_BYTES_MAX = 256 * 1024;

    private final ReportKind kind;
    private final String subject;
    private final Instant observed;
    private final byte[] body;

    /** Whether an agent proved its key. */
    public enum AuthenticationOutcome {
        AUTHENTICATED,
        REFUSED
    }

    /** Why progress is told. */
    public enum ProgressCause {
        /** An epoch is committed. */
        COMMITTED,
        /** A session may write from now on. */
        SESSION,
        /** What an agent remembers of some volume does not hold any more. */
        RESCAN_NEEDED,
        /** The first block of a source server has come. */
        FIRST_BYTE
    }

    private Report(ReportKind kind, String subject, Instant observed, JsonObject body) {
        this(kind, subject, observed, body.encode().getBytes(StandardCharsets.UTF_8));
    }

    private Report(ReportKind kind, String subject, Instant observed, byte[] body) {
        if (body.length > BODY_BYTES_MAX) {
            throw new IllegalArgumentException("report is too large: kind=" + kind + " subject=" + subject + " bytes="
                    + body.length + " bytesMax=" + BODY_BYTES_MAX);
        }
        this.kind = kind;
        this.subject = subject;
        // What files keep, so that a report is told alike before and after a restart.
        this.observed = observed.truncatedTo(ChronoUnit.MILLIS);
        this.body = body;
    }

    /** What became of a command. */
    public static Report commandResult(Instant observed, String commandId, CommandResult result) {
        WireForms.require("command id", commandId, WireForms.COMMAND_ID.pattern());
        JsonObject body = new JsonObject()
                .put("commandId", commandId)
                .put("status", result.status().name());
        if (!result.message().isEmpty()) {
            body.put("message", result.message());
        }
        if (result.output() != null) {
            body.put("output", result.output());
        }
        return new Report(ReportKind.COMMAND_RESULT, commandId, observed, body);
    }

    /**
     * An agent of a known source server proved its key, or was refused.
     *
     * @param remoteAddress without a port
     * @param reason why it was refused, at most 256 characters; null if it was not
     * @param suppressed how many were not told since the one before
     */
    public static Report agentAuthentication(
            Instant observed,
            String sourceServerId,
            String remoteAddress,
            AuthenticationOutcome outcome,
            @Nullable String reason,
            long suppressed) {
        JsonObject body =
                about(sourceServerId).put("remoteAddress", remoteAddress).put("outcome", outcome.name());
        if (reason != null) {
            body.put("reason", reason(reason));
        }
        if (suppressed > 0) {
            body.put("suppressed", suppressed);
        }
        return new Report(ReportKind.AGENT_AUTHENTICATION, sourceServerId, observed, body);
    }

    /** A session was welcomed; {@code streams} data connections are granted to it, which come after that. */
    public static Report agentConnected(
            Instant observed, String sourceServerId, String remoteAddress, long generation, int streams) {
        JsonObject body = about(sourceServerId)
                .put("remoteAddress", remoteAddress)
                .put("generation", Long.toString(generation))
                .put("streams", streams);
        return new Report(ReportKind.AGENT_CONNECTED, sourceServerId, observed, body);
    }

    /** A session that was told of is over; {@code reason} has 1 to 256 characters. */
    public static Report agentDisconnected(Instant observed, String sourceServerId, long generation, String reason) {
        JsonObject body = about(sourceServerId)
                .put("generation", Long.toString(generation))
                .put("reason", reason(reason));
        return new Report(ReportKind.AGENT_DISCONNECTED, sourceServerId, observed, body);
    }

    /**
     * How far a replication is, at a moment that matters.
     *
     * @param dataReplicationInfo the schema of that name
     * @param record of this moment; null only for the first byte
     */
    public static Report progress(
            Instant observed,
            String sourceServerId,
            ProgressCause cause,
            JsonObject dataReplicationInfo,
            @Nullable ReplicationRecord record) {
        if (record == null && cause != ProgressCause.FIRST_BYTE) {
            throw new IllegalArgumentException("progress without a record: cause=" + cause);
        }
        JsonObject body =
                about(sourceServerId).put("cause", cause.name()).put("dataReplicationInfo", dataReplicationInfo);
        if (record == null) {
            return new Report(ReportKind.PROGRESS, sourceServerId, observed, body);
        }
        return new Report(ReportKind.RECORD, sourceServerId, observed, body.put("record", record.toJson()));
    }

    /**
     * The state of a replication has changed.
     *
     * @param previousState the one that was told before
     * @param dataReplicationInfo the schema of that name, with the state that it is now
     */
    public static Report stateChanged(
            Instant observed, String sourceServerId, String previousState, JsonObject dataReplicationInfo) {
        JsonObject body = about(sourceServerId)
                .put("previousState", WireForms.require("state", previousState, WireForms.CONSTANT))
                .put("dataReplicationInfo", dataReplicationInfo);
        return new Report(ReportKind.STATE, sourceServerId, observed, body);
    }

    /** A snapshot of a volume. */
    public record GroupSnapshot(String volumeId, String deviceName, String snapshotId) {
        private JsonObject toJson() {
            return new JsonObject()
                    .put("volumeId", volumeId)
                    .put("deviceName", deviceName)
                    .put("snapshotId", snapshotId);
        }
    }

    /**
     * All snapshots of a group were requested while the source server's writes were held at a commit.
     *
     * @param epoch that was committed
     * @param snapshots one of each volume
     */
    public static Report snapshotGroup(
            Instant observed, String sourceServerId, String groupId, long epoch, List<GroupSnapshot> snapshots) {
        JsonObject body = about(sourceServerId)
                .put("snapshotGroupId", groupId)
                .put("epoch", Long.toString(epoch))
                // A fuzzy epoch is not held.
                .put("consistent", true)
                .put(
                        "snapshots",
                        new JsonArray(
                                snapshots.stream().map(GroupSnapshot::toJson).toList()));
        return new Report(ReportKind.SNAPSHOT_GROUP, sourceServerId, observed, body);
    }

    /** What was read back from a file. */
    static Report stored(ReportKind kind, String subject, Instant observed, byte[] body) {
        return new Report(kind, subject, observed, body);
    }

    private static JsonObject about(String sourceServerId) {
        return new JsonObject()
                .put(
                        Association.SOURCE_SERVER_ID,
                        WireForms.require("source server id", sourceServerId, IdForm.SOURCE_SERVER.pattern()));
    }

    private static String reason(String reason) {
        return PeerText.cut(reason, WireForms.REASON_CHARS_MAX);
    }

    public ReportKind kind() {
        return kind;
    }

    /** The source server, or of a command's result the command. */
    public String subject() {
        return subject;
    }

    /** When the server saw what is told. */
    public Instant observed() {
        return observed;
    }

    /** JSON text; not to be changed. */
    byte[] body() {
        return body;
    }

    @Override
    public String toString() {
        return kind + " of " + subject;
    }
}
