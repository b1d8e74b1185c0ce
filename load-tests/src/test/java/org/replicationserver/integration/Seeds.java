package org.replicationserver.integration;

import java.util.Random;

/** Seeds of tests that draw; whoever repeats a failure gives its seed as {@code -Dtest.seed}. */
public final class Seeds {
    private static final String PROPERTY = "test.seed";

    private Seeds() {}

    /** The seed that was given, or a new one; it is printed. */
    @SuppressWarnings("SystemOut")
    public static long seed(String test) {
        long seed = Long.getLong(PROPERTY, new Random().nextLong() >>> 32);
        System.out.println(test + ": -D" + PROPERTY + "=" + seed);
        return seed;
    }
}
