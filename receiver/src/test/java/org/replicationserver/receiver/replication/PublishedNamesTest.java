package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The names that the public model has published, written down once more. */
class PublishedNamesTest {
    private static List<String> words(String text) {
        return List.of(text.strip().split("\\s+"));
    }

    private static List<String> names(Enum<?>[] constants) {
        return Stream.of(constants).map(Enum::name).toList();
    }

    @Test
    void statesAreThosePublished() {
        assertThat(names(DataReplicationState.values())).containsExactlyInAnyOrderElementsOf(words("""
                        STOPPED INITIATING INITIAL_SYNC BACKLOG CREATING_SNAPSHOT CONTINUOUS PAUSED RESCAN STALLED DISCONNECTED
                        PENDING_SNAPSHOT_SHIPPING SHIPPING_SNAPSHOT"""));
    }

    @Test
    void stepsAreThosePublishedInTheirOrder() {
        assertThat(names(InitiationStepName.values())).isEqualTo(words("""
                        WAIT CREATE_SECURITY_GROUP LAUNCH_REPLICATION_SERVER BOOT_REPLICATION_SERVER AUTHENTICATE_WITH_SERVICE
                        DOWNLOAD_REPLICATION_SOFTWARE CREATE_STAGING_DISKS ATTACH_STAGING_DISKS PAIR_REPLICATION_SERVER_WITH_AGENT
                        CONNECT_AGENT_TO_REPLICATION_SERVER START_DATA_TRANSFER SETUP_FSX_PROXY"""));
        assertThat(names(InitiationStepStatus.values()))
                .isEqualTo(words("NOT_STARTED IN_PROGRESS SUCCEEDED FAILED SKIPPED"));
    }

    @Test
    void errorsAreThosePublished() {
        assertThat(names(DataReplicationErrorCode.values())).hasSize(18).isEqualTo(words("""
                        AGENT_NOT_SEEN SNAPSHOTS_FAILURE NOT_CONVERGING UNSTABLE_NETWORK FAILED_TO_CREATE_SECURITY_GROUP
                        FAILED_TO_LAUNCH_REPLICATION_SERVER FAILED_TO_BOOT_REPLICATION_SERVER FAILED_TO_AUTHENTICATE_WITH_SERVICE
                        FAILED_TO_DOWNLOAD_REPLICATION_SOFTWARE FAILED_TO_CREATE_STAGING_DISKS FAILED_TO_ATTACH_STAGING_DISKS
                        FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER
                        FAILED_TO_START_DATA_TRANSFER UNSUPPORTED_VM_CONFIGURATION LAST_SNAPSHOT_JOB_FAILED FAILED_TO_SETUP_FSX_PROXY
                        FAILED_TO_CREATE_FSX_SNAPSHOT"""));
    }
}
