package org.replicationserver.simulation;

import java.util.ArrayList;
import java.util.List;

/**
 * What an agent does to two small volumes, and in which order the server's parts get to their work.
 *
 * @param pauses after each step but the last
 * @param failingCall which write or force of a volume fails, counted from 0; {@link #NONE_FAILS} if none does
 */
record CrashScenario(List<Step> steps, List<Pause> pauses, StorageOrder order, int failingCall) {
    static final int NONE_FAILS = -1;

    /** What a step does; those with a place do it to one volume. */
    enum Kind {
        DATA(0),
        OVERLAPPING_DATA(2),
        ZERO(1),
        COMMIT(-1),
        RECONNECT(-1);

        /** Where it begins; -1 if it has no place. */
        final int firstSector;

        Kind(int firstSector) {
            this.firstSector = firstSector;
        }

        boolean hasPlace() {
            return firstSector >= 0;
        }
    }

    /** One of the agent's. */
    record Step(Kind kind, int volume) {
        @Override
        public String toString() {
            return kind.hasPlace() ? kind + " of volume " + volume : kind.toString();
        }
    }

    /** When the next step follows. */
    enum Pause {
        /** At once. */
        NONE,
        /** In the middle of the next write or force of a volume. */
        DEVICE_CALL,
        /** When the server has nothing more to do. */
        REST
    }

    /** Who gets to work first of those that have something to do. */
    enum StorageOrder {
        RECORDS_FIRST,
        RECORDS_LAST,
        /** The second volume works in the middle of each force of the first. */
        INTERLEAVED
    }

    /** All without a failing call, shortest first. */
    static List<CrashScenario> all(int stepsMax) {
        List<CrashScenario> found = new ArrayList<>();
        for (int length = 0; length <= stepsMax; length++) {
            for (List<Step> steps : sequences(allSteps(), length)) {
                for (List<Pause> pauses : sequences(List.of(Pause.values()), Math.max(0, length - 1))) {
                    for (StorageOrder order : StorageOrder.values()) {
                        found.add(new CrashScenario(steps, pauses, order, NONE_FAILS));
                    }
                }
            }
        }
        return found;
    }

    private static List<Step> allSteps() {
        List<Step> steps = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            for (int volume = 0; volume < (kind.hasPlace() ? CrashRun.VOLUMES : 1); volume++) {
                steps.add(new Step(kind, volume));
            }
        }
        return steps;
    }

    private static <T> List<List<T>> sequences(List<T> of, int length) {
        List<List<T>> sequences = List.of(List.of());
        for (int i = 0; i < length; i++) {
            List<List<T>> longer = new ArrayList<>();
            for (List<T> sequence : sequences) {
                for (T next : of) {
                    List<T> extended = new ArrayList<>(sequence);
                    extended.add(next);
                    longer.add(extended);
                }
            }
            sequences = longer;
        }
        return sequences;
    }

    Pause pauseAfter(int step) {
        return step < pauses.size() ? pauses.get(step) : Pause.REST;
    }

    CrashScenario withFailingCall(int call) {
        return new CrashScenario(steps, pauses, order, call);
    }

    @Override
    public String toString() {
        return steps + ", pauses " + pauses + ", " + order
                + (failingCall == NONE_FAILS ? "" : ", device call " + failingCall + " fails");
    }
}
