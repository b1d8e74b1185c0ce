/**
 * What a GiB of initial sync costs the server: {@code ./run bench}.
 *
 * <p>A newcomer starts at {@link org.replicationserver.bench.Bench}, which is the order of a run. The server runs as a process of
 * its own with the flags of production, its CPU is taken from the operating system, and it is fed by a sender that replays frames
 * compressed beforehand over a real session. Beside it, in turns, runs the floor: a small C program that does only what cannot be
 * avoided. Absolute figures of a shared machine mean nothing alone, so what counts is the ratio of the two in the same run.
 */
@NullMarked
package org.replicationserver.bench;

import org.jspecify.annotations.NullMarked;
