package org.replicationserver.receiver.protocol;

import java.util.Random;

/** Randomness of a test that can be had again: the seed is printed, and a property of this name gives one. */
public final class Seeds {
    private Seeds() {}

    public static Random random(String test) {
        long seed = Long.getLong("test.seed", System.nanoTime());
        System.out.println(test + ": -Dtest.seed=" + seed);
        return new Random(seed);
    }
}
