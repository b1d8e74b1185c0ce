package org.replicationserver.fuzz;

import java.io.IOException;

/**
 * A parser, and what must hold of it whatever bytes it gets. One thread; a run depends on its input alone, so that a finding can be had
 * again from it.
 */
public interface FuzzTarget extends AutoCloseable {
    /** What a parser may allocate for small things of its own, and for objects around what it has read. */
    long ALLOCATED_BYTES_MIN = 1 << 20;

    /** For each byte of the input; an object for a byte or two, as text of many small members makes them. */
    long ALLOCATED_PER_BYTE = 1000;

    /**
     * Gives the parser an input.
     *
     * @throws Exception that the parser does not document
     * @throws AssertionError if another rule is broken
     */
    void run(byte[] input) throws Exception;

    /** Gives back what it has opened. */
    @Override
    default void close() throws IOException {}

    /** What a run may allocate on the thread that calls it, so that a length that lies costs nothing. */
    default long allocatedBytesMax(int inputBytes) {
        return ALLOCATED_BYTES_MIN + ALLOCATED_PER_BYTE * inputBytes;
    }
}
