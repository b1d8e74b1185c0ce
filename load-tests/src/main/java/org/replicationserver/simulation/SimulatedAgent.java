package org.replicationserver.simulation;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentEvent;
import org.replicationserver.agent.AgentIo;
import org.replicationserver.agent.AgentLink;
import org.replicationserver.agent.AgentOutcome;
import org.replicationserver.agent.BlockPreparer;
import org.replicationserver.agent.DiskRead;
import org.replicationserver.agent.FrameBuffer;
import org.replicationserver.agent.Replication;
import org.replicationserver.agent.ReplicationPlan;
import org.replicationserver.agent.SourceOpening;

/** One process of the agent: the shipped state machine, from its start until it is killed or done. */
final class SimulatedAgent implements AgentIo {
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long READ_NANOS = 200_000;
    private static final long MARK_MILLIS_MAX = 50;

    private final ReplicatedSource of;
    private final SimulatedSource source;
    private final SimulatedProcess process;
    private final Dice dice;
    private final boolean marked;
    private final BlockPreparer preparer = new BlockPreparer(SimulatedAgent::allocate);
    private final Replication replication;
    private List<byte[]> mark;
    private @Nullable AgentOutcome outcome;

    SimulatedAgent(ReplicatedSource of, SimulatedSource source, ReplicationPlan plan, Dice dice) {
        this.of = of;
        this.source = source;
        this.dice = dice;
        this.marked = plan.marked();
        this.mark = source.mark();
        this.process = new SimulatedProcess(of.time(), dice.fork());
        this.replication = new Replication(plan, this, dice.fork().generator());
        source.thaw(); // what a killed agent left behind
        process.every(TICK_NANOS, () -> replication.tick(nanoTime()));
    }

    SimulatedProcess process() {
        return process;
    }

    /** Somebody else had the source meanwhile: what is read from now on is of no mark. */
    void forgetMark() {
        mark = List.of();
    }

    /** The disks as they were at the newest mark; none if nobody knows. */
    List<byte[]> mark() {
        return mark;
    }

    void stop() {
        replication.stop();
    }

    @Nullable
    AgentOutcome outcome() {
        return outcome;
    }

    @Override
    public long nanoTime() {
        return of.time().nanos();
    }

    @Override
    public long wallMillis() {
        return of.time().millis();
    }

    @Override
    public void connect(AgentLink link) {
        of.connect(link, process);
    }

    @Override
    public void read(DiskRead read) {
        process.later(dice.skewed(READ_NANOS), () -> {
            byte[] disk = source.disks().get(read.disk());
            ByteBuffer copy = ByteBuffer.allocate(read.bytes());
            copy.put(disk, (int) read.offsetBytes(), read.bytes()).flip();
            preparer.prepare(read, copy);
            replication.readDone(read);
        });
    }

    /** They are as large as they were. */
    @Override
    public void lookAtSource() {
        process.later(READ_NANOS, () -> replication.sourceSeen(List.of()));
    }

    @Override
    public void openSource() {
        process.later(dice.millisUpTo(MARK_MILLIS_MAX), () -> {
            if (marked) {
                source.freeze();
            }
            mark = source.mark();
            replication.sourceOpened(SourceOpening.STILL);
        });
    }

    @Override
    public void closeSource() {
        process.later(dice.millisUpTo(MARK_MILLIS_MAX), () -> {
            source.thaw();
            replication.sourceClosed(null);
        });
    }

    @Override
    public void cutMarkShort() {}

    @Override
    public void event(AgentEvent event) {
        of.tell(() -> "agent: " + event.text());
    }

    @Override
    public void ended(AgentOutcome how) {
        outcome = how;
        of.tell(() -> "agent ends: " + how);
        process.kill();
        source.thaw();
        of.agentEnded(how);
    }

    private static FrameBuffer allocate(int bytes) {
        ByteBuffer memory = ByteBuffer.allocate(bytes);
        return new FrameBuffer() {
            @Override
            public ByteBuffer bytes() {
                return memory;
            }

            @Override
            public void release() {}
        };
    }
}
