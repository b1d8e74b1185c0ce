package org.replicationserver.receiver.software;

/** Told how a fetch comes along, on its thread; must not block. */
interface FetchListener {
    /** A step begins, or is done, as its name says. */
    void step(FetchStep step);

    /** So many bytes of the object are there. */
    void progress(long bytes, long sizeBytes);
}
