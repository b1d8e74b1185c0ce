package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.Children;
import org.replicationserver.process.RunException;
import org.replicationserver.process.Waiting;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * Volumes that are full, fail in a region, stall for a minute or are smaller than assigned. The trouble is told, the other volume of the
 * source and the other source go on, and when it is over all becomes equal.
 */
final class Storage extends Campaign {
    /** The first volume of the first source. */
    private static final int TROUBLED = 0;

    private static final int VOLUME_BYTES = 4 << 20;
    private static final int STREAMS = 2;
    private static final int BLOCKS_CHANGED = 16;
    private static final String TMPFS_TOO_SMALL = "size=2m";
    private static final String TMPFS_LARGE_ENOUGH = "size=16m";
    private static final Duration STALL = Duration.ofSeconds(60);
    /** Of connections that send nothing; the server ends those that are silent for 30 s. */
    private static final Duration PING_INTERVAL = Duration.ofSeconds(10);

    private static final Duration ACCEPT_TIMEOUT = Duration.ofSeconds(60);
    private static final int SECTOR_BYTES = 512;

    private enum Trouble {
        FULL_FILE_SYSTEM,
        FULL_BELOW_A_DEVICE,
        FAILED_REGION,
        STALL_OF_A_MINUTE,
        SMALLER_THAN_ASSIGNED;

        private String text() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    Storage() {
        super("storage", 60, "cases", true);
    }

    @Override
    @Nullable
    String missing(Workshop workshop) throws InterruptedException {
        if (!workshop.isRoot()) {
            return "mounts and loop devices need root";
        }
        return workshop.has("losetup") ? StorageDaemon.missing(workshop) : "losetup is not installed (package mount)";
    }

    @Override
    void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, RunException, ProtocolException {
        while (!tally.isComplete()) {
            Trouble trouble = Trouble.values()[tally.number() % Trouble.values().length];
            Path directory = workshop.directory().resolve(name() + "-" + tally.number());
            new Case(workshop, directory, workshop.random(tally.number())).run(trouble);
            tally.done(trouble.text());
        }
    }

    /** Something that was done to the machine and is undone by a command. */
    private record Undone(Workshop workshop, List<String> command) implements AutoCloseable {
        @Override
        public void close() throws IOException, RunException {
            workshop.undo(command.toArray(String[]::new));
        }
    }

    /** One server with two sources. */
    private static final class Case {
        private final Workshop workshop;
        private final Path directory;
        private final Random random;
        private final ServerProcess.Plan plan;

        /** Below it a file system may be mounted. */
        private final Path small;

        private final Path image;

        Case(Workshop workshop, Path directory, Random random) throws IOException {
            this.workshop = workshop;
            this.directory = directory;
            this.random = random;
            // Windows that hold a whole volume: one that has failed or stalls opens none any more.
            this.plan = workshop.plan(directory).set("memory.budget-bytes=64MiB");
            this.small = Files.createDirectories(
                    ServerProcess.imageDirectory(directory).resolve("small"));
            this.image = small.resolve("volume.img");
        }

        void run(Trouble trouble) throws IOException, InterruptedException, RunException, ProtocolException {
            switch (trouble) {
                case FULL_FILE_SYSTEM -> fullFileSystem();
                case FULL_BELOW_A_DEVICE -> fullBelowADevice();
                case FAILED_REGION -> failedRegion();
                case STALL_OF_A_MINUTE -> stall();
                case SMALLER_THAN_ASSIGNED -> smallerThanAssigned();
            }
        }

        private Path shown() {
            return ServerProcess.imageDirectory(directory).resolve("shown/volume.img");
        }

        private Undone mount() throws IOException, InterruptedException, RunException {
            workshop.run("mount", "-t", "tmpfs", "-o", TMPFS_TOO_SMALL, "tmpfs", small.toString());
            return new Undone(workshop, List.of("umount", "-l", small.toString()));
        }

        private void makeRoom() throws IOException, InterruptedException, RunException {
            workshop.run("mount", "-o", "remount," + TMPFS_LARGE_ENOUGH, small.toString());
        }

        private void makeImage(int bytes) throws IOException, InterruptedException, RunException {
            workshop.run("truncate", "-s", Integer.toString(bytes), image.toString());
        }

        private void fullFileSystem() throws IOException, InterruptedException, RunException, ProtocolException {
            try (Undone _ = mount()) {
                makeImage(VOLUME_BYTES);
                try (Running running = start(image)) {
                    running.failBy("ENOSPC");
                    makeRoom();
                    running.recover();
                }
            }
        }

        private void fullBelowADevice() throws IOException, InterruptedException, RunException, ProtocolException {
            try (Undone _ = mount()) {
                makeImage(VOLUME_BYTES);
                String device = workshop.run(Children.tool("losetup"), "--find", "--show", image.toString());
                limitRequests(device);
                try (Undone _ = new Undone(workshop, List.of(Children.tool("losetup"), "--detach", device));
                        Running running = start(Path.of(device))) {
                    // It depends on the kernel.
                    running.failBy("EIO", "ENOSPC");
                    makeRoom();
                    running.recover();
                }
            }
        }

        /**
         * Of a request of which its file has taken only a part, a loop device of Linux 6.18 says that all is written. So none is larger than a
         * block, and the file has room for a number of whole blocks.
         */
        private static void limitRequests(String device) throws IOException {
            Path limit = Path.of("/sys/block", Path.of(device).getFileName().toString(), "queue/max_sectors_kb");
            Files.writeString(limit, Integer.toString(DirtySource.BLOCK_BYTES / 1024));
        }

        private void failedRegion() throws IOException, InterruptedException, RunException, ProtocolException {
            Path shown = shown();
            makeImage(VOLUME_BYTES);
            int sector = random.nextInt(VOLUME_BYTES / SECTOR_BYTES);
            String driver = "driver=blkdebug,image=" + StorageDaemon.FILE + ",inject-error.0.event=none"
                    + ",inject-error.0.iotype=write,inject-error.0.errno=5,inject-error.0.sector=" + sector;
            StorageDaemon failing = StorageDaemon.show(workshop, image, shown, driver, List.of());
            try (Running running = start(shown)) {
                try (failing) {
                    running.failBy("EIO");
                }
                try (StorageDaemon _ = StorageDaemon.show(workshop, image, shown, null, List.of())) {
                    running.recover();
                }
            }
        }

        private void stall() throws IOException, InterruptedException, RunException, ProtocolException {
            Path shown = shown();
            makeImage(VOLUME_BYTES);
            try (StorageDaemon daemon = StorageDaemon.show(workshop, image, shown, null, List.of());
                    Running running = start(shown)) {
                running.stall(daemon);
            }
        }

        private void smallerThanAssigned() throws IOException, InterruptedException, RunException, ProtocolException {
            makeImage(VOLUME_BYTES - DirtySource.BLOCK_BYTES);
            try (Running running = start(image)) {
                running.requireRefused();
                makeImage(VOLUME_BYTES);
                running.awaitAccepted();
                running.converge();
            }
        }

        private Running start(Path troubled) throws IOException, InterruptedException {
            TestSource source =
                    TestSource.of(directory, "s-1", VOLUME_BYTES, VOLUME_BYTES).onDevice(troubled);
            TestSource other = TestSource.of(directory, "s-2", VOLUME_BYTES);
            return new Running(
                    this,
                    source,
                    plan.start(source, other),
                    new Replication(source, new DirtySource(2, VOLUME_BYTES), STREAMS),
                    new Replication(other, new DirtySource(1, VOLUME_BYTES), STREAMS));
        }
    }

    /** The server while the trouble lasts. */
    private record Running(
            Case one, TestSource source, ServerProcess server, Replication replication, Replication other)
            implements AutoCloseable {
        private void otherSourceGoesOn() throws IOException, InterruptedException, ProtocolException {
            other.converge(server, one.random, BLOCKS_CHANGED);
        }

        void failBy(String... errnos) throws IOException, InterruptedException, ProtocolException {
            try (RawAgent agent = replication.openSession(server)) {
                try {
                    replication.cycle(agent, () -> {});
                    throw new AssertionError("a volume that cannot take all has committed all");
                } catch (IOException e) {
                    FailedVolume.requireTold(e, TROUBLED, List.of(errnos));
                }
                FailedVolume.requireOthersGoOn(agent, TROUBLED);
                otherSourceGoesOn();
                agent.bye();
            }
            replication.assertNothingAcknowledgedIsMissing();
        }

        void recover() throws IOException, InterruptedException, ProtocolException {
            FailedVolume.reopen(one.workshop, one.plan, source, TROUBLED, replication);
            converge();
        }

        void converge() throws IOException, InterruptedException, ProtocolException {
            replication.converge(server, one.random, BLOCKS_CHANGED);
            otherSourceGoesOn();
        }

        void requireRefused() throws IOException, InterruptedException, ProtocolException {
            Welcome.Volume volume = troubledVolume();
            if (volume.action() != Welcome.Action.FAILED || !volume.reason().contains("smaller than assigned")) {
                throw new AssertionError("a device smaller than assigned is " + volume);
            }
            otherSourceGoesOn();
        }

        /** Nothing was lost, so that nobody has to reopen it: the server looks again by itself. */
        void awaitAccepted() throws IOException, InterruptedException, RunException {
            Waiting.until("the volume", ACCEPT_TIMEOUT, () -> "", () -> {
                try {
                    return troubledVolume().action() == Welcome.Action.RESCAN;
                } catch (IOException | ProtocolException e) {
                    throw new RunException("no session: " + e.getMessage(), e);
                }
            });
        }

        private Welcome.Volume troubledVolume() throws IOException, InterruptedException, ProtocolException {
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, STREAMS)) {
                Welcome.Volume volume = agent.welcome().volumes().get(TROUBLED);
                agent.bye();
                return volume;
            }
        }

        void stall(StorageDaemon daemon) throws IOException, InterruptedException, RunException, ProtocolException {
            try (RawAgent agent = replication.openSession(server)) {
                replication.cycle(agent, () -> {});
                daemon.stall();
                long end = System.nanoTime() + STALL.toNanos();
                replication.source().change(one.random, 2 * BLOCKS_CHANGED);
                agent.openNextEpoch();
                replication.send(agent, () -> {});
                FailedVolume.requireOthersGoOn(agent, TROUBLED);
                Progress told =
                        Progress.parse(agent.control().await(FrameType.PROGRESS).json());
                if (told.waitingFor() != Progress.WaitingFor.VOLUME
                        || told.volumes().getFirst().index() != TROUBLED) {
                    throw new AssertionError("a volume stalls, and what is told is " + told);
                }
                long pingedNanos = System.nanoTime();
                while (System.nanoTime() < end) {
                    otherSourceGoesOn();
                    if (System.nanoTime() - pingedNanos > PING_INTERVAL.toNanos()) {
                        pingedNanos = System.nanoTime();
                        for (RawStream stream : agent.streams()) {
                            stream.connection().ping();
                        }
                    }
                }
                if (agent.unacknowledgedBytes() == 0) {
                    throw new AssertionError("all is acknowledged, and the volume has taken nothing");
                }
                daemon.goOn();
                agent.commit();
                for (RawStream stream : agent.streams()) {
                    stream.awaitAllDurable();
                }
                agent.bye();
            } finally {
                daemon.goOn();
            }
            replication.assertIdentical();
        }

        @Override
        public void close() {
            server.close();
        }
    }
}
