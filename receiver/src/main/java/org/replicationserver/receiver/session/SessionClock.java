package org.replicationserver.receiver.session;

/** The two times that sessions know. */
public interface SessionClock {
    /** Monotonic nanoseconds for intervals. */
    long nanos();

    /** Milliseconds since 1970-01-01T00:00Z for records. */
    long millis();

    /** The clock of the machine. */
    static SessionClock system() {
        return new SessionClock() {
            @Override
            public long nanos() {
                return System.nanoTime();
            }

            @Override
            public long millis() {
                return System.currentTimeMillis();
            }
        };
    }
}
