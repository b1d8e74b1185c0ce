package org.replicationserver.simulation;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** Everything that happens by chance, drawn from one seed. */
final class Dice {
    private final Random random;

    Dice(long seed) {
        this.random = new Random(seed * 0x9E3779B97F4A7C15L);
    }

    /** For what takes its own chances; what one draws does not change what another draws. */
    Dice fork() {
        return new Dice(random.nextLong());
    }

    RandomGenerator generator() {
        return random;
    }

    boolean percent(double chance) {
        return random.nextDouble() * 100 < chance;
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    long below(long bound) {
        return random.nextLong(bound);
    }

    /** Both included. */
    int between(int least, int most) {
        return least + random.nextInt(most - least + 1);
    }

    /** In nanoseconds, up to so many milliseconds. */
    long millisUpTo(long most) {
        return random.nextLong(TimeUnit.MILLISECONDS.toNanos(most) + 1);
    }

    /** In nanoseconds: mostly near the least, now and then a thousand times as long. */
    long skewed(long leastNanos) {
        int doublings = random.nextInt(1 + random.nextInt(8));
        return leastNanos + ((leastNanos * random.nextInt(10)) << doublings);
    }

    void fill(byte[] bytes) {
        random.nextBytes(bytes);
    }

    <T> T of(T[] choices) {
        return choices[random.nextInt(choices.length)];
    }
}
