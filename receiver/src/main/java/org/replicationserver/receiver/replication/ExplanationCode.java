package org.replicationserver.receiver.replication;

import static org.replicationserver.receiver.replication.Explanation.Severity.ERROR;
import static org.replicationserver.receiver.replication.Explanation.Severity.INFO;
import static org.replicationserver.receiver.replication.Explanation.Severity.WARNING;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.Explanation.Facts;
import org.replicationserver.receiver.replication.Explanation.Severity;

/**
 * Everything that can be wrong with a replication as far as this server can see: the one table, the gravest first, and what is known of
 * this agent before refused handshakes, which may be a stranger's. {@code receiver/replication/README.md} prints it for operators, and a
 * test compares each cell.
 */
public enum ExplanationCode {
    DISK_TOO_SMALL(
            ERROR,
            DataReplicationErrorCode.UNSUPPORTED_VM_CONFIGURATION,
            "disk {deviceName} has {sizeBytes}, and disks below {minimumBytes} are not supported",
            "Leave the disk out of the source server's replication."),
    DISK_SIZE_DIFFERS(
            ERROR,
            DataReplicationErrorCode.UNSUPPORTED_VM_CONFIGURATION,
            "the agent at {address} was refused {seconds} ago, its disks are not those that are assigned: {reason}",
            "Assign each disk with exactly its size; a volume for a grown disk must be as large."),
    DUPLICATE_AGENT(
            ERROR,
            DataReplicationErrorCode.UNSUPPORTED_VM_CONFIGURATION,
            "two agents take turns with {keys}, the one at {refusedAddress} is refused, the other is at {otherAddress}; no volume counts"
                    + " as consistent",
            "Stop the agent that does not belong here, then accept the agents again (ACCEPT_AGENTS, or: source accept-agents"
                    + " {sourceServerId})."),
    VOLUME_FAILED(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_ATTACH_STAGING_DISKS,
            "volume {volumeId} of disk {deviceName} has taken no writes since {since}: {reason} ({path})",
            "Repair or replace the volume, then reopen it (REOPEN_VOLUME, or: volume reopen {volumeId}); a full sync of the disk follows."),
    VOLUME_MISSING(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_ATTACH_STAGING_DISKS,
            "volume {volumeId} of disk {deviceName} has not been open for {seconds}: {reason} ({path})",
            "Attach the volume to this instance, or mend what the reason names; it is tried again by itself. Where an image file is lost,"
                    + " reopen it to begin it anew (REOPEN_VOLUME, or: volume reopen {volumeId})."),
    REPLICA_DIFFERS(
            ERROR,
            null,
            "since {since} verifications find that volume {volumeId} of disk {deviceName} is not what its agent sent, the last time"
                    + " {differingBytes} from offset {offset} on; it does not count as consistent",
            "Have the disk compared again, which sends what differs (RESCAN_VOLUMES, or: source rescan {sourceServerId}), and find out what"
                    + " else writes to the volume."),
    SERVER_DRAINED(
            ERROR,
            null,
            "this server was drained at {since} and opens no session any more",
            "Replace this server, or start it again if it is to go on."),
    SERVER_CHECK_FAILED(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_BOOT_REPLICATION_SERVER,
            "this server looked at itself when it started, and found: {reason}",
            "{fix} Then start the server again."),
    CONTROL_PLANE_NOT_AUTHENTICATED(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_AUTHENTICATE_WITH_SERVICE,
            "this server has not been authenticated by the control plane for {seconds}: {reason}; tried again {nextAttempt}",
            null),
    AGENT_REFUSED(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER,
            "the agent at {address} was refused {seconds} ago with {error}: {reason}",
            "VERSION: update the agent. FORBIDDEN: assign the disk, or accept the agents. SHUTDOWN: wait. Otherwise look at its log."),
    AGENT_NOT_SEEN(
            ERROR,
            DataReplicationErrorCode.AGENT_NOT_SEEN,
            "the agent has had no session for {seconds}, the last one ended so: {reason}",
            "Check that the source server and its agent run, and that TCP {port} to this server is open."),
    SERVER_PIN_REJECTED(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT,
            "a peer at {address} refused this server's certificate right after it saw it, {seconds} ago ({reason}): somebody intercepts"
                    + " TLS, or the agent holds a stale pin",
            "Exempt TCP {port} from TLS inspection; compare the pin that the agent holds with this server's."),
    AGENT_PIN_UNKNOWN(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT,
            "the certificate of a peer at {address} was refused {seconds} ago: {reason}",
            "If that is the agent of this source server, compare its pin with the assigned one, and its clock with this server's."),
    AGENT_NEVER_CONNECTED(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER,
            "no session of the agent has been opened in {seconds}",
            "Check that the agent runs, and that security groups, network ACLs and firewalls let TCP {port} from it through."),
    NO_FIRST_BYTE(
            ERROR,
            DataReplicationErrorCode.FAILED_TO_START_DATA_TRANSFER,
            "the agent has had a session for {seconds} and no byte of a disk is durable yet",
            "Look at the agent's log: it may be waiting for a snapshot or a mark of its disks."),
    STALLED(
            ERROR,
            null,
            "work has waited for {seconds} and no byte became durable; {percent} % of that time went to {where}",
            null),
    NOT_CONVERGING(
            ERROR,
            DataReplicationErrorCode.NOT_CONVERGING,
            "the backlog of {backloggedBytes} grows: {arrivingBytesPerSecond} are written on the source and {durableBytesPerSecond} become"
                    + " durable, over {windowSeconds}; {percent} % of the lag went to {where}",
            null),
    DISK_NOT_OFFERED(
            ERROR,
            null,
            "disk {deviceName} is assigned to volume {volumeId}, and the agent's session is without it",
            "Give the disk to the agent, or take its volume away (with local assignments: assign --source-server-id {sourceServerId}"
                    + " --remove-volume {volumeId})."),
    SNAPSHOTS_FAILURE(
            ERROR,
            DataReplicationErrorCode.SNAPSHOTS_FAILURE,
            "{failures}, since {since}, no snapshot group came about; replication goes on; the last time so: {reason}",
            null),
    UNSTABLE_NETWORK(
            WARNING,
            DataReplicationErrorCode.UNSTABLE_NETWORK,
            "{disconnects} sessions were lost within {windowSeconds}, the last one so: {reason}",
            "Look for what cuts TCP {port}: firewalls with short timeouts, VPN, load balancers, an overloaded source server."),
    CONTROL_PLANE_UNREACHABLE(
            WARNING,
            null,
            "the control plane has not been reached for {seconds}: {reason}; tried again {nextAttempt};"
                    + " replication goes on, what is to be told is kept",
            null),
    CONTROL_PLANE_THROTTLED(
            WARNING,
            null,
            "the control plane has turned calls away as too many for {seconds}: {reason}; tried again {nextAttempt};"
                    + " replication goes on, what is to be told is kept",
            null),
    CONTROL_PLANE_SERVER_ERROR(
            WARNING,
            null,
            "the control plane has failed to answer calls for {seconds}: {reason}; tried again {nextAttempt};"
                    + " replication goes on, what is to be told is kept",
            null),
    CONTROL_PLANE_BAD_ANSWER(
            WARNING,
            null,
            "what answers as the control plane has not spoken its API for {seconds}: {reason}; tried again {nextAttempt};"
                    + " replication goes on, what is to be told is kept",
            null),
    SOFTWARE_NOT_FETCHED(
            WARNING,
            DataReplicationErrorCode.FAILED_TO_DOWNLOAD_REPLICATION_SOFTWARE,
            "software {object} was not fetched {seconds} ago, {kind}: {reason}; replication goes on, what is installed is as it was",
            null),
    RECORD_LOST(
            WARNING,
            null,
            "what was kept of this source server cannot be read ({reason}), so all of its disks are sent again",
            "Nothing for this time; look at the file system of the state directory."),
    BACKLOG(
            WARNING,
            null,
            "the replica is {lagSeconds} behind with {backloggedBytes} to come; {percent} % of the lag went to {where}",
            null),
    VOLUME_AWAITED(
            INFO,
            null,
            "volume {volumeId} of disk {deviceName} has been waited for {seconds}: {reason} ({path})",
            "Attach the volume to this instance; it is opened as soon as it appears."),
    RESCAN(
            INFO,
            null,
            "{disks} of {allDisks} disks are compared with their volumes or sent again ({reason}), {doneBytes} of"
                    + " {totalBytes} are done",
            "Nothing, as long as it progresses."),
    REPLICATION_PAUSED(
            INFO,
            null,
            "the control plane has wanted replication paused since {since}; the agent keeps what it has to send",
            "RESUME_REPLICATION goes on from there."),
    REPLICATION_STOPPED(
            INFO,
            null,
            "the control plane has wanted replication stopped since {since}",
            "START_REPLICATION begins it, or goes on where it was stopped.");

    final Severity severity;

    /** What is published of it, or null where no published error says that. */
    final @Nullable DataReplicationErrorCode error;

    /** With names of facts in braces. */
    final String sentence;

    /** Null where it is that of the stage with the largest share, of what the control plane was found to be, or of what failed. */
    final @Nullable String nextAction;

    ExplanationCode(
            Severity severity, @Nullable DataReplicationErrorCode error, String sentence, @Nullable String nextAction) {
        this.severity = severity;
        this.error = error;
        this.sentence = sentence;
        this.nextAction = nextAction;
    }

    Explanation explain(Facts facts) {
        return explain(facts, "");
    }

    /** {@code otherAction} is taken where the row has no next action of its own. */
    Explanation explain(Facts facts, String otherAction) {
        return new Explanation(
                this,
                severity,
                Explanation.fill(sentence, facts.asMap()),
                facts.asMap(),
                nextAction == null ? otherAction : Explanation.fill(nextAction, facts.asMap()));
    }
}
