package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.fuzz.SealedFrames;

/**
 * What a server sends to the agent, which is the shipped one with a small disk of zeros and an empty network. An input is a row of
 * steps: a byte that says which connection (of those that were opened, in their order; 255: time passes), two bytes of length,
 * little-endian, and so many bytes of frames, which get the seq and checksum that the connection wants next.
 *
 * <p>Rules: whatever a server says, the agent goes on, ends the session or ends; it never fails by itself, and frames that it takes are not
 * kept when the session is over.
 */
public final class ServerFrames implements FuzzTarget {
    private static final int STEP_BYTES = 3;
    private static final int TIME_PASSES = 255;
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final int STEPS_MAX = 64;
    private static final int TASKS_MAX = 10_000;
    private static final long DISK_BYTES = 1 << 20;

    private static final ReplicationPlan PLAN = new ReplicationPlan(
            "s-1",
            "sha256:" + "ab".repeat(32),
            "00000000000000000000000000000001",
            2,
            List.of(new ReplicationPlan.Disk("/dev/sda", DISK_BYTES, 512)),
            ReplicationPlan.ENDLESS,
            TICK_NANOS,
            TICK_NANOS,
            true,
            false,
            false,
            0,
            ServerLookup.Change.NOTHING);

    @Override
    public long allocatedBytesMax(int inputBytes) {
        // The agent reads its disk, hashes it and makes frames of it, for each step at most once.
        return 16 * ALLOCATED_BYTES_MIN + STEPS_MAX * 2 * DISK_BYTES + ALLOCATED_PER_BYTE * inputBytes;
    }

    @Override
    public void run(byte[] input) {
        World world = new World();
        ByteBuffer steps = ByteBuffer.wrap(input).order(ByteOrder.LITTLE_ENDIAN);
        for (int step = 0; step < STEPS_MAX && steps.remaining() > STEP_BYTES && world.outcome == null; step++) {
            int connection = Byte.toUnsignedInt(steps.get());
            int bytes = Math.min(Short.toUnsignedInt(steps.getShort()), steps.remaining());
            byte[] frames = new byte[bytes];
            steps.get(frames);
            if (connection == TIME_PASSES) {
                world.tick(1 + bytes);
            } else {
                world.receive(connection, frames);
            }
        }
        world.end();
    }

    /** The agent and all around it. */
    private static final class World implements AgentIo {
        private final Deque<Runnable> tasks = new ArrayDeque<>();
        private final List<Wire> wires = new ArrayList<>();
        private final BlockPreparer preparer = new BlockPreparer(this::allocate);
        private final Replication replication;
        private long nowNanos = 1;
        private int framesHeld;
        private int tasksDone;

        @Nullable
        AgentOutcome outcome;

        World() {
            replication = new Replication(PLAN, this, new Random(1));
            tick(1);
        }

        void tick(int times) {
            for (int i = 0; i < times && outcome == null; i++) {
                nowNanos += TICK_NANOS;
                replication.tick(nowNanos);
                runTasks();
            }
        }

        void receive(int connection, byte[] frames) {
            if (!wires.isEmpty()) {
                wires.get(connection % wires.size()).receive(frames);
                runTasks();
            }
        }

        private void runTasks() {
            for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
                task.run();
                Rules.require(++tasksDone < TASKS_MAX, "a server's frames make a bounded number of steps of the agent");
            }
        }

        /** An agent that is told to stop ends. */
        void end() {
            if (outcome == null) {
                replication.stop();
                runTasks();
                for (int i = 0; i < wires.size(); i++) {
                    wires.get(i).close();
                    runTasks();
                }
                tick(100);
            }
            Rules.require(outcome != null, "an agent that is stopped, and whose connections are gone, ends");
            runTasks();
            Rules.require(framesHeld == 0, "frames are not kept when the session is over");
        }

        @Override
        public long nanoTime() {
            return nowNanos;
        }

        @Override
        public long wallMillis() {
            return TimeUnit.NANOSECONDS.toMillis(nowNanos);
        }

        @Override
        public void connect(AgentLink link) {
            Wire wire = new Wire(link);
            wires.add(wire);
            tasks.add(wire::open);
        }

        @Override
        public void read(DiskRead read) {
            tasks.add(() -> {
                preparer.prepare(read, ByteBuffer.allocate(read.bytes()));
                replication.readDone(read);
            });
        }

        @Override
        public void lookAtSource() {
            tasks.add(() -> replication.sourceSeen(List.of()));
        }

        @Override
        public void openSource() {
            tasks.add(() -> replication.sourceOpened(SourceOpening.STILL));
        }

        @Override
        public void closeSource() {
            tasks.add(() -> replication.sourceClosed(null));
        }

        @Override
        public void cutMarkShort() {}

        @Override
        public void event(AgentEvent event) {
            Rules.require(!event.text().isEmpty(), "an event says something");
        }

        @Override
        public void ended(AgentOutcome how) {
            outcome = how;
        }

        private FrameBuffer allocate(int bytes) {
            framesHeld++;
            ByteBuffer memory = ByteBuffer.allocate(bytes);
            return new FrameBuffer() {
                private boolean released;

                @Override
                public ByteBuffer bytes() {
                    Rules.require(!released, "a frame is not used after it was given back");
                    return memory;
                }

                @Override
                public void release() {
                    Rules.require(!released, "a frame is given back once");
                    released = true;
                    framesHeld--;
                }
            };
        }
    }

    /** A connection that takes everything and says what the input says. */
    private static final class Wire implements LinkTransport {
        private final AgentLink link;
        private long nextSeq = 1;
        private boolean ended;

        Wire(AgentLink link) {
            this.link = link;
        }

        void open() {
            link.opened(this);
        }

        void close() {
            if (!ended) {
                ended = true;
                link.closed(LinkFailure.lost("the connection is gone"));
            }
        }

        void receive(byte[] frames) {
            nextSeq = SealedFrames.seal(frames, nextSeq);
            if (!ended) {
                link.received(ByteBuffer.wrap(frames));
            }
        }

        @Override
        public void write(ByteBuffer frame) {}

        @Override
        public void write(FrameBuffer frame) {
            frame.release();
        }

        @Override
        public void flush() {}

        @Override
        public boolean isWritable() {
            return true;
        }

        @Override
        public boolean isDrained() {
            return true;
        }

        @Override
        public void end() {
            ended = true;
        }
    }
}
