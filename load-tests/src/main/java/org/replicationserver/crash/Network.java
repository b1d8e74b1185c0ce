package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * Connections that are cut, reset, fall silent, crawl and are falsified, real ones over TLS. The server ends what it must and in its time, tells no
 * fault of its own and harms no other source server; agents resume, and all becomes equal.
 */
final class Network extends Campaign {
    private static final int COUNT_BY_DEFAULT = 2000;

    private enum Trouble {
        CUT_AT_RECORD,
        CUT_AT_BYTE,
        FLIP,
        /** In the place of which comes one of {@link #RARE}. */
        RARE_ONE,
        RESET,
        HALF_OPEN,
        OLD_SESSION,
        READS_NOTHING,
        SLOW_PEERS,
        REPEATED_RECORD
    }

    /** Twenty cases, again and again. */
    private static final List<Trouble> OFTEN = List.of(
            Trouble.CUT_AT_RECORD,
            Trouble.FLIP,
            Trouble.CUT_AT_BYTE,
            Trouble.FLIP,
            Trouble.FLIP,
            Trouble.CUT_AT_RECORD,
            Trouble.FLIP,
            Trouble.CUT_AT_BYTE,
            Trouble.FLIP,
            Trouble.RARE_ONE,
            Trouble.CUT_AT_RECORD,
            Trouble.FLIP,
            Trouble.CUT_AT_BYTE,
            Trouble.FLIP,
            Trouble.CUT_AT_BYTE,
            Trouble.CUT_AT_RECORD,
            Trouble.FLIP,
            Trouble.CUT_AT_BYTE,
            Trouble.FLIP,
            Trouble.FLIP);

    private static final List<Trouble> RARE = List.of(
            Trouble.RESET,
            Trouble.OLD_SESSION,
            Trouble.READS_NOTHING,
            Trouble.HALF_OPEN,
            Trouble.SLOW_PEERS,
            Trouble.RESET,
            Trouble.REPEATED_RECORD,
            Trouble.RESET,
            Trouble.RESET,
            Trouble.RESET);

    /** The last case of a night, and of no smaller count. */
    private static final int STALL_NUMBER = COUNT_BY_DEFAULT - 1;

    private static final Duration STALL = Duration.ofMinutes(10);
    private static final int STALLED_VOLUME_BYTES = FileAgent.DISK_BYTES;

    Network() {
        super("network", COUNT_BY_DEFAULT, "cases", true);
    }

    @Override
    @Nullable
    String missing(Workshop workshop) {
        return null;
    }

    @Override
    void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, RunException, ProtocolException {
        Duration noticedMax = Duration.ZERO;
        try (ShortSessions sessions =
                ShortSessions.begin(workshop, workshop.directory().resolve(name()))) {
            while (!tally.isComplete()) {
                int number = tally.number();
                Random random = workshop.random(number);
                Path directory = workshop.directory().resolve(name() + "-" + number);
                Trouble trouble = trouble(number);
                if (number == STALL_NUMBER) {
                    tally.done(stall(workshop, directory, random));
                } else if (trouble == Trouble.HALF_OPEN) {
                    Duration noticed = HalfOpenSessions.run(workshop, directory, random);
                    noticedMax = noticed.compareTo(noticedMax) > 0 ? noticed : noticedMax;
                    tally.done("times six half-open sessions");
                } else if (trouble == Trouble.SLOW_PEERS) {
                    SlowPeers.run(workshop, directory, random);
                    tally.done("times five slow peers");
                } else {
                    tally.done(shortSession(sessions, trouble, number, random));
                }
                if (tally.number() % OFTEN.size() == 0) {
                    sessions.assertServerIsSound();
                }
            }
            sessions.assertServerIsSound();
        }
        tally.details(tally.details()
                + (noticedMax.isZero()
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                ", silence noticed by both sides within %.1f s",
                                noticedMax.toMillis() / 1000.0)));
    }

    private static Trouble trouble(int number) {
        int round = number / OFTEN.size();
        Trouble trouble = OFTEN.get(number % OFTEN.size());
        return trouble == Trouble.RARE_ONE ? RARE.get(round % RARE.size()) : trouble;
    }

    private static String shortSession(ShortSessions sessions, Trouble trouble, int number, Random random)
            throws IOException, InterruptedException, ProtocolException {
        return switch (trouble) {
            case CUT_AT_RECORD -> sessions.cutAtRecord(cutNumber(number));
            case CUT_AT_BYTE -> sessions.cutAtByte(random);
            case FLIP -> sessions.flip(random);
            case RESET -> sessions.reset(random);
            case OLD_SESSION -> sessions.replay(random);
            case READS_NOTHING -> sessions.unread(random);
            case REPEATED_RECORD -> sessions.repeatRecord(random);
            case RARE_ONE, HALF_OPEN, SLOW_PEERS -> throw new IllegalArgumentException(trouble.name());
        };
    }

    /** Counts the cases of this kind up to this one. */
    private static int cutNumber(int number) {
        int inRound = (int) OFTEN.subList(0, number % OFTEN.size()).stream()
                .filter(Trouble.CUT_AT_RECORD::equals)
                .count();
        int perRound =
                (int) OFTEN.stream().filter(Trouble.CUT_AT_RECORD::equals).count();
        return number / OFTEN.size() * perRound + inRound;
    }

    private static String stall(Workshop workshop, Path directory, Random random)
            throws IOException, InterruptedException, RunException {
        String missing = StorageDaemon.missing(workshop);
        if (missing != null) {
            return "stall left out, " + missing;
        }
        ServerProcess.Plan plan = workshop.plan(directory).set("memory.budget-bytes=4MiB");
        Path image = directory.resolve("stored.img");
        workshop.run("truncate", "-s", Integer.toString(STALLED_VOLUME_BYTES), image.toString());
        TestSource assigned = FileAgent.assigned(directory, "s-1");
        TestSource steady = SteadySource.assigned(directory, "s-2");
        try (StorageDaemon daemon = StorageDaemon.show(workshop, image, assigned.path(0), null, List.of());
                ServerProcess server = plan.start(assigned, steady)) {
            StalledSession.Device device = new StalledSession.Device() {
                @Override
                public void stall() throws IOException, InterruptedException, RunException {
                    daemon.stall();
                }

                @Override
                public void goOn() throws IOException, InterruptedException, RunException {
                    daemon.goOn();
                }
            };
            StalledSession.run(server, directory, assigned, steady, device, STALL, random);
        }
        return "stall of ten minutes";
    }
}
