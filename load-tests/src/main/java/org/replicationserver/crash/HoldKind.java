package org.replicationserver.crash;

import java.util.Arrays;
import java.util.Random;

/** What becomes of a hold. */
enum HoldKind {
    RELEASED(10),
    /** After the other source has committed meanwhile. */
    RELEASED_LATER(3),
    CUT_BEFORE(2),
    CUT_WHILE_HELD(2),
    EXPIRED(3);

    /** How many of 20 holds. */
    private final int share;

    HoldKind(int share) {
        this.share = share;
    }

    static HoldKind draw(Random random) {
        int at = random.nextInt(
                Arrays.stream(values()).mapToInt(kind -> kind.share).sum());
        for (HoldKind kind : values()) {
            at -= kind.share;
            if (at < 0) {
                return kind;
            }
        }
        throw new IllegalStateException("shares do not sum up");
    }
}
