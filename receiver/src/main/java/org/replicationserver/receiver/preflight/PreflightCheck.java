package org.replicationserver.receiver.preflight;

/** Looks at one thing that the server needs. Runs on a thread of its own, which may block. */
public interface PreflightCheck {
    /** What is looked at, in a few words; of several checks each has another. */
    String name();

    /** Looks, for some seconds at most. What it throws is a fault of this program. */
    Finding look() throws InterruptedException;
}
