package org.replicationserver.receiver.replication;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.replicationserver.receiver.replication.DataReplicationInfo.DataReplicationInitiation;
import org.replicationserver.receiver.replication.DataReplicationInfo.InitiationStep;

/** How far an initiation has come, read from what the other parts know. Event loop only. */
final class InitiationSteps {
    private final ReplicationSettings settings;
    private final DiskSet disks;
    private final AgentPresence agent;
    private final ControlPlaneLink controlPlane;
    private final BooleanSupplier hasServerTrouble;
    private final SoftwareLink software;

    InitiationSteps(
            ReplicationSettings settings,
            DiskSet disks,
            AgentPresence agent,
            ControlPlaneLink controlPlane,
            SoftwareLink software,
            BooleanSupplier hasServerTrouble) {
        this.settings = settings;
        this.disks = disks;
        this.agent = agent;
        this.controlPlane = controlPlane;
        this.hasServerTrouble = hasServerTrouble;
        this.software = software;
    }

    /**
     * All steps in their order: those that are done or have failed say so; the others are in progress as long as all before them are
     * done, and have not started otherwise.
     *
     * @param transferring whether a byte was ever durable
     */
    DataReplicationInitiation at(Moment now, long startMillis, boolean transferring) {
        List<InitiationStep> steps = new ArrayList<>();
        boolean reached = true;
        for (InitiationStepName name : InitiationStepName.values()) {
            InitiationStepStatus status = seen(name, now, transferring);
            if (status == InitiationStepStatus.IN_PROGRESS && !reached) {
                status = InitiationStepStatus.NOT_STARTED;
            }
            reached &= status == InitiationStepStatus.SUCCEEDED || status == InitiationStepStatus.SKIPPED;
            steps.add(new InitiationStep(name, status));
        }
        return new DataReplicationInitiation(Instant.ofEpochMilli(startMillis), null, steps);
    }

    /** Of a step by itself; IN_PROGRESS is what is neither done nor failed. */
    private InitiationStepStatus seen(InitiationStepName name, Moment now, boolean transferring) {
        return switch (name) {
            // All this is done elsewhere, and done, since this server runs.
            case WAIT, CREATE_SECURITY_GROUP, LAUNCH_REPLICATION_SERVER, CREATE_STAGING_DISKS ->
                InitiationStepStatus.SUCCEEDED;
            // It runs; whether it can be found and used is known a few seconds later.
            case BOOT_REPLICATION_SERVER -> step(!hasServerTrouble.getAsBoolean(), true);
            // This server knows no FSx.
            case SETUP_FSX_PROXY -> InitiationStepStatus.SKIPPED;
            case DOWNLOAD_REPLICATION_SOFTWARE -> software.step();
            case AUTHENTICATE_WITH_SERVICE -> controlPlane.step(now);
            case ATTACH_STAGING_DISKS ->
                step(disks.areAvailable(), disks.isMissing(now, settings.volumeMissingAfter()));
            // The assignment has the agent's pin, and the agent was given this server's: a handshake may show that one
            // is wrong. Once they were right, a refused handshake is rather a stranger's.
            case PAIR_REPLICATION_SERVER_WITH_AGENT ->
                step(agent.hadSession() || agent.refusedHandshake(now) == null, true);
            case CONNECT_AGENT_TO_REPLICATION_SERVER ->
                step(agent.hadSession(), agent.refusedHello(now) != null || agent.isOverdue(now));
            case START_DATA_TRANSFER -> step(transferring, agent.isOpenFor(now, settings.firstByteAfter()));
        };
    }

    private static InitiationStepStatus step(boolean done, boolean failed) {
        if (done) {
            return InitiationStepStatus.SUCCEEDED;
        }
        return failed ? InitiationStepStatus.FAILED : InitiationStepStatus.IN_PROGRESS;
    }
}
