/**
 * Snapshot groups: one EBS snapshot of each volume of a source server, all of one committed epoch. {@code receiver/snapshot/README.md} is
 * normative: the sequence, the outcomes, the tags, what is kept.
 *
 * <p>Blocking calls on virtual threads; the data path meets this package only in {@link
 * org.replicationserver.receiver.snapshot.SnapshotHolds}. The control plane is behind {@link
 * org.replicationserver.receiver.snapshot.SnapshotDesk}.
 */
@NullMarked
package org.replicationserver.receiver.snapshot;

import org.jspecify.annotations.NullMarked;
