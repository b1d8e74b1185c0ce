package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The agent's state machine, a server model, a network and disks, all in virtual time on the test's thread. */
final class Simulation implements AgentIo, ModelServer.World {
    private static final int WRITABLE_BYTES_MAX = 512 * 1024;

    private record Event(long atNanos, long order, Runnable action) {}

    final long seed;
    final Random random;
    final ModelServer server;
    final HeapFrames frames = new HeapFrames();
    final List<byte[]> disks = new ArrayList<>();
    final List<AgentEvent> events = new ArrayList<>();

    /** What becomes of a connection while the server is down. */
    LinkFailure whenDown = LinkFailure.lost("refused");

    final List<Long> connectNanos = new ArrayList<>();
    private final BlockPreparer preparer = new BlockPreparer(frames);
    private final PriorityQueue<Event> queue = new PriorityQueue<>((a, b) ->
            a.atNanos() != b.atNanos() ? Long.compare(a.atNanos(), b.atNanos()) : Long.compare(a.order(), b.order()));
    private final Replication replication;
    private long nowNanos = 1;
    private long order;

    @Nullable
    AgentOutcome outcome;

    // what a test may turn
    boolean markFails;
    boolean readFails;
    long readMillisMax = 3;
    long networkBytesPerSecond = Long.MAX_VALUE;

    boolean freezeHangs;

    /** Numbers of disks that are not there. */
    final Set<Integer> gone = new HashSet<>();

    /** Of which a read fails; of all if {@link #readFails}. */
    int unreadable = -1;

    /** Numbers of disks that do not answer. */
    final Set<Integer> silent = new HashSet<>();

    /** Those of them that were waited for: of these it is said at once that they do not answer. */
    private final Set<Integer> awaited = new HashSet<>();

    int looks;

    /** Disks that can be looked at only while the source is open. */
    boolean hidden;

    // the source
    private final boolean marked;
    private final boolean quiet;
    private boolean sourceClosed = true;
    private boolean sourceOpen;
    private int readsUnderWay;
    private boolean markCutShort;
    private @Nullable Runnable freezing;

    // what a test looks at
    boolean frozen;
    int freezes;
    int thaws;
    List<byte[]> atMark = new ArrayList<>();
    boolean consistentCommits;
    int commitsCompared;
    int goAwaysSent;
    private int currentSession;

    Simulation(long seed, ModelServer.Settings settings, ReplicationPlan plan) {
        this.seed = seed;
        this.random = new Random(seed);
        this.marked = plan.marked();
        this.quiet = plan.quietSource();
        this.server = new ModelServer(settings, this, new Random(seed + 1));
        for (ReplicationPlan.Disk disk : plan.disks()) {
            byte[] content = new byte[(int) disk.sizeBytes()];
            disks.add(content);
            server.addVolume(disk.deviceName(), content.length);
        }
        this.replication = new Replication(plan, this, new Random(seed + 2));
        tick();
    }

    static ReplicationPlan plan(int cycles, boolean quiet, boolean marked, ReplicationPlan.Disk... disks) {
        return plan(cycles, TimeUnit.MILLISECONDS.toNanos(500), quiet, marked, disks);
    }

    static ReplicationPlan plan(
            int cycles, long cyclePauseNanos, boolean quiet, boolean marked, ReplicationPlan.Disk... disks) {
        return new ReplicationPlan(
                "s-1",
                "sha256:" + "ab".repeat(32),
                "00000000000000000000000000000001",
                4,
                List.of(disks),
                cycles,
                cyclePauseNanos,
                0,
                quiet,
                marked,
                true,
                0,
                ServerLookup.Change.NOTHING);
    }

    /** The same plan, with verifications. */
    static ReplicationPlan verifying(ReplicationPlan plan, long verifyNanos) {
        return new ReplicationPlan(
                plan.sourceServerId(),
                plan.agentPin(),
                plan.instance(),
                plan.streams(),
                plan.disks(),
                plan.cycles(),
                plan.cyclePauseNanos(),
                verifyNanos,
                plan.quietSource(),
                plan.marked(),
                plan.grease(),
                plan.connectTimeoutNanos(),
                plan.serverMayChange());
    }

    /** Whether nobody may change the disks. */
    boolean isQuiet() {
        return quiet;
    }

    void cycleNow() {
        replication.cycleNow();
    }

    Replication replication() {
        return replication;
    }

    // --- running

    private void tick() {
        if (outcome == null) {
            replication.tick(nowNanos);
            later(TimeUnit.MILLISECONDS.toNanos(100), this::tick);
        }
    }

    /** Runs until the condition holds; fails when it does not within the given virtual time. */
    void runUntil(String what, long seconds, BooleanSupplier condition) {
        long endNanos = nowNanos + TimeUnit.SECONDS.toNanos(seconds);
        while (!condition.getAsBoolean()) {
            Event event = queue.poll();
            if (event == null || event.atNanos() > endNanos) {
                throw new AssertionError("seed " + seed + ": not within " + seconds + " s: " + what + "; "
                        + replication.report() + "; " + events);
            }
            nowNanos = Math.max(nowNanos, event.atNanos());
            try {
                event.action().run();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + " at " + nowNanos + ": " + e.getMessage(), e);
            }
        }
    }

    void runFor(long seconds) {
        long endNanos = nowNanos + TimeUnit.SECONDS.toNanos(seconds);
        later(TimeUnit.SECONDS.toNanos(seconds), () -> {});
        runUntil("time passes", seconds + 1, () -> nowNanos >= endNanos);
    }

    void runToEnd(long seconds) {
        runUntil("the end", seconds, () -> outcome != null);
    }

    // --- disks

    /** Fills the disks; so many blocks in ten stay zero. */
    void fillDisks(int zerosInTen) {
        for (byte[] disk : disks) {
            for (int at = 0; at < disk.length; at += BlockLayout.BLOCK_BYTES) {
                if (random.nextInt(10) >= zerosInTen) {
                    scribble(disk, at);
                }
            }
        }
    }

    /** The disk has another size from now on; what is new of it is noise. */
    void resize(int disk, int newBytes) {
        byte[] before = disks.get(disk);
        byte[] after = Arrays.copyOf(before, newBytes);
        disks.set(disk, after);
        for (int at = before.length; at < newBytes; at += BlockLayout.BLOCK_BYTES) {
            scribbleAt(disk, at);
        }
    }

    /** Other content for the whole block at a place. */
    void scribbleAt(int disk, int at) {
        byte[] noise = new byte[Math.min(BlockLayout.BLOCK_BYTES, disks.get(disk).length - at)];
        random.nextBytes(noise);
        System.arraycopy(noise, 0, disks.get(disk), at, noise.length);
    }

    private void scribble(byte[] disk, int at) {
        int bytes = Math.min(BlockLayout.BLOCK_BYTES, disk.length - at);
        byte[] noise = new byte[random.nextBoolean() ? bytes : Math.min(bytes, 700)];
        random.nextBytes(noise);
        System.arraycopy(noise, 0, disk, at, noise.length);
    }

    /** Changes some blocks, or makes them zero; not while the source is frozen. */
    void mutate(int blocks) {
        if (frozen) {
            return;
        }
        for (int i = 0; i < blocks; i++) {
            byte[] disk = disks.get(random.nextInt(disks.size()));
            int at = random.nextInt((disk.length + BlockLayout.BLOCK_BYTES - 1) / BlockLayout.BLOCK_BYTES)
                    * BlockLayout.BLOCK_BYTES;
            if (random.nextInt(4) == 0) {
                Arrays.fill(disk, at, Math.min(disk.length, at + BlockLayout.BLOCK_BYTES), (byte) 0);
            } else {
                scribble(disk, at);
            }
        }
    }

    boolean isIdentical() {
        for (int i = 0; i < disks.size(); i++) {
            if (!server.allVolumes.get(i).equalsContent(disks.get(i))) {
                return false;
            }
        }
        return true;
    }

    List<byte[]> copyOfDisks() {
        return disks.stream().map(byte[]::clone).toList();
    }

    // --- what the agent wants

    @Override
    public long nanoTime() {
        return nowNanos;
    }

    @Override
    public long wallMillis() {
        return 1_790_000_000_000L + TimeUnit.NANOSECONDS.toMillis(nowNanos);
    }

    @Override
    public void connect(AgentLink link) {
        connectNanos.add(nowNanos);
        Wire wire = new Wire(link);
        later(delay(), () -> {
            if (server.isUp()) {
                wire.open();
            } else {
                link.closed(whenDown);
            }
        });
    }

    @Override
    public void read(DiskRead read) {
        check(sourceOpen, "a read while the source is not open");
        readsUnderWay++;
        later(millis(random.nextLong(readMillisMax + 1)), () -> {
            readsUnderWay--;
            if (readFails || read.disk() == unreadable) {
                read.fail("the disk is gone");
            } else {
                ByteBuffer copy = ByteBuffer.allocate(read.bytes());
                copy.put(disks.get(read.disk()), (int) read.offsetBytes(), read.bytes())
                        .flip();
                preparer.prepare(read, copy);
            }
            replication.readDone(read);
        });
    }

    @Override
    public void lookAtSource() {
        looks++;
        later(answerNanos(), () -> {
            List<DiskLook> seen = hidden && !sourceOpen
                    ? Collections.nCopies(disks.size(), DiskLook.unreadable("not there yet"))
                    : looks();
            replication.sourceSeen(seen);
        });
    }

    private long answerNanos() {
        awaited.retainAll(silent);
        return awaited.addAll(silent) ? DiskOpening.PATIENCE.toNanos() : millis(2);
    }

    private DiskLook look(int disk) {
        if (silent.contains(disk)) {
            return DiskLook.silent("not within 10 s");
        }
        return gone.contains(disk)
                ? DiskLook.unreadable("the disk is gone")
                : DiskLook.readable(disks.get(disk).length, 512);
    }

    private List<DiskLook> looks() {
        return IntStream.range(0, disks.size()).mapToObj(this::look).toList();
    }

    @Override
    public void openSource() {
        check(sourceClosed, "the source is opened twice");
        sourceClosed = false;
        if (marked) {
            freezes++;
        }
        if (marked && freezeHangs && !markCutShort) {
            freezing = () -> openedSource(false);
        } else {
            later(answerNanos() + millis(3), () -> openedSource(!marked || !(markFails || markCutShort)));
        }
    }

    private void openedSource(boolean succeeded) {
        if (marked && succeeded) {
            frozen = true;
            atMark = copyOfDisks();
        }
        if (marked && !succeeded) {
            thaws++;
        }
        sourceOpen = true;
        replication.sourceOpened(new SourceOpening(succeeded, succeeded ? null : "freeze failed", looks()));
    }

    @Override
    public void closeSource() {
        check(sourceOpen, "a source is closed that is not open");
        check(readsUnderWay == 0, readsUnderWay + " reads are under way in a source that is closed");
        sourceOpen = false;
        later(millis(5), () -> {
            if (frozen) {
                frozen = false;
                thaws++;
            }
            sourceClosed = true;
            replication.sourceClosed(null);
        });
    }

    @Override
    public void cutMarkShort() {
        markCutShort = true;
        Runnable hanging = freezing;
        if (hanging != null) {
            freezing = null;
            later(millis(1), hanging);
        }
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    @Override
    public void event(AgentEvent event) {
        events.add(event);
    }

    @Override
    public void ended(AgentOutcome how) {
        outcome = how;
    }

    // --- what the server wants

    @Override
    public long nowNanos() {
        return nowNanos;
    }

    @Override
    public void later(long delayNanos, Runnable action) {
        queue.add(new Event(nowNanos + delayNanos, order++, action));
    }

    @Override
    public void committed(long epoch, boolean fuzzy, List<ModelVolume> of) {
        if (consistentCommits && !fuzzy) {
            List<byte[]> expected = atMark.isEmpty() ? disks : atMark;
            for (int i = 0; i < disks.size(); i++) {
                ModelVolume volume = server.allVolumes.get(i);
                if (of.contains(volume) && !volume.equalsContent(expected.get(i))) {
                    throw new AssertionError("epoch " + epoch + " is not the source at its mark: disk " + i + " "
                            + volume.firstDifference(expected.get(i)) + " " + events);
                }
            }
            commitsCompared++;
        }
    }

    @Override
    public void goAwaySent() {
        goAwaysSent++;
    }

    private long delay() {
        return millis(random.nextLong(4)) + 1;
    }

    private static long millis(long millis) {
        return TimeUnit.MILLISECONDS.toNanos(millis);
    }

    /** One connection: bytes in order, in pieces, each way. */
    private final class Wire implements LinkTransport {
        private final AgentLink link;
        private final ModelConnection peer;
        private final ArrayList<byte[]> unsent = new ArrayList<>();
        private long toServerNanos;
        private long toAgentNanos;
        private int onTheWayBytes;
        private boolean ended;

        Wire(AgentLink link) {
            this.link = link;
            this.peer = new ModelConnection(server, this::deliver, () -> arrive(this::closedByServer));
        }

        void open() {
            if (link instanceof ControlLink) {
                currentSession++;
            }
            server.add(peer);
            link.opened(this);
        }

        @Override
        public void write(ByteBuffer frame) {
            byte[] bytes = new byte[frame.remaining()];
            frame.get(frame.position(), bytes);
            keep(bytes);
        }

        @Override
        public void write(FrameBuffer frame) {
            write(frame.bytes());
            frame.release();
        }

        private void keep(byte[] bytes) {
            int type = bytes[4];
            if ((type == 0x61 || type == 0x62) && goAwayHeardBySession == currentSession) {
                throw new AssertionError("a block after GOAWAY");
            }
            unsent.add(bytes);
            onTheWayBytes += bytes.length;
        }

        @Override
        public void flush() {
            for (byte[] bytes : unsent) {
                int cut = random.nextInt(bytes.length + 1);
                send(Arrays.copyOf(bytes, cut));
                send(Arrays.copyOfRange(bytes, cut, bytes.length));
            }
            unsent.clear();
        }

        private void send(byte[] piece) {
            long transferNanos = TimeUnit.SECONDS.toNanos(piece.length) / networkBytesPerSecond;
            toServerNanos = Math.max(toServerNanos, nowNanos + delay()) + transferNanos;
            later(toServerNanos - nowNanos, () -> {
                boolean wasFull = !isWritable();
                onTheWayBytes -= piece.length;
                peer.received(piece);
                if (wasFull && isWritable() && !ended) {
                    link.writable();
                }
            });
        }

        @Override
        public boolean isWritable() {
            return onTheWayBytes < WRITABLE_BYTES_MAX;
        }

        @Override
        public boolean isDrained() {
            return isWritable();
        }

        @Override
        public void end() {
            flush();
            ended = true;
            toServerNanos = Math.max(toServerNanos, nowNanos + delay());
            later(toServerNanos - nowNanos, peer::peerClosed);
        }

        private void deliver(byte[] bytes) {
            boolean goAway = bytes[4] == 0x41;
            arrive(() -> {
                if (!ended) {
                    if (goAway) {
                        goAwayHeardBySession = currentSession;
                    }
                    link.received(ByteBuffer.wrap(bytes));
                }
            });
        }

        private void closedByServer() {
            if (!ended) {
                ended = true;
                link.closed(LinkFailure.lost("closed by the server"));
            }
        }

        private void arrive(Runnable what) {
            toAgentNanos = Math.max(toAgentNanos, nowNanos + delay());
            later(toAgentNanos - nowNanos, what);
        }
    }

    private int goAwayHeardBySession = -1;
}
