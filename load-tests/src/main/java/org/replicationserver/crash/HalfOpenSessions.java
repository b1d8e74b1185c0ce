package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.replicationserver.crash.FaultyNetwork.Way;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;

/**
 * Sessions of reference agents of which one connection falls silent, control or data, in one direction or both: what is sent is lost, and nobody is
 * told. Agent and server both end the session when nothing was heard for 30 s, whichever of them is deaf; then the agent comes back and all becomes
 * equal. All sessions are of one server at the same time, so that the waits cost no more than one.
 */
final class HalfOpenSessions {
    private static final Duration DEAD_AFTER = Duration.ofSeconds(30);

    /** Of timers, and of a machine that has other things to do. */
    private static final Duration MARGIN = Duration.ofSeconds(3);

    /** A connection that lives is heard of at least every 10 s. */
    private static final Duration NOTICE_MIN = DEAD_AFTER.minusSeconds(11);

    private static final Duration REST_OF_THE_IDLE = Duration.ofHours(1);
    private static final Duration REST_OF_THE_BUSY = Duration.ofMillis(300);
    private static final int POLL_MILLIS = 50;

    /** What falls silent. */
    private record Silence(int connection, Set<Way> ways) {}

    private static final List<Silence> ALL = Stream.of(0, 1)
            .flatMap(connection -> Stream.of(
                            EnumSet.of(Way.TO_SERVER), EnumSet.of(Way.TO_AGENT), EnumSet.allOf(Way.class))
                    .map(ways -> new Silence(connection, ways)))
            .toList();

    /** One session. */
    private static final class Case {
        final Silence silence;
        final FileAgent agent;
        final boolean busy;
        private List<FaultyNetwork.Link> links = List.of();
        private long silentNanos;

        Case(Silence silence, FileAgent agent, boolean busy) {
            this.silence = silence;
            this.agent = agent;
            this.busy = busy;
        }

        void fallSilent() {
            links = agent.network().links();
            if (links.size() != 1 + FileAgent.STREAMS) {
                throw new AssertionError(this + ": " + links.size() + " connections");
            }
            FaultyNetwork.Link link = links.get(silence.connection());
            silentNanos = System.nanoTime();
            silence.ways().forEach(way -> link.flow(way).silence());
        }

        boolean isOver() {
            return links.stream().allMatch(FaultyNetwork.Link::isOver);
        }

        /** When the first or the last connection was ended by the sender of this way. */
        private Duration ended(Way by, boolean last) {
            var times = links.stream().mapToLong(link -> link.flow(by).endedNanos() - silentNanos);
            return Duration.ofNanos(
                    last ? times.max().orElseThrow() : times.min().orElseThrow());
        }

        /** The longest time until one of both sides had ended all connections. */
        Duration audit() {
            for (Way by : Way.values()) {
                Duration first = ended(by, false);
                Duration last = ended(by, true);
                if (first.compareTo(NOTICE_MIN) < 0 || last.compareTo(DEAD_AFTER.plus(MARGIN)) > 0) {
                    throw new AssertionError(
                            this + ": connections were ended " + by + " from " + first + " to " + last + " after it");
                }
            }
            Duration server = ended(Way.TO_AGENT, true);
            Duration client = ended(Way.TO_SERVER, true);
            return server.compareTo(client) > 0 ? server : client;
        }

        @Override
        public String toString() {
            return silence + (busy ? " of a busy session" : " of an idle session");
        }
    }

    private HalfOpenSessions() {}

    /**
     * One session of each kind, every other one busy.
     *
     * @return the longest time until both sides had ended a session
     */
    static Duration run(Workshop workshop, Path directory, Random random) throws IOException, InterruptedException {
        ServerProcess.Plan plan = workshop.plan(directory).set("memory.budget-bytes=" + 2 * (ALL.size() + 1) + "MiB");
        List<TestSource> sources = new ArrayList<>();
        for (int i = 0; i < ALL.size(); i++) {
            sources.add(FileAgent.assigned(directory, "s-" + i));
        }
        TestSource steadySource = SteadySource.assigned(directory, "steady");
        sources.add(steadySource);
        boolean firstIsBusy = random.nextBoolean();
        List<Case> cases = new ArrayList<>();
        try (ServerProcess server = plan.start(sources.toArray(TestSource[]::new))) {
            try (SteadySource steady = SteadySource.begin(server, steadySource, random)) {
                for (int i = 0; i < ALL.size(); i++) {
                    boolean busy = (i % 2 == 0) == firstIsBusy;
                    FileAgent agent = FileAgent.start(
                            directory,
                            sources.get(i),
                            server.endpoint(),
                            random,
                            busy ? REST_OF_THE_BUSY : REST_OF_THE_IDLE);
                    cases.add(new Case(ALL.get(i), agent, busy));
                }
                Duration longest = run(cases, random);
                steady.finish();
                return longest;
            } finally {
                for (Case each : cases) {
                    each.agent.close();
                }
            }
        }
    }

    private static Duration run(List<Case> cases, Random random) throws IOException, InterruptedException {
        for (Case each : cases) {
            each.agent.awaitInitialSync();
        }
        cases.forEach(Case::fallSilent);
        long deadline =
                System.nanoTime() + DEAD_AFTER.plus(MARGIN).multipliedBy(2).toNanos();
        while (!cases.stream().allMatch(Case::isOver)) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not noticed: "
                        + cases.stream().filter(each -> !each.isOver()).toList());
            }
            for (Case each : cases) {
                if (each.busy) {
                    each.agent.change(random);
                }
            }
            Thread.sleep(POLL_MILLIS);
        }
        Duration longest = Duration.ZERO;
        for (Case each : cases) {
            Duration noticed = each.audit();
            longest = noticed.compareTo(longest) > 0 ? noticed : longest;
        }
        for (Case each : cases) {
            each.agent.change(random);
            each.agent.converge();
        }
        return longest;
    }
}
