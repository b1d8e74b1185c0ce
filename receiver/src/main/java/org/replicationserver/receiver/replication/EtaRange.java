package org.replicationserver.receiver.replication;

import java.time.Instant;

/** Between which moments the backlog will be gone if all goes on as it did. */
record EtaRange(Instant earliest, Instant latest) {}
