package org.replicationserver.simulation;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.server.ReportedRecord;
import org.replicationserver.receiver.session.SourceRecord;

/**
 * What a control plane does with the records of a source server: it keeps what the server of that has reported last, and gives it to whoever has the
 * volumes next, or again. Reports come late, in their order, and not at all from a server that has lost the volumes meanwhile.
 */
final class SimulatedControlPlane {
    private static final long STORE_NANOS = 500_000;
    private static final long DELIVERY_MILLIS_MAX = 3_000;

    private final VirtualTime time;
    private final Dice dice;
    private final boolean present;
    private ReplicaModel.Site owner;
    private @Nullable SourceRecord last;
    private long deliveredNanos;

    /** @param present whether there is one: what only an administrator has assigned is reported to nobody */
    SimulatedControlPlane(VirtualTime time, boolean present, ReplicaModel.Site owner, Dice dice) {
        this.time = time;
        this.present = present;
        this.owner = owner;
        this.dice = dice;
    }

    /** A process of a server reports; that is lost if the process ends before it is stored, and comes some time if not. */
    void report(ReplicaModel.Site from, SimulatedProcess process, SourceRecord record) {
        SourceRecord reported = ReportedRecord.toSourceRecord(ReportedRecord.of(record));
        process.later(dice.skewed(STORE_NANOS), () -> {
            deliveredNanos = Math.max(deliveredNanos, time.nanos() + dice.millisUpTo(DELIVERY_MILLIS_MAX));
            time.at(deliveredNanos, () -> {
                if (present && from == owner) {
                    last = reported;
                }
            });
        });
    }

    /** The volumes are this server's from now on. */
    void assignTo(ReplicaModel.Site site) {
        owner = site;
    }

    /** What was reported last, or null. */
    @Nullable
    SourceRecord last() {
        return last;
    }
}
